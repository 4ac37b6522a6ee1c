// Notes what is read of streams, for specs that say how much of one is read.
import type { EventLog } from '../../src/events/event-log.ts';

/** @returns a log that reads from another one, and the revisions of all events that it has told of single streams */
export function readingLog(log: EventLog): { readonly log: EventLog; readonly revisions: readonly bigint[] } {
  const revisions: bigint[] = [];
  const read: EventLog['read'] = async (...asked) => {
    const events = await log.read(...asked);
    revisions.push(...events.map(({ revision }) => revision));
    return events;
  };
  return { log: { ...log, read }, revisions };
}
