import type { EventLog, LogItem, StoredEvent, SubscriptionOptions } from '../../src/events/event-log.ts';

/** An event log in memory: given events, and what is added later; records how it was subscribed to. */
export interface MemoryLog extends EventLog {
  readonly events: readonly StoredEvent[];
  readonly subscriptions: readonly SubscriptionOptions[];
  add(...events: readonly StoredEvent[]): void;
}

export function memoryLog(...given: readonly StoredEvent[]): MemoryLog {
  const events = [...given];
  const subscriptions: SubscriptionOptions[] = [];
  let arrived = Promise.withResolvers<void>();

  return {
    events,
    subscriptions,
    add(...more) {
      events.push(...more);
      arrived.resolve();
      arrived = Promise.withResolvers();
    },
    read: async (stream, from = 0n) => events.filter((event) => event.stream === stream && event.revision >= from),
    readLast: async (stream) => events.findLast((event) => event.stream === stream),
    append: () => Promise.reject(new Error('nothing is appended to this log')),
    subscribe(options) {
      subscriptions.push(options);
      return tell(options);
    },
  };

  async function* tell({ streamPrefixes, after, signal, maxBatch = 500 }: SubscriptionOptions) {
    const aborted = new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
    let next = after === 'start' ? 0 : events.findIndex(({ position }) => position.commit > after.commit);
    if (next === -1) next = events.length;
    let caughtUp = false;
    while (!signal.aborted) {
      const more = arrived.promise;
      const batch = events.slice(next, next + maxBatch);
      next += batch.length;
      const items = batch
        .filter(({ stream }) => streamPrefixes.some((prefix) => stream.startsWith(prefix)))
        .map((event): LogItem => ({ kind: 'event', event }));
      if (next === events.length && !caughtUp) {
        caughtUp = true;
        items.push({ kind: 'caught-up' });
      }
      if (items.length > 0) yield items;
      if (next === events.length) await Promise.race([more, aborted]);
    }
  }
}
