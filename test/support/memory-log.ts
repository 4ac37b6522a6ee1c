// A log that is appended to and read in memory, for specs of the write side that need no store.
import type { EventLog, StoredEvent } from '../../src/events/event-log.ts';
import { givenLog } from './given-log.ts';

/** A log that holds these events, and takes more at the revision that is expected. */
export function memoryLog(...events: readonly StoredEvent[]): EventLog {
  const log = givenLog(...events);
  return {
    ...log,
    async append(stream, expected, appended) {
      const last = log.events.findLast((event) => event.stream === stream)?.revision;
      if ((last ?? 'no_stream') !== expected) return { status: 'conflict' };
      for (const [index, event] of appended.entries()) {
        const commit = BigInt(log.events.length + 1) * 100n;
        const revision = (last ?? -1n) + BigInt(index + 1);
        log.add({ ...event, stream, revision, position: { commit, prepare: commit } });
      }
      const { revision, position } = log.events.at(-1) as StoredEvent;
      return { status: 'appended', revision, position };
    },
  };
}
