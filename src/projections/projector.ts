// Makes the tables follow the log. One life of the projector: open a connection, hold the lock on it, raise the epoch,
// subscribe after the checkpoint, and commit batch after batch together with the checkpoint; whatever fails ends the
// life, and the next one starts from the checkpoint. Lock and writes share one connection, so that a projector whose
// lock is gone has nothing left to write through.
import type pg from 'pg';
import type { Logger } from 'pino';
import type { EventLog } from '../events/event-log.ts';
import { whileActive } from '../infrastructure/active-instance.ts';
import { type Loop, type LoopHealth, type LoopOptions, startLoop } from '../infrastructure/lifecycle.ts';
import type { Connection } from '../infrastructure/postgres.ts';
import { announce } from './announcements.ts';
import { Fenced, takeOver } from './checkpoint.ts';
import { type Batch, follow, prepareSession } from './follow.ts';
import { refuseAnotherLog } from './origin.ts';
import { type Failed, parkedChannel, readParking } from './parking.ts';
import type { Progress } from './progress.ts';

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

const name = 'projector';

/** Starts projecting, or standing by as long as another projector does so on the same database. */
export function startProjector(options: ProjectorOptions): Projector {
  const { logger, backoff } = options;
  const skipped = new Map<string, number>();
  let isParked = false;
  let hasFailed = false;
  const loop = startLoop({
    name,
    logger,
    run: (signal, alive) =>
      throughFences(signal, logger, () =>
        project(options, {
          signal,
          standingBy: alive,
          hasFailed,
          begun: () => {
            hasFailed = true;
          },
          // Not before a batch is through: a batch that always fails must not end the back-off each time.
          committed: ({ unknown }) => {
            countUnknown(unknown, skipped, logger);
            hasFailed = false;
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
  /** Whether the life before it failed as the active one. */
  readonly hasFailed: boolean;
  /** Told that it is the active one, and has yet to show that it works. */
  readonly begun: () => void;
  readonly committed: (batch: Batch) => void;
  /** Told whether events are parked, whenever that may have changed. */
  readonly waiting?: (isWaiting: boolean) => void;
}

/** One life of the projector: returns when `signal` aborts, throws when it cannot go on. */
export async function project(options: ProjectorOptions, life: Life): Promise<void> {
  const { databaseUrl, logger } = options;
  const { signal, standingBy, hasFailed, begun, waiting = () => undefined } = life;
  waiting(false);
  await whileActive(
    { name, databaseUrl, logger, signal, alive: standingBy, hasFailed, pipeline: true },
    async (connection, lost) => {
      begun();
      await projectWhileActive(options, life, connection, lost);
    },
  );
}

async function projectWhileActive(
  { eventLog, progress, logger }: ProjectorOptions,
  { signal, committed, waiting = () => undefined }: Life,
  { client }: Connection,
  lost: AbortSignal,
): Promise<void> {
  const checkpoint = await takeOver(client);
  await refuseAnotherLog(client, eventLog, checkpoint);
  await prepareSession(client);
  await hearOfParking(client, waiting);
  logger.info({ epoch: checkpoint.epoch, position: checkpoint.position }, 'projecting');
  await announce(client, checkpoint);
  progress.announce(checkpoint);
  await follow(
    { client, lost },
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
