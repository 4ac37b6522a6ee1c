// The mirror as messages: a key-value bucket is a stream with a subject for each key, of which it keeps the last message.
// An event takes up to two of them, its steps; their headers say which event that was and how many steps are done.
import type { StoredEvent } from '../events/event-log.ts';
import type { Headers, Message, StoredMessage, StreamSettings } from './bus.ts';
import { messageIdHeader, type Origin } from './message.ts';
import { type Content, contentOf, isMark } from './mirror-content.ts';
import type { Around } from './mirror-memory.ts';
import { degraded, isDegraded, parkedReasons } from './parked.ts';
import { placeHeaders, readPlace } from './place.ts';

/** The bucket `gateways`. Its tail says where to resume: hence no bound on age, nor on size. */
export const bucket: StreamSettings = {
  name: 'KV_gateways',
  subjects: ['$KV.gateways.>'],
  keeps: 'bucket',
  maxBytes: -1,
};

/** Where a message of the mirror came from. */
export interface MirrorOrigin extends Origin {
  /** How many steps of the event are done with it. */
  readonly step: number;
  /** How many the event has. */
  readonly steps: number;
  /** Whether the bucket has keys, with this message, whose gateway cannot be shown. */
  readonly isDegraded: boolean;
}

/** Something to be done to the bucket: what a key is to have, or undefined when it is to go. */
export interface Change {
  readonly key: string;
  readonly content: Content | undefined;
}

const prefix = '$KV.gateways.';
const eventIdHeader = 'registry-event-id';
const stepHeader = 'registry-step';
const operationHeader = 'KV-Operation';

/** What a purge has besides that stands for a gateway that cannot be shown. */
export const parkedHeader = 'registry-parked';

// A bucket without history drops the former value by itself. The `Nats-Rollup` that clients add would make nats-server
// 2.9 skip messages for whoever watches: of 300 gateways that moved, 73 to 91 were never seen under their new key.
const purge = { [operationHeader]: 'PURGE' };

/**
 * What an event does to the bucket. A gateway that has moved is put under its new key before the old one goes, so that
 * whoever watches never sees it nowhere.
 */
export function changesOf({ before, after }: Around, mostBytes: number): readonly Change[] {
  // The same: nothing of it was understood.
  if (after === undefined || after === before) return [];
  const former = before?.isActive ? before.key : undefined;
  // Whatever happens to a deleted gateway, it has no key.
  if (!after.isActive) return former === undefined ? [] : [{ key: former, content: undefined }];
  const put = { key: after.key, content: contentOf(after, mostBytes) };
  return former === undefined || former === after.key ? [put] : [put, { key: former, content: undefined }];
}

/**
 * The messages of an event's changes.
 *
 * @param session what their ids end with: the same event may have to be said once more, when what was said is overwritten,
 * and NATS refuses an id that it has seen within two minutes. What keeps them in order is the fence of the pipe.
 * @param isDegradedAfter whether a change leaves keys in the bucket whose gateway cannot be shown
 */
export function messagesOf(
  { id, stream, revision, position }: Pick<StoredEvent, 'id' | 'stream' | 'revision' | 'position'>,
  changes: readonly Change[],
  session: string,
  isDegradedAfter: (change: Change) => boolean,
): readonly Message[] {
  return changes.map((change, index) => {
    const step = { step: index + 1, steps: changes.length, isDegraded: isDegradedAfter(change) };
    return toMessage(change, `${id}#${index + 1}.${session}`, { eventId: id, stream, revision, position, ...step });
  });
}

/**
 * The message of a change that says of all up to its origin that it is in the bucket; of nothing when there is none.
 *
 * What cannot be shown is purged, and the purge says so: whoever knows nothing of that sees no stale state either.
 */
export function toMessage({ key, content }: Change, id: string, origin: MirrorOrigin | undefined): Message {
  const isShown = content?.kind === 'shown';
  return {
    subject: subjectOf(key),
    headers: {
      [messageIdHeader]: id,
      ...(!isShown && purge),
      ...(content !== undefined && !isShown && { [parkedHeader]: content.kind }),
      ...(origin && originHeaders(origin)),
    },
    body: content?.text ?? '',
  };
}

export function subjectOf(key: string): string {
  return `${prefix}${key}`;
}

/** What a message of the bucket, whoever wrote it, says of its key. */
export function readChange({ subject, headers, body }: StoredMessage): Change {
  const key = subject.slice(prefix.length);
  if (headers[operationHeader] === undefined) return { key, content: { kind: 'shown', text: body } };
  const reason = parkedReasons.find((known) => known === headers[parkedHeader]);
  return { key, content: reason && { kind: reason, text: body } };
}

/** What messages of the bucket, oldest first, have left under each key. */
export function readContents(messages: AsyncIterable<StoredMessage>): Promise<ReadonlyMap<string, Content>> {
  return readSome(messages, () => true);
}

/** The marks that they have left of gateways that cannot be shown: few, where there may be a million that can. */
export function readMarks(messages: AsyncIterable<StoredMessage>): Promise<ReadonlyMap<string, Content>> {
  return readSome(messages, isMark);
}

async function readSome(
  messages: AsyncIterable<StoredMessage>,
  isWanted: (content: Content) => boolean,
): Promise<ReadonlyMap<string, Content>> {
  const contents = new Map<string, Content>();
  for await (const message of messages) {
    const { key, content } = readChange(message);
    if (content === undefined || !isWanted(content)) contents.delete(key);
    else contents.set(key, content);
  }
  return contents;
}

/** Where a message of the bucket came from; undefined when it is none of the mirror's. */
export function mirrorOriginOf({ headers }: StoredMessage): MirrorOrigin | undefined {
  const place = readPlace(headers);
  const eventId = headers[eventIdHeader];
  const [, step, steps] = /^(\d+)\/(\d+)$/.exec(headers[stepHeader] ?? '') ?? [];
  if (place === undefined || eventId === undefined || step === undefined) return undefined;
  return { ...place, eventId, step: Number(step), steps: Number(steps), isDegraded: isDegraded({ headers }) };
}

function originHeaders({ eventId, step, steps, isDegraded: hasMarks, ...place }: MirrorOrigin): Headers {
  return {
    [eventIdHeader]: eventId,
    ...placeHeaders(place),
    [stepHeader]: `${step}/${steps}`,
    ...(hasMarks && degraded),
  };
}
