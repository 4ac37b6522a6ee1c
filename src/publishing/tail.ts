// Where publishing resumes: the stream itself says it, so that what NATS lost or never got is published again.
import { type EventLog, type StoredEvent, StreamTombstoned } from '../events/event-log.ts';
import type { BusStream, StoredMessage } from './bus.ts';
import type { Origin } from './message.ts';
import { type Pipe, TailMoved } from './pipe.ts';
import { isBehind, isSamePlace } from './place.ts';

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
 * @param name what NATS calls the stream
 * @throws Error when the log does not hold the event that was published last, or not at the place that the message tells
 */
export async function checkOrigin(log: EventLog, name: string, { origin }: Tail): Promise<void> {
  if (origin === undefined || (await isOf(log, origin))) return;
  const { stream, revision, eventId } = origin;
  throw new Error(
    `the last published event (${eventId}, revision ${revision} of ${stream}) is not in the event log, or not at the place ` +
      `that was published: the NATS stream ${name} belongs to another log, or to a later state of this one. Delete it ` +
      `(nats stream rm ${name}), and everything is published anew`,
  );
}

/** Whether the log holds the event at its place, or has held it. */
async function isOf(log: EventLog, { stream, revision, position, eventId }: Origin): Promise<boolean> {
  const found = await firstFrom(log, stream, revision);
  if (found === undefined) return false;
  if (found !== 'deleted' && found.revision === revision) {
    // The same event elsewhere: its log was copied, and what stands behind it may be something else.
    return found.id === eventId && isSamePlace(found.position, position);
  }
  // A stream may be truncated, as those of which only the last event counts are: then a later event stands in for it.
  const isHidden = found === 'deleted' || isBehind(found.position, position);
  return isHidden && (await log.reaches(position));
}

/** The first event of a stream from a revision on; `deleted` when somebody has deleted it, undefined when it never was. */
async function firstFrom(
  log: EventLog,
  stream: string,
  revision: bigint,
): Promise<StoredEvent | 'deleted' | undefined> {
  try {
    const [first] = await log.read(stream, revision);
    if (first !== undefined) return first;
    // What EventStoreDB deletes leaves its settings behind, which hide all events.
    const isDeleted = (await log.readLast(stream)) === undefined && (await log.readLast(`$$${stream}`)) !== undefined;
    return isDeleted ? 'deleted' : undefined;
  } catch (error) {
    if (error instanceof StreamTombstoned) return 'deleted';
    throw error;
  }
}

/**
 * Looks at the stream now and then while nothing is under way, and breaks the pipe when the stream does not end any more where
 * the pipe has left it: a writer that has nothing to say hears from nobody that its stream was deleted or emptied.
 *
 * @param tail what the pipe follows
 */
export function watchTail(stream: BusStream, pipe: Pipe, tail: Tail, everyMs: number): Disposable {
  const timer = setInterval(look, everyMs);
  return { [Symbol.dispose]: () => clearInterval(timer) };

  function look(): void {
    const end = pipe.restsAt();
    if (end !== undefined) lookAt(end).catch(pipe.breakWith);
  }

  async function lookAt(end: number): Promise<void> {
    const { first, last } = await stream.bounds();
    // What was sent meanwhile tells by its acknowledgement.
    if (pipe.restsAt() !== end) return;
    if (last !== end) throw new TailMoved(`the stream ends with message ${last} and not with ${end}`);
    const hadMessages = tail.origin !== undefined || end > tail.sequence;
    if (hadMessages && first > last) throw new TailMoved('the stream has been emptied');
  }
}
