// Lists: which part of one is asked for, and what is answered. A page goes on by offset or, at any depth equally
// quickly, after the last row of the page before (keyset).
import { z } from 'zod';
import type { Pool } from '../infrastructure/postgres.ts';
import { decodeCursor, encodeCursor, type Place } from './cursor.ts';
import { type Condition, flag } from './filter.ts';
import { orderOf, type Sort, type SortKey } from './order.ts';
import { type Part, pageStatement, type Source } from './page-statement.ts';

/** The part of a list that is asked for. */
export interface PageRequest extends Part {
  /** Name, order and filters of the list, always in the same words. */
  readonly list: string;
}

/** A resource as queries show it: `deleted_at` is there if it was asked for. */
export type Shown<Resource> = Resource & { readonly deleted_at?: string | null };

/** What a list is made of. */
export type List<Item> = Source<Row<Item>>;

interface Row<Item> {
  readonly total: number;
  readonly sortKey: string | null;
  /** Of a page without items the total is all there is. */
  readonly item: Item | undefined;
}

interface WithId {
  readonly id: string;
}

export const Pagination = z
  .object({
    total: z.int().describe('How many items the list has, all pages together'),
    limit: z.int(),
    offset: z.int().describe('How many items come before this page; by cursor: how many the pages before it had'),
    hasNext: z.boolean(),
    hasPrev: z.boolean(),
    nextCursor: z
      .string()
      .exactOptional()
      .describe('Send it as `cursor`, with the same filters and sort, for the next page; absent on the last page'),
  })
  .meta({ id: 'Pagination' });

export interface Page<Item> {
  data: Item[];
  pagination: z.output<typeof Pagination>;
}

/** The body of a list of items of this schema. */
export function pageOf<Item extends z.ZodType>(item: Item) {
  return z.object({ data: z.array(item), pagination: Pagination });
}

export const includeDeleted = flag('Shows what is soft-deleted as well, with `deleted_at`: null for what is not');

/** The schema of a resource as queries show it, with its name in the reference. */
export function shown<Shape extends z.ZodRawShape>(resource: z.ZodObject<Shape>, id: string) {
  return resource
    .extend({
      deleted_at: z.iso
        .datetime()
        .nullable()
        .exactOptional()
        .describe('When it was soft-deleted; only with `include_deleted=true`'),
    })
    .meta({ ...resource.meta(), id });
}

/**
 * A list of the rows of a table.
 *
 * @param beside what its items have from elsewhere
 */
export function listOf<Item extends WithId>(
  table: string,
  columns: List<Item>['columns'],
  item: z.ZodType<Item>,
  beside?: List<Item>['beside'],
): List<Item> {
  return { table, columns, row: rowOf(item), beside };
}

/**
 * The query string of a list, as filters and the page that is asked for.
 *
 * @param name of the list, to which its cursors are bound
 * @param keys what the list can be sorted by
 */
export function listQuery<Filters extends z.ZodRawShape>(name: string, keys: readonly SortKey[], filters: Filters) {
  return z
    .strictObject({ ...filters, ...pageParameters(keys) })
    .transform((query, context): { readonly filters: z.output<z.ZodObject<Filters>>; readonly page: PageRequest } => {
      const { limit, offset, cursor, sort, include_deleted, ...rest } = query as PageParameters;
      const list = JSON.stringify([name, sort, include_deleted, Object.entries(rest).sort()]);
      if (cursor !== undefined && offset !== undefined) {
        context.addIssue({ code: 'custom', path: ['offset'], message: 'cannot be combined with a cursor' });
      }
      const after = cursor === undefined ? undefined : placeOf(cursor, list, sort);
      if (cursor !== undefined && after === undefined) {
        context.addIssue({
          code: 'custom',
          path: ['cursor'],
          message: 'does not fit: a cursor goes, unaltered, with the sort and the filters of the list it came from',
        });
      }
      const page = { list, sort, includeDeleted: include_deleted, limit, offset: after?.offset ?? offset ?? 0, after };
      return { filters: rest as z.output<z.ZodObject<Filters>>, page };
    });
}

/**
 * Reads a page. Items and total come from one statement, hence from one moment.
 *
 * @throws what `isUnavailable` tells apart
 */
export async function readPage<Item extends WithId>(
  pool: Pool,
  source: List<Item>,
  where: readonly Condition[],
  page: PageRequest,
): Promise<Page<Item>> {
  const { list, limit, offset } = page;
  const rows = await pool.any(pageStatement(source, where, page));

  const found = rows.flatMap(({ item, sortKey }) => (item === undefined ? [] : [{ item, sortKey }]));
  const shown = found.slice(0, limit);
  const last = shown.at(-1);
  const hasNext = found.length > limit;
  return {
    data: shown.map(({ item }) => item),
    pagination: {
      total: rows[0]?.total ?? 0,
      limit,
      offset,
      hasNext,
      hasPrev: offset > 0,
      ...(hasNext &&
        last && {
          nextCursor: encodeCursor({ key: last.sortKey, id: last.item.id, offset: offset + shown.length }, list),
        }),
    },
  };
}

interface PageParameters {
  readonly limit: number;
  readonly offset?: number;
  readonly cursor?: string;
  readonly sort: Sort;
  readonly include_deleted: boolean;
  readonly [filter: string]: unknown;
}

function pageParameters(keys: readonly SortKey[]) {
  return {
    include_deleted: includeDeleted,
    sort: z
      .enum(keys.flatMap((key): Sort[] => [key, `-${key}`]))
      .default('created_at')
      .describe(descriptionOfSort(keys)),
    limit: wholeNumber(1, 100).default(20).describe('How many items a page has at most'),
    offset: wholeNumber(0, Number.MAX_SAFE_INTEGER)
      .exactOptional()
      .describe('How many items to pass over, 0 by default. The deeper the slower: `cursor` is not'),
    cursor: z
      .string()
      .exactOptional()
      .describe('The `nextCursor` of the page before, with the same filters and sort, and without `offset`'),
  };
}

function descriptionOfSort(keys: readonly SortKey[]): string {
  const seen = keys.includes('last_seen_at') ? ' A gateway that was never seen comes before all that were.' : '';
  return `What to order by; \`-\` reverses the order. Names are ordered without regard to case.${seen} Equals are ordered by id.`;
}

function placeOf(cursor: string, list: string, sort: Sort): Place | undefined {
  const place = decodeCursor(cursor, list);
  return place && orderOf(sort).key.safeParse(place.key).success ? place : undefined;
}

function rowOf<Item>(item: z.ZodType<Item>): z.ZodType<Row<Item>> {
  return z.unknown().transform((row) => {
    const { total, id, sort_key } = Head.parse(row);
    return { total, sortKey: sort_key, item: id === null ? undefined : item.parse(row) };
  });
}

/** What a row of any list has beside its item. */
const Head = z.object({ total: z.int(), id: z.guid().nullable(), sort_key: z.string().nullable() });

/** A parameter that is a whole number. Not `z.coerce`, to which '', ' 7' and '0x10' are numbers. */
export function wholeNumber(least: number, most: number) {
  const range = most === Number.MAX_SAFE_INTEGER ? `${least} on` : `${least} to ${most}`;
  const schema = z
    .int(`must be a whole number from ${range}`)
    .min(least, `must be a whole number from ${range}`)
    .max(most, `must be a whole number from ${range}`);
  return z.preprocess((text) => (typeof text === 'string' && /^\d+$/.test(text) ? Number(text) : text), schema);
}
