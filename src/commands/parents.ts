// What factories and organizations are now, for the commands that depend on them. That is read from the log each time,
// but one reading serves all that wait for it, whichever parents they ask for: it reads what has happened to any parent
// since the reading before, and is nearly always empty. A parent of which it tells nothing is as it was.
import { LRUCache } from 'lru-cache';
import { type EventLog, EventLogUnavailable, type Position } from '../events/event-log.ts';
import type { Loaded } from './load.ts';

export interface Parents {
  /** Says that the log has this position; a reading that begins later goes on from there. */
  note(position: Position): void;
  /**
   * A parent as the log has it after this was asked.
   *
   * @param known what is remembered of the stream: it counts if nothing newer is in the log
   * @param load reads the stream, and what it tells is remembered
   * @throws EventLogUnavailable
   */
  current(log: EventLog, stream: string, known: Known, load: Load): Promise<Loaded<unknown, unknown>>;
}

type Known = () => Loaded<unknown, unknown> | undefined;
type Load = () => Promise<Loaded<unknown, unknown>>;

/** One reading, and those who wait for it: each stream once. */
interface Flight {
  readonly passengers: Map<string, Promise<Loaded<unknown, unknown>>>;
  readonly departed: Promise<void>;
}

const streamPrefixes = ['organization-', 'factory-'];

/** After so many milliseconds everything is looked at anew, which also bounds what a reading has to pass over. */
const trustedFor = 2_000;

const answerWithin = 10_000;

/** @param most of so many parents it is known at which revision they are; others are read when they are asked for */
export function createParents(most = 10_000): Parents {
  // The revisions of parents at `seenTo`, in the log.
  const newest = new LRUCache<string, bigint>({ max: most });
  let seenTo: Position | undefined;
  let begunAt = 0;
  let last: Position | undefined;
  let boarding: Flight | undefined;
  let landed: Promise<unknown> = Promise.resolve();

  return {
    note(position) {
      if (last === undefined || last.commit < position.commit) last = position;
    },
    current(log, stream, known, load) {
      // The flight that is under way may have read what it reads before this was asked.
      boarding ??= board(log);
      const { passengers, departed } = boarding;
      const passenger = passengers.get(stream) ?? departed.then(() => arrive(stream, known, load));
      passengers.set(stream, passenger);
      return passenger;
    },
  };

  function board(log: EventLog): Flight {
    const passengers: Flight['passengers'] = new Map();
    const departed = landed.then(() => {
      boarding = undefined;
      return look(log);
    });
    const flight = { passengers, departed };
    // The next reading begins when all of this one is over: what is known changes in one flight at a time.
    landed = departed.then(() => Promise.allSettled(passengers.values())).catch(() => undefined);
    return flight;
  }

  async function look(log: EventLog): Promise<void> {
    if (seenTo === undefined || performance.now() - begunAt > trustedFor) await begin(log);
    else await goOn(log, seenTo, last);
  }

  /** Nothing is known yet, and from the end of the log on it will be. */
  async function begin(log: EventLog): Promise<void> {
    newest.clear();
    begunAt = performance.now();
    seenTo = await log.head();
  }

  /** @param reached a position that the log had before: all that is before it has been told afterwards */
  async function goOn(log: EventLog, after: Position, reached: Position | undefined): Promise<void> {
    const signal = AbortSignal.timeout(answerWithin);
    let told = after;
    for await (const events of log.readAll({ streamPrefixes, after, signal })) {
      for (const { stream, revision, position } of events) {
        if (newest.has(stream)) newest.set(stream, revision);
        told = position;
      }
    }
    if (signal.aborted) throw new EventLogUnavailable('the event store did not answer a read of all parents in time');
    seenTo = reached !== undefined && reached.commit > told.commit ? reached : told;
  }

  async function arrive(stream: string, known: Known, load: Load): Promise<Loaded<unknown, unknown>> {
    const remembered = known();
    const revision = newest.get(stream);
    if (revision !== undefined && remembered?.last !== undefined && remembered.last.revision >= revision) {
      return remembered;
    }
    const loaded = await load();
    if (loaded.last !== undefined) newest.set(stream, loaded.last.revision);
    return loaded;
  }
}
