// The mirror as messages: a key-value bucket is a stream with a subject for each key, of which it keeps the last message.
// An event takes up to two of them, its steps; their headers say which event that was and how many steps are done.
import type { Recorded } from '../events/codec.ts';
import type { GatewayEvent } from '../events/gateway.ts';
import type { Headers, Message, StoredMessage, StreamSettings } from './bus.ts';
import { messageIdHeader, type Origin } from './message.ts';
import { keyOf, type Mirrored, textOf } from './mirror-state.ts';
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
}

/** Something to be done to the bucket: a value under a key, or undefined for a key that is to go. */
export interface Change {
  readonly key: string;
  readonly value: string | undefined;
}

const prefix = '$KV.gateways.';
const eventIdHeader = 'registry-event-id';
const stepHeader = 'registry-step';
const operationHeader = 'KV-Operation';

// A bucket without history drops the former value by itself. The `Nats-Rollup` that clients add would make nats-server
// 2.9 skip messages for whoever watches: of 300 gateways that moved, 73 to 91 were never seen under their new key.
const purge = { [operationHeader]: 'PURGE' };

/**
 * What an event does to the bucket. A gateway that has moved is put under its new key before the old one goes, so that
 * whoever watches never sees it nowhere.
 *
 * @param after the gateway after the event; undefined when there is none
 */
export function changesOf(event: Recorded<GatewayEvent>, after: Mirrored | undefined): readonly Change[] {
  if (after === undefined) return [];
  const key = keyOf(after.gateway);
  if (event.type === 'GatewaySoftDeleted') return [{ key, value: undefined }];
  // Whatever happens to a deleted gateway, it has no key.
  if (!after.isActive) return [];
  const put = { key, value: textOf(after) };
  if (event.type !== 'GatewayMoved') return [put];
  const former = keyOf({ ...after.gateway, factory_id: event.data.fromFactoryId });
  return former === key ? [put] : [put, { key: former, value: undefined }];
}

/**
 * The messages of an event's changes.
 *
 * @param session what their ids end with: the same event may have to be said once more, when what was said is overwritten,
 * and NATS refuses an id that it has seen within two minutes. What keeps them in order is the fence of the pipe.
 */
export function messagesOf(
  { id, stream, revision, position }: Recorded<GatewayEvent>,
  changes: readonly Change[],
  session: string,
): readonly Message[] {
  return changes.map((change, index) => {
    const origin = { eventId: id, stream, revision, position, step: index + 1, steps: changes.length };
    return toMessage(change, `${id}#${index + 1}.${session}`, origin);
  });
}

/** The message of a change that says of all up to its origin that it is in the bucket; of nothing when there is none. */
export function toMessage({ key, value }: Change, id: string, origin: MirrorOrigin | undefined): Message {
  return {
    subject: subjectOf(key),
    headers: {
      [messageIdHeader]: id,
      ...(value === undefined && purge),
      ...(origin && originHeaders(origin)),
    },
    body: value ?? '',
  };
}

export function subjectOf(key: string): string {
  return `${prefix}${key}`;
}

/** What a message of the bucket, whoever wrote it, says of its key. */
export function readChange({ subject, headers, body }: StoredMessage): Change {
  return { key: subject.slice(prefix.length), value: headers[operationHeader] === undefined ? body : undefined };
}

/** Where a message of the bucket came from; undefined when it is none of the mirror's. */
export function mirrorOriginOf({ headers }: StoredMessage): MirrorOrigin | undefined {
  const place = readPlace(headers);
  const eventId = headers[eventIdHeader];
  const [, step, steps] = /^(\d+)\/(\d+)$/.exec(headers[stepHeader] ?? '') ?? [];
  if (place === undefined || eventId === undefined || step === undefined) return undefined;
  return { ...place, eventId, step: Number(step), steps: Number(steps) };
}

function originHeaders({ eventId, step, steps, ...place }: MirrorOrigin): Headers {
  return {
    [eventIdHeader]: eventId,
    ...placeHeaders(place),
    [stepHeader]: `${step}/${steps}`,
  };
}
