// How the cascade reacts to one event. What one stream makes impossible is parked, loudly, so that neither its siblings nor
// later events wait for it, and tried again later.
import type { Logger } from 'pino';
import { type Category, catalogue, streamPrefix } from '../events/catalogue.ts';
import { decode, UndecodableEvent } from '../events/codec.ts';
import type { EventLog, StoredEvent } from '../events/event-log.ts';
import { type Bond, type CascadeEvent, cascadeEvents, correlate, noPast, type ParentEvent, react } from './cascade.ts';
import { type ActionDependencies, carryOut, partFor } from './cascade-actions.ts';
import type { ParkedReaction, ParkedReactions } from './parked.ts';
import { createPasts } from './pasts.ts';

export interface Reactor {
  /**
   * Reacts to an event.
   *
   * @returns whether anything followed
   * @throws EventLogUnavailable, Superseded, what `isUnavailable` tells apart, what `signal` aborted with, and whatever makes
   *   every reaction impossible
   */
  reactTo(stored: StoredEvent): Promise<boolean>;
  /** Tries once what is parked. Throws the same. */
  retryParked(): Promise<void>;
}

export interface ReactorDependencies
  extends Pick<ActionDependencies, 'commands' | 'pool' | 'readModelReaches' | 'signal'> {
  readonly log: EventLog;
  readonly parked: ParkedReactions;
  readonly logger: Logger;
}

export function createReactor(dependencies: ReactorDependencies): Reactor {
  const { log, parked, logger, signal } = dependencies;
  const pasts = createPasts(log);
  return {
    async reactTo(stored) {
      signal.throwIfAborted();
      try {
        const { hasReacted } = await reactToPart(stored);
        return hasReacted;
      } catch (error) {
        if (!(error instanceof UndecodableEvent)) throw error;
        const { stream, revision } = stored;
        await park({ stream, revision, child: null }, error);
        return true;
      }
    },
    async retryParked() {
      for (const reaction of parked.all()) await retry(reaction);
    },
  };

  async function reactToPart(stored: StoredEvent, child?: string) {
    const event = cascadeEventOf(stored);
    if (event === undefined) return { hasReacted: false, failed: 0 };
    const { stream, revision } = stored;
    const { subject, bond } = correlate(event);
    if (subject) pasts.note(subject, event as ParentEvent);
    const reactions = react(event, {
      subject: subject ? await pasts.of(subject) : noPast,
      parent: bond ? await pasts.of(bond.parent) : noPast,
    });
    let failed = 0;
    const impossible = async (of: Bond, error: Error) => {
      failed += 1;
      await park({ stream, revision, child: `${streamPrefix(of.child)}${of.id}` }, error);
    };
    const wanted = child === undefined ? reactions : reactions.flatMap((reaction) => partFor(child, reaction));
    for (const reaction of wanted) await carryOut({ ...dependencies, pasts, impossible }, reaction);
    return { hasReacted: reactions.length > 0, failed };
  }

  async function park(reaction: ParkedReaction, error: Error): Promise<void> {
    if (!(await parked.park(reaction, error.message))) return;
    const { stream, revision, child } = reaction;
    logger.error(
      { child, cause: `${stream} at revision ${revision}`, err: error },
      `what follows for ${child ?? 'the children'} from ${stream} at revision ${revision} is parked (${error.message}); it is tried again by itself`,
    );
  }

  async function retry(reaction: ParkedReaction): Promise<void> {
    signal.throwIfAborted();
    const { stream, revision, child } = reaction;
    const [stored] = await log.read(stream, revision, revision);
    try {
      // What fails for a child of an event that can be read again is parked as that child's.
      const isDone = !stored || (await reactToPart(stored, child ?? undefined)).failed === 0 || child === null;
      if (!isDone) return;
    } catch (error) {
      if (!(error instanceof UndecodableEvent)) throw error;
      return;
    }
    await parked.settle(reaction);
    logger.info({ child, cause: `${stream} at revision ${revision}` }, 'what was parked is settled');
  }
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
