// Where publishing resumes: the stream itself says it, so that what NATS lost or never got is published again.
import type { EventLog } from '../events/event-log.ts';
import type { BusStream, StoredMessage } from './bus.ts';
import type { Origin } from './message.ts';

export interface Tail<From extends Origin = Origin> {
  /** The stream's last sequence, whoever's message that is and whether it still exists. */
  readonly sequence: number;
  /** Of the last message that a writer of ours wrote; undefined when there is none. */
  readonly origin: From | undefined;
}

/**
 * Reads the tail; messages of others and gaps at the end are stepped over.
 *
 * @param originOf where a message came from; undefined for those of others
 */
export async function readTail<From extends Origin>(
  stream: BusStream,
  originOf: (message: StoredMessage) => From | undefined,
): Promise<Tail<From>> {
  const { first, last } = await stream.bounds();
  for (let sequence = last; sequence >= first; sequence -= 1) {
    const message = await stream.message(sequence);
    const origin = message && originOf(message);
    if (origin !== undefined) return { sequence: last, origin };
  }
  return { sequence: last, origin: undefined };
}

/**
 * Makes sure that the tail tells of this log. After another log's position this one would be silent, or start in the
 * middle: a stream that outlived its event store must not look like a publisher that has nothing to do.
 *
 * @throws Error when the log does not hold the event that was published last
 */
export async function checkOrigin(log: EventLog, { origin }: Tail): Promise<void> {
  if (origin === undefined) return;
  const { stream, revision, eventId } = origin;
  const found = (await log.read(stream, revision)).at(0);
  // A later revision is fine: a stream may be truncated, as those of which only the last event counts are.
  if (found !== undefined && (found.revision > revision || found.id === eventId)) return;
  throw new Error(
    `the last published event (${eventId}, revision ${revision} of ${stream}) is not in the event log: ` +
      'the NATS stream belongs to another log; delete it, and everything is published anew',
  );
}
