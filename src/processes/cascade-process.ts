// The cascade as a part of the service that runs: one active instance follows the log and reacts, event after event; the
// others stand by. One life: hold the lock, take over the checkpoint, subscribe after it. What fails ends the life, and the
// next one starts from the checkpoint and does again what it finds done; what only one stream makes impossible is parked.
import type { Logger } from 'pino';
import type { CommandDependencies } from '../commands/handler.ts';
import type { EventLog, Position } from '../events/event-log.ts';
import { whileActive } from '../infrastructure/active-instance.ts';
import { type Loop, type LoopHealth, type LoopOptions, pauseFor, startLoop } from '../infrastructure/lifecycle.ts';
import type { Pool } from '../infrastructure/postgres.ts';
import { cascadeEvents } from './cascade.ts';
import { createReactor } from './cascade-reactor.ts';
import { type Checkpoint, moveCheckpoint, Superseded, takeOver } from './checkpoint.ts';
import { type ParkedReactions, readParked } from './parked.ts';

export interface CascadeOptions {
  readonly databaseUrl: string;
  readonly log: EventLog;
  readonly pool: Pool;
  /** Waits until the tables show a position, so long at most; tells whether they do. */
  readonly readModelReaches: (position: Position, milliseconds: number, signal?: AbortSignal) => Promise<boolean>;
  readonly commands: CommandDependencies;
  readonly logger: Logger;
  readonly backoff?: LoopOptions['backoff'];
  /** So often, in milliseconds, what is parked is tried again. Default five minutes. */
  readonly retryMs?: number;
}

export interface CascadeHealth extends Omit<LoopHealth, 'status'> {
  /** `degraded`: it works, but reactions are parked. */
  readonly status: LoopHealth['status'] | 'degraded';
  /** How many are; only while it is degraded. */
  readonly parked?: number;
}

export interface Cascade extends Omit<Loop, 'health'> {
  health(): CascadeHealth;
}

const name = 'cascade';

/** So often the checkpoint is moved while there is nothing to react to, at most: ordinary commands must not pay for it. */
const restMs = 5_000;
/** And so often while there is. */
const busyMs = 500;

/** What an instance remembers from one life to the next. */
interface Instance {
  /** What it left the checkpoint at. */
  checkpoint: Checkpoint | undefined;
  /** Set while it has been the active one without success, with the event that it failed at if it came so far. */
  trouble: { readonly at: Position | undefined } | undefined;
  /** Known while it is the active one. */
  parked: ParkedReactions | undefined;
}

/** Starts to react to what the log tells, or to stand by as long as another instance does so on the same database. */
export function startCascade(options: CascadeOptions): Cascade {
  const { logger, backoff } = options;
  const instance: Instance = { checkpoint: undefined, trouble: undefined, parked: undefined };
  const loop = startLoop({
    name,
    logger,
    run: async (signal, alive) => {
      while (!signal.aborted) {
        try {
          return await live(options, instance, signal, alive);
        } catch (error) {
          if (!(error instanceof Superseded)) throw error;
          logger.info('another cascade has taken over; standing by');
        }
      }
    },
    ...(backoff && { backoff }),
  });
  const health = (): CascadeHealth => {
    const { name, status, error } = loop.health();
    const parked = instance.parked?.all().length ?? 0;
    if (status === 'running' && parked > 0) return { name, status: 'degraded', parked };
    return { name, status, ...(error !== undefined && { error }) };
  };
  return { ...loop, health };
}

async function live(
  options: CascadeOptions,
  instance: Instance,
  signal: AbortSignal,
  alive: () => void,
): Promise<void> {
  const { databaseUrl, logger } = options;
  instance.parked = undefined;
  const hasFailed = instance.trouble !== undefined;
  await whileActive({ name, databaseUrl, logger, signal, alive, hasFailed }, (_connection, lost) =>
    reactWhileActive(options, instance, signal, lost, alive),
  );
}

async function reactWhileActive(
  options: CascadeOptions,
  instance: Instance,
  signal: AbortSignal,
  lost: AbortSignal,
  alive: () => void,
): Promise<void> {
  const { log, logger } = options;
  const ending = AbortSignal.any([signal, lost]);

  instance.trouble ??= { at: undefined };
  let checkpoint = await takeOver(log, name, instance.checkpoint);
  instance.checkpoint = checkpoint;
  const parked = await readParked(log, name);
  instance.parked = parked;
  logger.info({ position: checkpoint.position, parked: parked.all().length }, 'reacting');
  const { reactTo } = createReactor({ ...options, parked, signal: ending });
  await using _retries = keepTrying(options, parked, ending);
  const after = checkpoint.position ?? 'start';
  let position = checkpoint.position;
  let lookedAt: Position | undefined;
  let movedAt = performance.now();
  try {
    for await (const items of log.subscribe({ types: cascadeEvents, after, signal: ending })) {
      let hasReacted = false;
      for (const item of items) {
        if (item.kind === 'caught-up') continue;
        lookedAt = item.kind === 'event' ? item.event.position : item.position;
        if (item.kind === 'event') hasReacted = (await reactTo(item.event)) || hasReacted;
        position = lookedAt;
        if (isDue(hasReacted ? busyMs : restMs)) await moveOn();
      }
      if (hasReacted) await moveOn();
      // Not before what failed is through: an event that always fails must not end the back-off each time.
      if (!isReached(instance.trouble?.at, position)) continue;
      instance.trouble = undefined;
      alive();
    }
  } catch (error) {
    instance.trouble = { at: lookedAt };
    if (!signal.aborted) throw error;
    // What answered no more would not take a checkpoint either; what was done since the last one is found done.
    return;
  }
  lost.throwIfAborted();
  await moveOn();

  function isDue(afterMs: number): boolean {
    return performance.now() - movedAt > afterMs;
  }

  async function moveOn(): Promise<void> {
    if (position === undefined || position === checkpoint.position) return;
    checkpoint = await moveCheckpoint(log, name, checkpoint, position);
    instance.checkpoint = checkpoint;
    movedAt = performance.now();
  }
}

function isReached(wanted: Position | undefined, position: Position | undefined): boolean {
  if (wanted === undefined) return true;
  if (position === undefined) return false;
  return position.commit === wanted.commit ? position.prepare >= wanted.prepare : position.commit > wanted.commit;
}

/** Tries what is parked at once and then time after time, beside what the log tells, until it is disposed of. */
function keepTrying(options: CascadeOptions, parked: ParkedReactions, signal: AbortSignal): AsyncDisposable {
  const { logger, retryMs = 300_000 } = options;
  const disposing = new AbortController();
  const ending = AbortSignal.any([signal, disposing.signal]);
  const ended = (async () => {
    while (!ending.aborted) {
      try {
        // A new one each time, for it does not hear what happens to parents meanwhile.
        await createReactor({ ...options, parked, signal: ending }).retryParked();
      } catch (error) {
        // What makes every reaction impossible ends the life itself, where the next event meets it.
        if (!ending.aborted) logger.warn({ err: error }, 'what is parked could not be tried again');
      }
      await pauseFor(retryMs, ending);
    }
  })();
  return {
    [Symbol.asyncDispose]: () => {
      disposing.abort();
      return ended;
    },
  };
}
