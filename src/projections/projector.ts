// Makes the tables follow the log. One life of the projector: open a connection, hold the lock on it, raise the epoch,
// subscribe after the checkpoint, and commit batch after batch together with the checkpoint; whatever fails ends the
// life, and the next one starts from the checkpoint. Lock and writes share one connection, so that a projector whose
// lock is gone has nothing left to write through.
import type pg from 'pg';
import type { Logger } from 'pino';
import { streamPrefix } from '../events/catalogue.ts';
import { decode, type Recorded } from '../events/codec.ts';
import type { EventLog, LogItem, Position } from '../events/event-log.ts';
import { type Loop, type LoopHealth, type LoopOptions, startLoop } from '../infrastructure/lifecycle.ts';
import { type Connection, connect } from '../infrastructure/postgres.ts';
import { announce } from './announcements.ts';
import { applyChanges } from './apply.ts';
import { advance, type Checkpoint, Fenced, takeOver, tryLock, waitForLock } from './checkpoint.ts';
import { changesOf, isProjected } from './fold.ts';
import { refuseAnotherLog } from './origin.ts';
import {
  applyAround,
  type Failed,
  isPoison,
  nothingParked,
  type Parking,
  parkedChannel,
  readParking,
} from './parking.ts';
import { comparePositions, type Progress } from './progress.ts';

/** What the names of the streams start with that tables are made of. */
export const projectedStreams: readonly string[] = [
  streamPrefix('organization'),
  streamPrefix('factory'),
  streamPrefix('gateway'),
];

export interface ProjectorOptions {
  readonly databaseUrl: string;
  readonly eventLog: EventLog;
  /** Told the position that the tables show, after every commit. */
  readonly progress: Progress;
  readonly logger: Logger;
  readonly backoff?: LoopOptions['backoff'];
}

export interface ProjectorHealth extends Omit<LoopHealth, 'status'> {
  /** `degraded`: it works, but events are parked. */
  readonly status: LoopHealth['status'] | 'degraded';
}

export interface Projector extends Omit<Loop, 'health'> {
  health(): ProjectorHealth;
  /** How many events of each type unknown to this version have been passed over. */
  skipped(): ReadonlyMap<string, number>;
}

/** Starts projecting, or standing by as long as another projector does so on the same database. */
export function startProjector(options: ProjectorOptions): Projector {
  const { logger, backoff } = options;
  const skipped = new Map<string, number>();
  let isParked = false;
  const loop = startLoop({
    name: 'projector',
    logger,
    run: (signal, alive) =>
      throughFences(signal, logger, () =>
        project(options, {
          signal,
          standingBy: alive,
          // Not before a batch is through: a batch that always fails must not end the back-off each time.
          committed: ({ unknown }) => {
            countUnknown(unknown, skipped, logger);
            alive();
          },
          waiting: (isWaiting) => {
            isParked = isWaiting;
          },
        }),
      ),
    ...(backoff && { backoff }),
  });
  const health = (): ProjectorHealth => {
    const { name, status, error } = loop.health();
    if (status === 'running' && isParked) return { name, status: 'degraded' };
    return { name, status, ...(error !== undefined && { error }) };
  };
  return { ...loop, health, skipped: () => skipped };
}

/** To be fenced off is no failure: the tables were swapped, or another projector has them. The next life sees which. */
async function throughFences(signal: AbortSignal, logger: Logger, live: () => Promise<void>): Promise<void> {
  while (!signal.aborted) {
    try {
      return await live();
    } catch (error) {
      if (!(error instanceof Fenced)) throw error;
      logger.info('the tables were swapped, or another projector has taken over; starting anew');
    }
  }
}

export interface Life {
  /** Ends it: what is being written is still committed. */
  readonly signal: AbortSignal;
  readonly standingBy: () => void;
  readonly committed: (batch: Batch) => void;
  /** Told whether events are parked, whenever that may have changed. */
  readonly waiting?: (isWaiting: boolean) => void;
}

/** One life of the projector: returns when `signal` aborts, throws when it cannot go on. */
export async function project(
  { databaseUrl, eventLog, progress, logger }: ProjectorOptions,
  { signal, standingBy, committed, waiting = () => undefined }: Life,
): Promise<void> {
  await using connection = await connect({
    databaseUrl,
    name: 'registry projector',
    pipeline: true,
    timeoutMs: 15_000,
  });
  const { client } = connection;

  waiting(false);
  if (!(await tryLock(client))) {
    logger.info('another projector is active; standing by');
    standingBy();
    if (!(await waitForLock(connection, databaseUrl, signal))) return;
  }
  const checkpoint = await takeOver(client);
  await refuseAnotherLog(client, eventLog, checkpoint);
  await prepareSession(client);
  await hearOfParking(client, waiting);
  logger.info({ epoch: checkpoint.epoch, position: checkpoint.position }, 'projecting');
  await announce(client, checkpoint);
  progress.announce(checkpoint);
  await follow(
    connection,
    eventLog,
    checkpoint,
    signal,
    (batch, moved, parking) => {
      progress.announce(moved);
      for (const failed of parking.failed) logParked(failed, logger);
      waiting(parking.isWaiting);
      committed(batch);
    },
    announce,
  );
}

/** Somebody may retry what is parked while no event comes. */
async function hearOfParking(client: pg.Client, waiting: (isWaiting: boolean) => void): Promise<void> {
  const tell = async () => waiting((await readParking(client)).isWaiting);
  // A session that has ended by now will be followed by one that asks anew.
  client.on('notification', ({ channel }) => channel === parkedChannel && void tell().catch(() => undefined));
  await client.query(`LISTEN ${parkedChannel}`);
  await tell();
}

/**
 * Commits what the log holds after a checkpoint, and then what comes, batch after batch, into the tables that the session
 * of a connection sees; events that these cannot take are parked there. Returns when `signal` aborts, throws when it cannot
 * go on.
 *
 * @param alongside what else each transaction does, told the checkpoint that it moves to
 * @throws Fenced
 */
export async function follow(
  { client, lost }: Connection,
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

function logParked({ event: { stream, revision, type }, poison }: Failed, logger: Logger): void {
  const { sqlstate, error } = poison;
  logger.error(
    { stream, revision, type, sqlstate, error },
    `${type} at revision ${revision} of ${stream} is parked (${error}); npm run projections -- parked list`,
  );
}

function countUnknown(types: readonly string[], skipped: Map<string, number>, logger: Logger): void {
  for (const type of types) {
    const count = skipped.get(type) ?? 0;
    if (count === 0) logger.warn({ type }, `events of the unknown type ${type} are passed over`);
    skipped.set(type, count + 1);
  }
}
