// Writes changes of rows: one statement a table, however many rows.
import type pg from 'pg';
import type { TableChanges } from './fold.ts';
import type { Projection } from './projection.ts';

/** An event that has no row to change: the read model and the log do not fit together. */
export class RowMissing extends Error {
  override readonly name = 'RowMissing';
}

/**
 * Applies the changes of one table, within the transaction that is open on `client`. A row that has seen the last event of
 * its change already is left alone; one that has seen a part of them ends up the same as one that has seen none.
 *
 * @throws RowMissing when an event finds no row to change
 */
export async function applyChanges(client: pg.Client, { projection, rows }: TableChanges): Promise<void> {
  const { rows: missing } = await client.query<{ index: number }>({
    name: `change ${projection.table}`,
    text: statementFor(projection),
    values: [
      rows.map(({ id }) => id),
      rows.map(({ patch }) => JSON.stringify(patch)),
      rows.map(({ last }) => last.revision),
      rows.map(({ creates }) => creates),
      rows.map(({ needsRow }) => needsRow !== undefined),
    ],
  });
  const first = missing[0] && rows[missing[0].index]?.needsRow;
  if (first === undefined) return;
  throw new RowMissing(`${first.type} at revision ${first.revision} of ${first.stream} has no row to change`);
}

// The statement itself tells what it has not written although nobody has seen it: a question asked later would be
// answered by the statements that were sent behind it.
function statementFor({ table, columns }: Projection): string {
  const set = columns.join(', ');
  const from = (row: string) => columns.map((column) => `${row}.${column}`).join(', ');
  return `
    WITH change AS (
      SELECT * FROM unnest($1::uuid[], $2::jsonb[], $3::bigint[], $4::boolean[], $5::boolean[]) WITH ORDINALITY
        AS change (id, patch, revision, creates, needs_row, place)
    ), updated AS (
      UPDATE ${table} SET (${set}, stream_revision) = (
        SELECT ${from('patched')}, change.revision FROM jsonb_populate_record(${table}, change.patch) AS patched
      )
      FROM change WHERE ${table}.id = change.id AND ${table}.stream_revision < change.revision
      RETURNING ${table}.id
    ), inserted AS (
      INSERT INTO ${table} (id, ${set}, stream_revision)
      SELECT change.id, ${from('made')}, change.revision
      FROM change, jsonb_populate_record(NULL::${table}, change.patch) AS made
      WHERE creates AND NOT EXISTS (SELECT FROM ${table} AS seen WHERE seen.id = change.id)
    )
    SELECT (place - 1)::int AS index FROM change
    WHERE needs_row
      AND NOT EXISTS (SELECT FROM ${table} AS seen WHERE seen.id = change.id AND seen.stream_revision >= change.revision)
      AND id NOT IN (SELECT id FROM updated)
    ORDER BY place LIMIT 1`;
}
