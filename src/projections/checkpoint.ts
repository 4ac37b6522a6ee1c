// Who may write the read model, and from where. The right to write is an advisory lock that lives and dies with the
// projector's connection; the epoch, raised by whoever gets the lock, stops one that wakes up without it.
import type pg from 'pg';
import type { Position } from '../events/event-log.ts';

export interface Checkpoint {
  readonly epoch: bigint;
  /** Undefined before the first event. */
  readonly position: Position | undefined;
}

/** Another projector has taken over, or has moved the checkpoint: what this one holds is not to be written. */
export class Fenced extends Error {
  override readonly name = 'Fenced';
}

/** Raises the epoch, so that every projector before this one is fenced off, and reads where to go on. */
export async function takeOver(client: pg.Client): Promise<Checkpoint> {
  const { rows } = await client.query<Row & { epoch: string }>(
    `UPDATE projection_checkpoint SET epoch = epoch + 1 RETURNING epoch::text, ${positions}`,
  );
  return checkpointOf(rows);
}

/** The checkpoint, read without taking part. */
export async function readCheckpoint(client: pg.Client): Promise<Checkpoint> {
  const { rows } = await client.query<Row & { epoch: string }>(
    `SELECT epoch::text, ${positions} FROM public.projection_checkpoint`,
  );
  return checkpointOf(rows);
}

/** Where the read model stands, read without taking part; undefined before the first event. */
export async function readPosition(client: pg.Client): Promise<Position | undefined> {
  const { rows } = await client.query<Row>(`SELECT ${positions} FROM public.projection_checkpoint`);
  return rows[0] && positionOf(rows[0]);
}

// As text, because the driver would make doubles of them.
const positions = 'commit_position::text AS commit, prepare_position::text AS prepare';

interface Row {
  readonly commit: string | null;
  readonly prepare: string | null;
}

function checkpointOf([row]: readonly (Row & { readonly epoch: string })[]): Checkpoint {
  if (row === undefined) throw new Error('the table projection_checkpoint has lost its row');
  return { epoch: BigInt(row.epoch), position: positionOf(row) };
}

function positionOf({ commit, prepare }: Row): Position | undefined {
  return commit === null || prepare === null ? undefined : { commit: BigInt(commit), prepare: BigInt(prepare) };
}

/**
 * Moves the checkpoint within the transaction that is open on `client`.
 *
 * @throws Fenced when it is not where this projector left it; the transaction is then to be rolled back
 */
export async function advance(client: pg.Client, { epoch, position }: Checkpoint, to: Position): Promise<Checkpoint> {
  const { rowCount } = await client.query({
    name: 'advance',
    text: `
      UPDATE projection_checkpoint SET commit_position = $4, prepare_position = $5
      WHERE epoch = $1 AND commit_position IS NOT DISTINCT FROM $2 AND prepare_position IS NOT DISTINCT FROM $3`,
    values: [epoch, position?.commit, position?.prepare, to.commit, to.prepare],
  });
  if (rowCount !== 1) throw new Fenced(`the checkpoint is no longer where epoch ${epoch} left it`);
  return { epoch, position: to };
}
