// The one statement that reads a page of a list, with its total.
import { hash } from 'node:crypto';
import type { z } from 'zod';
import { sql } from '../infrastructure/postgres.ts';
import type { Place } from './cursor.ts';
import type { Condition } from './filter.ts';
import { orderOf, type Sort } from './order.ts';
import { totalOf } from './total.ts';

type Fragment = ReturnType<typeof sql.fragment>;

/** What a list is read from. */
export interface Source<Row> {
  readonly table: string;
  readonly columns: Fragment;
  readonly row: z.ZodType<Row>;
  /** What the rows of a page have from elsewhere, looked up when it is known which rows these are. */
  readonly beside?: { readonly columns: Fragment; readonly join: (page: string) => Fragment } | undefined;
}

/** Which part of it, and in which order. */
export interface Part {
  readonly sort: Sort;
  readonly includeDeleted: boolean;
  readonly limit: number;
  readonly offset: number;
  /** Where the page before ended; the page starts at `offset` when there is none. */
  readonly after: Place | undefined;
}

/** Reads a page, and one row more than it has, to know whether another one follows. Every row has the total. */
export function pageStatement<Row>(
  { table, columns, row, beside }: Source<Row>,
  where: readonly Condition[],
  { sort, includeDeleted, limit, offset, after }: Part,
) {
  const order = orderOf(sort);
  const from = sql.identifier([table]);
  const direction = order.descending ? sql.fragment`DESC` : sql.fragment`ASC`;
  const skip = after === undefined ? offset : 0;
  const fetch = limit + 1;

  const shownColumns = includeDeleted ? sql.fragment`${columns}, deleted_at` : columns;

  const isSearch = where.some((condition) => condition.isSearch);
  const total = isSearch ? sql.fragment`(SELECT count(*)::int FROM searched)` : totalOf(table, where, includeDeleted);
  const statement = sql.type(row)`
    ${isSearch ? searched() : sql.fragment``}
    SELECT ${total} AS total, ${shownColumns}, sort_key ${beside ? sql.fragment`, ${beside.columns}` : sql.fragment``}
    FROM (VALUES (true)) AS one
    LEFT JOIN (${isSearch ? ofSearched() : merged()}) AS page ON true ${beside?.join('page') ?? sql.fragment``}
    ORDER BY sort_by ${direction}, id ${direction}`;
  const isUsual = !includeDeleted && where.length <= 1 && !isSearch && skip === 0 && usualLimits.includes(limit);
  return isUsual ? prepared(statement) : statement;

  // To walk an order until enough rows are met may take reading the table in the order of an index, page by page: the search
  // reads the table once as it lies, for items and total.
  function searched(): Fragment {
    const conditions = [
      ...(includeDeleted ? [] : [sql.fragment`deleted_at IS NULL`]),
      ...where.map(({ holds }) => holds),
    ];
    return sql.fragment`WITH searched AS MATERIALIZED (
      SELECT id AS found, ${order.expression} AS sort_by FROM ${from} WHERE ${allOf(conditions)}
    )`;
  }

  function ofSearched(): Fragment {
    const further =
      after === undefined ? sql.fragment`` : sql.fragment`WHERE ${beyond(sql.fragment`sort_by, found`, after)}`;
    return sql.fragment`
      SELECT ${shownColumns}, sort_by, ${order.text} AS sort_key FROM (
        SELECT found, sort_by FROM searched ${further}
        ORDER BY sort_by ${direction}, found ${direction} LIMIT ${literal(fetch)} OFFSET ${literal(skip)}
      ) AS cut JOIN ${from} ON id = found`;
  }

  function merged(): Fragment {
    return sql.fragment`
      SELECT * FROM (${includeDeleted ? sql.fragment`${live()} UNION ALL ${deleted()}` : live()}) AS shown
      ORDER BY sort_by ${direction}, id ${direction} LIMIT ${literal(fetch)} OFFSET ${literal(skip)}`;
  }

  function live(): Fragment {
    return part(sql.fragment`deleted_at IS NULL`);
  }

  function deleted(): Fragment {
    return part(sql.fragment`deleted_at IS NOT NULL`);
  }

  // Each part has indexes of its own, and is cut before the two are merged.
  function part(condition: Fragment): Fragment {
    const conditions = [
      condition,
      ...where.map(({ holds }) => holds),
      ...(after === undefined ? [] : [beyond(sql.fragment`${order.expression}, id`, after)]),
    ];
    return sql.fragment`(
      SELECT ${shownColumns}, ${order.expression} AS sort_by, ${order.text} AS sort_key
      FROM ${from} WHERE ${allOf(conditions)}
      ORDER BY ${order.expression} ${direction}, id ${direction} LIMIT ${literal(fetch + skip)}
    )`;
  }

  function beyond(columns: Fragment, { key, id }: Place): Fragment {
    const comparison = order.descending ? sql.fragment`<` : sql.fragment`>`;
    return sql.fragment`(${columns}) ${comparison} (${order.valueOf(key)}, ${id}::uuid)`;
  }
}

function allOf(conditions: readonly Fragment[]): Fragment {
  return sql.fragment`${sql.join(conditions, sql.fragment` AND `)}`;
}

/** A number as it stands: how many rows are wanted decides how Postgres goes about it. */
function literal(number: number): Fragment {
  return sql.fragment`${sql.literalValue(String(number))}`;
}

/**
 * To plan a list takes Postgres longer than to read it, so what is asked for all the time is planned once a connection. Each
 * connection keeps what it has prepared: only the default and the greatest limit, and one filter at most.
 */
function prepared<Query extends { readonly sql: string }>(statement: Query): Query & { readonly name: string } {
  return { ...statement, name: `list ${hash('sha1', statement.sql, 'base64url')}` };
}

const usualLimits: readonly number[] = [20, 100];
