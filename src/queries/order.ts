// What lists are ordered by. The expressions are those of the indexes, to the letter; none of them is ever null, so that
// `(expression, id) > (key, id)` says exactly what comes after a row.
import { z } from 'zod';
import { sql } from '../infrastructure/postgres.ts';

type Fragment = ReturnType<typeof sql.fragment>;

export interface Order {
  readonly expression: Fragment;
  /** The value of a row as text that loses nothing. */
  readonly text: Fragment;
  /** What the text may be. */
  readonly key: z.ZodType<string | null>;
  /** The expression's value again, of the text. */
  readonly valueOf: (key: string | null) => Fragment;
}

export type SortKey = 'name' | 'created_at' | 'updated_at' | 'last_seen_at';

/** A key, or `-` and a key for its reverse. */
export type Sort = SortKey | `-${SortKey}`;

// Times have microseconds in Postgres, and milliseconds in JavaScript. There is no year 0 in Postgres.
const Time = z.iso.datetime({ precision: 6 }).refine((time) => !time.startsWith('0000'));

const orders: Readonly<Record<SortKey, Order>> = {
  name: {
    expression: sql.fragment`lower(name)`,
    text: sql.fragment`lower(name)`,
    key: z.string().refine((name) => !name.includes('\0')),
    valueOf: (key) => sql.fragment`${key}`,
  },
  created_at: {
    expression: sql.fragment`created_at`,
    text: timeAsText(sql.fragment`created_at`),
    key: Time,
    valueOf: (key) => sql.fragment`${key}::timestamptz`,
  },
  updated_at: {
    expression: sql.fragment`updated_at`,
    text: timeAsText(sql.fragment`updated_at`),
    key: Time,
    valueOf: (key) => sql.fragment`${key}::timestamptz`,
  },
  last_seen_at: {
    expression: sql.fragment`coalesce(last_seen_at, '-infinity')`,
    text: timeAsText(sql.fragment`last_seen_at`),
    key: Time.nullable(),
    valueOf: (key) => sql.fragment`coalesce(${key}::timestamptz, '-infinity')`,
  },
};

/** How rows are ordered for a `sort` of a query string, `-` for descending. */
export function orderOf(sort: Sort): Order & { readonly descending: boolean } {
  const descending = sort.startsWith('-');
  const key = (descending ? sort.slice(1) : sort) as SortKey;
  return { ...orders[key], descending };
}

function timeAsText(time: Fragment): Fragment {
  return sql.fragment`to_char(${time} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')`;
}
