import { z } from 'zod';
import { type Pool, sql } from '../infrastructure/postgres.ts';

type Fragment = ReturnType<typeof sql.fragment>;

/** The part of a list that is asked for, as it stands in a query string. */
export const PageQuery = z.strictObject({
  limit: wholeNumber(z.int().min(1).max(100)).default(20),
  offset: wholeNumber(z.int().min(0)).default(0),
});

export type PageQuery = z.output<typeof PageQuery>;

export const Pagination = z.object({
  total: z.int(),
  limit: z.int(),
  offset: z.int(),
  hasNext: z.boolean(),
  hasPrev: z.boolean(),
});

export interface Page<Item> {
  data: Item[];
  pagination: z.output<typeof Pagination>;
}

/** What a list is made of: the columns of an item, and which rows of which table. */
export interface List {
  readonly columns: Fragment;
  readonly table: Fragment;
  readonly where: Fragment;
}

/** The body of a list of items of this schema. */
export function pageOf<Item extends z.ZodType>(item: Item) {
  return z.object({ data: z.array(item), pagination: Pagination });
}

/**
 * Reads a page in the order of creation. Items and total come from one statement, hence from one moment.
 *
 * @throws what `isUnavailable` tells apart
 */
export async function readPage<Item>(
  pool: Pool,
  item: z.ZodType<Item>,
  { columns, table, where }: List,
  { limit, offset }: PageQuery,
): Promise<Page<Item>> {
  const rows = await pool.any(sql.type(rowOf(item))`
    SELECT total, page.*
    FROM (SELECT count(*)::int AS total FROM ${table} WHERE ${where}) AS counted
    LEFT JOIN (
      SELECT ${columns} FROM ${table} WHERE ${where} ORDER BY created_at, id LIMIT ${limit} OFFSET ${offset}
    ) AS page ON true
    ORDER BY created_at, id`);
  const total = rows[0]?.total ?? 0;
  const data = rows.flatMap((row) => row.items);
  return {
    data,
    pagination: { total, limit, offset, hasNext: offset + data.length < total, hasPrev: offset > 0 },
  };
}

// A page without items is one row that has the total and nothing else.
function rowOf<Item>(item: z.ZodType<Item>) {
  return z
    .looseObject({ total: z.int(), id: z.guid().nullable() })
    .transform((row) => ({ total: row.total, items: row.id === null ? [] : [item.parse(row)] }));
}

// Not `z.coerce`, to which '', ' 7' and '0x10' are numbers.
function wholeNumber<Schema extends z.ZodType<number>>(schema: Schema) {
  return z.preprocess((text) => (typeof text === 'string' && /^\d+$/.test(text) ? Number(text) : text), schema);
}
