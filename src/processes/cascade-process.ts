// The cascade as a part of the service that runs: one active instance follows the log and reacts, event after event; the
// others stand by. One life: hold the lock, take over the checkpoint, subscribe after it. Whatever fails ends the life, and
// the next one starts from the checkpoint and does again what it finds done.
import type { Logger } from 'pino';
import type { CommandDependencies } from '../commands/handler.ts';
import { type Category, catalogue, streamPrefix } from '../events/catalogue.ts';
import { decode } from '../events/codec.ts';
import type { EventLog, Position, StoredEvent } from '../events/event-log.ts';
import { advisoryLock } from '../infrastructure/advisory-lock.ts';
import { type Loop, type LoopOptions, startLoop } from '../infrastructure/lifecycle.ts';
import { connect, type Pool } from '../infrastructure/postgres.ts';
import { type CascadeEvent, cascadeEvents, correlate, noPast, type ParentEvent, react } from './cascade.ts';
import { carryOut } from './cascade-actions.ts';
import { moveCheckpoint, Superseded, takeOver } from './checkpoint.ts';
import { createPasts } from './pasts.ts';

export interface CascadeOptions {
  readonly databaseUrl: string;
  readonly log: EventLog;
  readonly pool: Pool;
  /** Waits until the tables show a position, so long at most; tells whether they do. */
  readonly readModelReaches: (position: Position, milliseconds: number, signal?: AbortSignal) => Promise<boolean>;
  readonly commands: CommandDependencies;
  readonly logger: Logger;
  readonly backoff?: LoopOptions['backoff'];
}

const name = 'cascade';

/** So often the checkpoint is moved while there is nothing to react to, at most: ordinary commands must not pay for it. */
const restMs = 5_000;
/** And so often while there is. */
const busyMs = 500;

/** Starts to react to what the log tells, or to stand by as long as another instance does so on the same database. */
export function startCascade(options: CascadeOptions): Loop {
  const { logger, backoff } = options;
  return startLoop({
    name,
    logger,
    run: async (signal, alive) => {
      while (!signal.aborted) {
        try {
          return await live(options, signal, alive);
        } catch (error) {
          if (!(error instanceof Superseded)) throw error;
          logger.info('another cascade has taken over; standing by');
        }
      }
    },
    ...(backoff && { backoff }),
  });
}

async function live(options: CascadeOptions, signal: AbortSignal, alive: () => void): Promise<void> {
  const { databaseUrl, log, logger } = options;
  await using connection = await connect({ databaseUrl, name: 'registry cascade', timeoutMs: 15_000 });
  const standingBy = () => {
    logger.info('another cascade is active; standing by');
    alive();
  };
  using session = await advisoryLock(name).take(connection, { databaseUrl, signal, standingBy });
  if (session === undefined) return;
  const ending = AbortSignal.any([signal, session.lost]);

  let checkpoint = await takeOver(log, name);
  logger.info({ position: checkpoint.position }, 'reacting');
  const reactTo = createReactor(options, ending);
  const after = checkpoint.position ?? 'start';
  let position = checkpoint.position;
  let movedAt = performance.now();
  try {
    for await (const items of log.subscribe({ types: cascadeEvents, after, signal: ending })) {
      let hasReacted = false;
      for (const item of items) {
        if (item.kind === 'caught-up') continue;
        if (item.kind === 'event') hasReacted = (await reactTo(item.event)) || hasReacted;
        position = item.kind === 'event' ? item.event.position : item.position;
        if (isDue(hasReacted ? busyMs : restMs)) await moveOn();
      }
      if (hasReacted) await moveOn();
      alive();
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  }
  session.lost.throwIfAborted();
  await moveOn();

  function isDue(afterMs: number): boolean {
    return performance.now() - movedAt > afterMs;
  }

  async function moveOn(): Promise<void> {
    if (position === undefined || position === checkpoint.position) return;
    checkpoint = await moveCheckpoint(log, name, checkpoint, position);
    movedAt = performance.now();
  }
}

/** Reacts to an event; tells whether anything followed. */
function createReactor(options: CascadeOptions, signal: AbortSignal): (stored: StoredEvent) => Promise<boolean> {
  const pasts = createPasts(options.log);
  return async (stored) => {
    signal.throwIfAborted();
    const event = cascadeEventOf(stored);
    if (event === undefined) return false;
    const { subject, bond } = correlate(event);
    if (subject) pasts.note(subject, event as ParentEvent);
    const reactions = react(event, {
      subject: subject ? await pasts.of(subject) : noPast,
      parent: bond ? await pasts.of(bond.parent) : noPast,
    });
    for (const reaction of reactions) await carryOut({ ...options, pasts, signal }, reaction);
    return reactions.length > 0;
  };
}

/** Others may have types of the same name, in streams of their own. */
function cascadeEventOf(stored: StoredEvent): CascadeEvent | undefined {
  const prefix = prefixes.get(stored.type);
  return prefix !== undefined && stored.stream.startsWith(prefix) ? (decode(stored) as CascadeEvent) : undefined;
}

const prefixes: ReadonlyMap<string, string> = new Map(
  cascadeEvents.map((type) => {
    const category = (Object.keys(catalogue) as Category[]).find((candidate) => type in catalogue[candidate]);
    if (category === undefined) throw new Error(`the catalogue has no event ${type}`);
    return [type, streamPrefix(category)];
  }),
);
