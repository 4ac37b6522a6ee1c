// A log that holds what a spec gives it, for whatever only reads.
import type { EventLog, LogFilter, LogItem, Position, StoredEvent } from '../../src/events/event-log.ts';
import { comparePositions } from '../../src/projections/progress.ts';

export interface GivenLog extends EventLog {
  /** Adds to the end of the log; who subscribes gets it at once. */
  add(...items: readonly (StoredEvent | Extract<LogItem, { kind: 'checkpoint' }>)[]): void;
  /** Ends every subscription with an error, as if the store had gone away. */
  fail(error: Error): void;
  /** All that it holds now. */
  readonly events: readonly StoredEvent[];
  /** Where each reading in bulk started. */
  readonly readAfter: readonly (Position | 'start')[];
  /** Where each subscription started. */
  readonly subscribedAfter: readonly (Position | 'start')[];
}

export function givenLog(...events: readonly StoredEvent[]): GivenLog {
  const items: LogItem[] = [];
  const given: StoredEvent[] = [];
  const readAfter: (Position | 'start')[] = [];
  const subscribedAfter: (Position | 'start')[] = [];
  let changed = nextChange();

  const log: GivenLog = {
    add(...added) {
      for (const item of added) {
        if (!('kind' in item)) given.push(item);
        items.push('kind' in item ? item : { kind: 'event', event: item });
      }
      wake();
    },
    fail(error) {
      changed.reject(error);
      changed = nextChange();
    },
    events: given,
    readAfter,
    subscribedAfter,
    async *subscribe({ after, signal, maxBatch = 500, ...filter }) {
      subscribedAfter.push(after);
      signal.addEventListener('abort', wake);
      const wanted = (item: LogItem) =>
        (after === 'start' || comparePositions(positionOf(item), after) > 0) &&
        (item.kind !== 'event' || passes(filter, item.event));
      try {
        for (let next = 0; !signal.aborted; ) {
          const batch = items.slice(next).filter(wanted);
          next = items.length;
          for (let start = 0; start < batch.length && !signal.aborted; start += maxBatch) {
            yield batch.slice(start, start + maxBatch);
          }
          if (next < items.length || signal.aborted) continue;
          yield [{ kind: 'caught-up' }];
          if (next === items.length && !signal.aborted) await changed.promise;
        }
      } finally {
        signal.removeEventListener('abort', wake);
      }
    },
    async *readAll({ after, signal, maxBatch = 1_000, ...filter }) {
      readAfter.push(after);
      const isWanted = (event: StoredEvent) =>
        (after === 'start' || comparePositions(event.position, after) > 0) && passes(filter, event);
      const wanted = given.filter(isWanted);
      for (let start = 0; start < wanted.length && !signal.aborted; start += maxBatch) {
        yield wanted.slice(start, start + maxBatch);
      }
    },
    read: async (stream, from = 0n, upTo) =>
      given.filter(
        (event) => event.stream === stream && event.revision >= from && (upTo === undefined || event.revision <= upTo),
      ),
    readLast: async (stream) => given.findLast((event) => event.stream === stream),
    head: async () => head(),
    reaches: async ({ commit }) => commit <= (head()?.commit ?? 0n),
    append: () => Promise.reject(new Error('nothing is appended to a given log')),
  };
  log.add(...events);
  return log;

  function head() {
    return items.flatMap((item) => (item.kind === 'caught-up' ? [] : [positionOf(item)])).at(-1);
  }

  function wake() {
    changed.resolve();
    changed = nextChange();
  }
}

function passes({ streamPrefixes, types }: LogFilter, { stream, type }: StoredEvent): boolean {
  return streamPrefixes
    ? streamPrefixes.some((prefix) => stream.startsWith(prefix))
    : types.some((prefix) => type.startsWith(prefix));
}

// A failure while nobody waits is nobody's.
function nextChange() {
  const change = Promise.withResolvers<void>();
  change.promise.catch(() => undefined);
  return change;
}

function positionOf(item: LogItem): Position {
  if (item.kind === 'caught-up') throw new Error('a caught-up item has no position');
  return item.kind === 'event' ? item.event.position : item.position;
}
