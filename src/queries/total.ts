// How many items a list has, as an expression for the statement that reads its page. Of all rows, and of those of one
// parent, it is kept up to date with them in `projection_totals`; of anything else it is counted.
import { sql } from '../infrastructure/postgres.ts';
import type { Condition } from './filter.ts';

type Fragment = ReturnType<typeof sql.fragment>;

const all = '00000000-0000-0000-0000-000000000000';

/** The total of the rows of a table that meet all conditions. */
export function totalOf(table: string, where: readonly Condition[], includeDeleted: boolean): Fragment {
  const [first, ...others] = where;
  if (first === undefined) return kept(table, all, includeDeleted);
  if (first.parent !== undefined && others.length === 0) {
    return kept(`${table}.${first.parent.column}`, first.parent.id, includeDeleted);
  }
  return counted(table, where, includeDeleted);
}

function kept(list: string, parent: string, includeDeleted: boolean): Fragment {
  const number = includeDeleted ? sql.fragment`live + deleted` : sql.fragment`live`;
  return sql.fragment`coalesce((
    SELECT ${number} FROM projection_totals WHERE list = ${list} AND parent = ${parent}::uuid
  ), 0)::int`;
}

// The live and the deleted apart, because each have indexes of their own.
function counted(table: string, where: readonly Condition[], includeDeleted: boolean): Fragment {
  const live = count(sql.fragment`deleted_at IS NULL`);
  return includeDeleted ? sql.fragment`${live} + ${count(sql.fragment`deleted_at IS NOT NULL`)}` : live;

  function count(part: Fragment): Fragment {
    const conditions = [part, ...where.map(({ holds }) => holds)];
    const from = sql.identifier([table]);
    return sql.fragment`(SELECT count(*)::int FROM ${from} WHERE ${sql.join(conditions, sql.fragment` AND `)})`;
  }
}
