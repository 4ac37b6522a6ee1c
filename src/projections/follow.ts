// How tables follow the log: batch after batch, each committed together with the checkpoint.
import type pg from 'pg';
import { streamPrefix } from '../events/catalogue.ts';
import { decode, type Recorded } from '../events/codec.ts';
import type { EventLog, LogItem, Position } from '../events/event-log.ts';
import type { Connection } from '../infrastructure/postgres.ts';
import { applyChanges } from './apply.ts';
import { advance, type Checkpoint } from './checkpoint.ts';
import { changesOf, isProjected } from './fold.ts';
import { applyAround, isPoison, nothingParked, type Parking, readParking } from './parking.ts';
import { comparePositions } from './progress.ts';

/** What the names of the streams start with that tables are made of. */
export const projectedStreams: readonly string[] = [
  streamPrefix('organization'),
  streamPrefix('factory'),
  streamPrefix('gateway'),
  streamPrefix('gatewayPresence'),
];

/**
 * Commits what the log holds after a checkpoint, and then what comes, batch after batch, into the tables that the session
 * of a connection sees; events that these cannot take are parked there. Returns when `signal` aborts, throws when it cannot
 * go on.
 *
 * @param alongside what else each transaction does, told the checkpoint that it moves to
 * @throws Fenced
 */
export async function follow(
  { client, lost }: Pick<Connection, 'client' | 'lost'>,
  eventLog: EventLog,
  from: Checkpoint,
  signal: AbortSignal,
  committed: (batch: Batch, checkpoint: Checkpoint, parking: Parking) => void,
  alongside: Alongside = async () => undefined,
): Promise<void> {
  let checkpoint = from;
  let parking = await readParking(client);
  const after = from.position ?? 'start';
  const ending = AbortSignal.any([signal, lost]);
  for await (const items of eventLog.subscribe({
    streamPrefixes: projectedStreams,
    after,
    signal: ending,
    maxBatch: 500,
  })) {
    const batch = readBatch(items, checkpoint.position);
    ({ checkpoint, parking } = await commit(client, checkpoint, batch, parking, alongside));
    committed(batch, checkpoint, parking);
  }
  lost.throwIfAborted();
}

/** Sends something within the transaction that is open, without waiting for what was sent before it. */
export type Alongside = (client: pg.Client, checkpoint: Checkpoint) => Promise<void>;

/**
 * A commit need not wait for the disk: after a crash of Postgres the last batches are gone together with their
 * checkpoint, and are read from the log once more. Every statement finds its rows by their key, so it is planned once
 * and in no other way: a plan made for a small table would be ruinous while the table grows, and planning anew each
 * time takes longer than the work. Forbidding the other ways makes a plan look so dear that Postgres would compile it.
 */
export async function prepareSession(client: pg.Client): Promise<void> {
  await client.query(`
    SET synchronous_commit = off;
    SET plan_cache_mode = force_generic_plan;
    SET enable_seqscan = off;
    SET enable_hashjoin = off;
    SET enable_mergejoin = off;
    SET jit = off`);
}

export interface Batch {
  readonly events: readonly Recorded[];
  /** The types of events that this version does not know, one entry an event. */
  readonly unknown: readonly string[];
  /** Where the log stands after the batch; undefined when nothing in it is new. */
  readonly position: Position | undefined;
  /** Whether the live end of the log is reached with it. */
  readonly caughtUp: boolean;
}

function readBatch(items: readonly LogItem[], after: Position | undefined): Batch {
  const events: Recorded[] = [];
  const unknown: string[] = [];
  let position = after;
  let caughtUp = false;
  for (const item of items) {
    if (item.kind === 'caught-up') {
      caughtUp = true;
      continue;
    }
    const at = item.kind === 'event' ? item.event.position : item.position;
    if (position !== undefined && comparePositions(at, position) <= 0) continue;
    position = at;
    if (item.kind === 'checkpoint') continue;
    const event = decode(item.event);
    if (event !== undefined && isProjected(event.type)) events.push(event);
    else unknown.push(item.event.type);
  }
  return { events, unknown, position: position === after ? undefined : position, caughtUp };
}

interface Committed {
  readonly checkpoint: Checkpoint;
  readonly parking: Parking;
}

async function commit(
  client: pg.Client,
  checkpoint: Checkpoint,
  { events, position }: Batch,
  before: Parking,
  alongside: Alongside,
): Promise<Committed> {
  if (position === undefined) return { checkpoint, parking: { ...before, failed: [] } };
  if (before.isInUse) return commitAround(client, checkpoint, events, position, alongside, true);
  try {
    return { checkpoint: await commitAtOnce(client, checkpoint, events, position, alongside), parking: nothingParked };
  } catch (error) {
    if (!isPoison(error)) throw error;
    await client.query('ROLLBACK');
    return commitAround(client, checkpoint, events, position, alongside, false);
  }
}

const begin = `BEGIN; SET LOCAL registry.writer = 'on'`;

async function commitAtOnce(
  client: pg.Client,
  checkpoint: Checkpoint,
  events: readonly Recorded[],
  position: Position,
  alongside: Alongside,
): Promise<Checkpoint> {
  // Sent without waiting for each other: a lone event takes two round trips. The checkpoint comes first, so that its
  // row lock holds off any other writer before a row is touched.
  const [, advanced] = await allOf([
    client.query(begin),
    advance(client, checkpoint, position),
    ...changesOf(events).map((changes) => applyChanges(client, changes)),
    alongside(client, { epoch: checkpoint.epoch, position }),
  ]);
  await client.query('COMMIT');
  return advanced;
}

/** The row lock of the checkpoint also holds off whoever retries what is parked: it is read after the lock is had. */
async function commitAround(
  client: pg.Client,
  checkpoint: Checkpoint,
  events: readonly Recorded[],
  position: Position,
  alongside: Alongside,
  bulkFirst: boolean,
): Promise<Committed> {
  const [, advanced] = await allOf([
    client.query(begin),
    advance(client, checkpoint, position),
    alongside(client, { epoch: checkpoint.epoch, position }),
  ]);
  const parking = await applyAround(client, events, bulkFirst);
  await client.query('COMMIT');
  return { checkpoint: advanced, parking };
}

/** The results of all; or the error of the first that failed by itself, and not because the transaction was void. */
async function allOf<T extends readonly Promise<unknown>[]>(
  promises: readonly [...T],
): Promise<{ -readonly [I in keyof T]: Awaited<T[I]> }> {
  const settled = await Promise.allSettled(promises);
  const failures = settled.flatMap((result) => (result.status === 'rejected' ? [result.reason] : []));
  if (failures.length > 0) throw failures.find((error) => error.code !== '25P02') ?? failures[0];
  return settled.map((result) => result.status === 'fulfilled' && result.value) as never;
}
