// What lists can be filtered by: the parameters as they stand in a query string, and the conditions that they mean.
import { z } from 'zod';
import { sql } from '../infrastructure/postgres.ts';

type Fragment = ReturnType<typeof sql.fragment>;

export interface Condition {
  readonly holds: Fragment;
  /** What the rows belong to that it lets through, when it says nothing else. */
  readonly parent?: Parent;
  /** No index helps: whoever asks for it has the table read. */
  readonly isSearch?: boolean;
}

export interface Parent {
  readonly column: string;
  readonly id: string;
}

/** Text of up to so many characters, counted as Postgres counts them. */
export function textFilter(longest: number, description: string) {
  return z
    .string()
    .min(1, 'must not be empty: leave the parameter out instead')
    .refine((text) => [...text].length <= longest, `must have at most ${longest} characters`)
    .refine((text) => !text.includes('\0'), 'must not have the character U+0000')
    .meta({ description, minLength: 1, maxLength: longest })
    .exactOptional();
}

/** A parameter that is `true` or `false`, and `false` when it is left out. */
export function flag(description: string) {
  return z
    .enum(['true', 'false'])
    .default('false')
    .transform((text) => text === 'true')
    .meta({ description });
}

/** The conditions that were asked for. */
export function conditions(...asked: readonly (Condition | undefined)[]): readonly Condition[] {
  return asked.filter((condition) => condition !== undefined);
}

/** The rows of this parent, if there is one; there are totals of each. */
export function childrenOf(column: string, id: string | undefined): Condition | undefined {
  return id === undefined
    ? undefined
    : { holds: sql.fragment`${sql.identifier([column])} = ${id}`, parent: { column, id } };
}

/** `column = value`, if there is a value. */
export function equal(column: Fragment, value: string | undefined): Condition | undefined {
  return value === undefined ? undefined : { holds: sql.fragment`${column} = ${value}` };
}

/** `column` contains the text as it stands, whatever the case. */
export function contains(column: Fragment, text: string | undefined): Condition | undefined {
  if (text === undefined) return undefined;
  return {
    isSearch: true,
    holds: sql.fragment`lower(${column}) LIKE lower(${`%${text.replace(/[\\%_]/g, '\\$&')}%`})`,
  };
}
