// Whether the service can serve, and how its read model stands. Anybody may ask, as often as they like: there is one
// measurement at a time, its answer serves those who ask in the moments after it, and a store that hangs holds up nobody.
import type { Logger } from 'pino';
import { z } from 'zod';
import { knownMigrations } from '../database/migrate.ts';
import type { EventLog, Position } from '../events/event-log.ts';
import { type Pool, sql } from '../infrastructure/postgres.ts';
import type { Checkpoint } from './checkpoint.ts';
import { type Lag, measureLag } from './lag.ts';
import type { Progress } from './progress.ts';

/** What the stores say. */
export interface Readiness {
  readonly postgres: 'reachable' | 'unreachable' | 'outdated';
  readonly eventStore: 'reachable' | 'unreachable';
  /** Undefined when one of the stores cannot be asked. */
  readonly readModel: ReadModelStatus | undefined;
}

export interface ReadModelStatus {
  /** Undefined before the first event. */
  readonly position: Position | undefined;
  readonly lag: Lag;
  /** How many streams wait behind an event that the tables could not take. */
  readonly parked: number;
  /** When the tables were last made anew beside those that served; undefined when they never were. */
  readonly rebuiltAt: string | undefined;
  /** Whether some process has the right to write. */
  readonly projecting: boolean;
  /** Whether events are missing and nothing has happened for a while. */
  readonly stalled: boolean;
}

export interface ReadinessOptions {
  readonly pool: Pool;
  readonly eventLog: EventLog;
  /** Where the read model stands is told here as well. */
  readonly progress: Progress;
  readonly logger: Logger;
  /** How long a store may take to answer, in milliseconds. Default 2,000. */
  readonly answerWithin?: number;
  /** How long an answer is good for, in milliseconds. Default 1,000; longer when it took long to find. */
  readonly goodFor?: number;
}

/** For so long, in milliseconds, events may be missing and nothing happen. */
export const stalledAfter = 10_000;

/** A measurement may take one part in so many of the time. */
const share = 10;

/** Asks both stores, as often as it is called, and no more often than is good for them. */
export function createReadiness({
  pool,
  eventLog,
  progress,
  logger,
  answerWithin = 2_000,
  goodFor = 1_000,
}: ReadinessOptions): () => Promise<Readiness> {
  let last: { readonly readiness: Readiness; readonly goodUntil: number } | undefined;
  const askTables = oneAtATime(() => readTables(pool));
  const askHead = oneAtATime(() => eventLog.head());
  const measureAtOnce = oneAtATime(async () => {
    const before = performance.now();
    const readiness = await measure();
    const now = performance.now();
    // Waiting for a store that is away costs nobody anything, and it may be back any moment.
    const cost = readiness.readModel === undefined ? 0 : now - before;
    last = { readiness, goodUntil: now + Math.max(goodFor, Math.min(share * cost, stalledAfter)) };
    return readiness;
  });
  return async () => (last !== undefined && performance.now() < last.goodUntil ? last.readiness : measureAtOnce());

  async function measure(): Promise<Readiness> {
    const [tables, head] = await Promise.all([
      answerOf('Postgres', askTables()),
      answerOf('the event store', askHead()),
    ]);
    const postgres = tables === away ? 'unreachable' : tables === 'outdated' ? 'outdated' : 'reachable';
    if (tables === away || tables === 'outdated' || head === away) {
      return { postgres, eventStore: head === away ? 'unreachable' : 'reachable', readModel: undefined };
    }
    const { checkpoint, ...others } = tables;
    progress.announce(checkpoint);
    const signal = AbortSignal.timeout(answerWithin);
    const measuring = measureLag(eventLog, checkpoint.position ?? 'start', { signal });
    const lag = await answerOf('the event store', measuring, 2 * answerWithin);
    if (lag === away) return { postgres, eventStore: 'unreachable', readModel: undefined };
    const stalled = isBehindForLong(lag) && progress.unmovedFor() >= stalledAfter;
    return {
      postgres,
      eventStore: 'reachable',
      readModel: { position: checkpoint.position, lag, stalled, ...others },
    };
  }

  async function answerOf<T>(store: string, answer: Promise<T>, milliseconds = answerWithin): Promise<T | typeof away> {
    const late = Promise.withResolvers<typeof away>();
    const timer = setTimeout(() => late.resolve(away), milliseconds);
    try {
      return await Promise.race([answer, late.promise]);
    } catch (error) {
      logger.debug({ err: error }, `${store} could not be asked whether the service is ready`);
      return away;
    } finally {
      clearTimeout(timer);
    }
  }
}

const away = Symbol('away');

/** Whether events have been missing for so long that something should have happened by now. */
export function isBehindForLong({ events, seconds }: Lag): boolean {
  return events > 0 && seconds * 1_000 >= stalledAfter;
}

interface Tables extends Pick<ReadModelStatus, 'parked' | 'rebuiltAt' | 'projecting'> {
  readonly checkpoint: Checkpoint;
}

const Row = z.object({
  epoch: z.bigint(),
  commit: z.string().nullable(),
  prepare: z.string().nullable(),
  rebuilt_at: z.string().nullable(),
  parked: z.int(),
  projecting: z.boolean(),
});

async function readTables(pool: Pool): Promise<Tables | 'outdated'> {
  try {
    const applied = await pool.any(sql.type(z.object({ name: z.string() }))`SELECT name FROM public.pgmigrations`);
    const names = applied.map(({ name }) => name);
    if ((await knownMigrations()).some((name) => !names.includes(name))) return 'outdated';
    const row = await pool.maybeOne(sql.type(Row)`
      SELECT epoch, commit_position::text AS commit, prepare_position::text AS prepare,
        to_jsonb(checkpoint) ->> 'rebuilt_at' AS rebuilt_at,
        (SELECT count(DISTINCT stream)::int4 FROM projection_parked WHERE skipped_at IS NULL) AS parked,
        EXISTS (
          SELECT FROM pg_locks JOIN pg_stat_activity USING (pid)
          WHERE locktype = 'advisory' AND granted AND application_name = 'registry projector'
            AND datname = current_database()
        ) AS projecting
      FROM projection_checkpoint AS checkpoint`);
    if (row === undefined) throw new Error('the table projection_checkpoint has lost its row');
    const { epoch, commit, prepare, rebuilt_at, parked, projecting } = row;
    const position =
      commit === null || prepare === null ? undefined : { commit: BigInt(commit), prepare: BigInt(prepare) };
    const rebuiltAt = rebuilt_at === null ? undefined : new Date(rebuilt_at).toISOString();
    return { checkpoint: { epoch, position }, parked, projecting, rebuiltAt };
  } catch (error) {
    if (lacksTable(error)) return 'outdated';
    throw error;
  }
}

function lacksTable(error: unknown): boolean {
  return (
    error instanceof Error &&
    (('code' in error && error.code === '42P01') ||
      /relation .* does not exist/.test(error.message) ||
      lacksTable(error.cause))
  );
}

/** Whoever calls while the work is being done waits for the same end. */
function oneAtATime<T>(work: () => Promise<T>): () => Promise<T> {
  let running: Promise<T> | undefined;
  return () => {
    running ??= work().finally(() => {
      running = undefined;
    });
    return running;
  };
}
