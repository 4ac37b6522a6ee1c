// What stands in the stream for an event that cannot be published: at its place, so that nothing else waits for it, and
// everybody who hears of the stream of that event hears that something is missing.
import { z } from 'zod';
import type { StoredEvent } from '../events/event-log.ts';
import type { Headers, Message, StoredMessage } from './bus.ts';
import { kebabCase } from './contract.ts';
import { contractVersion } from './event-stream.ts';
import { messageIdHeader, source } from './message.ts';
import { placeHeaders } from './place.ts';

/** `too-large`: NATS takes no message of that size. `unreadable`: it does not hold what its type promises. */
export const parkedReasons = ['too-large', 'unreadable'] as const;

export type ParkedReason = (typeof parkedReasons)[number];

const parkedType = 'event-parked';

/** All messages that stand for one. */
export const parkedSubjects = `mti.evt.${contractVersion}.*.*.*.*.${parkedType}`;

const degradedHeader = 'registry-degraded';

/**
 * What a message has besides while something is parked in its stream. Who begins behind it learns from it that he has to look
 * for that: to look through millions of messages takes nats-server 2.9 seconds.
 */
export const degraded: Headers = { [degradedHeader]: 'true' };

/** Whether a message says that something is parked in its stream. */
export function isDegraded({ headers }: Pick<StoredMessage, 'headers'>): boolean {
  return headers[degradedHeader] !== undefined;
}

/** Whether a message of the stream stands for an event. */
export function isParkedMessage({ subject }: StoredMessage): boolean {
  return subject.endsWith(`.${parkedType}`);
}

/** Whether a message can stand for it: the name of its stream has to fit into a subject. */
export function canBeParked({ stream }: StoredEvent): boolean {
  return /^[a-zA-Z]+-[\w-]+$/.test(stream);
}

/** Whatever is wrong with an event, or in it: what is long or none is not told, as this message has to be small. */
const Told = z.object({
  occurredAt: z.iso.datetime().max(35).optional().catch(undefined),
  traceparent: z
    .string()
    .regex(/^[\da-f-]{55}$/)
    .optional()
    .catch(undefined),
});

/** The message that stands for an event. Of what the event holds it says nothing but whose it is, when it was, and its trace. */
export function parkedMessage(event: StoredEvent, reason: ParkedReason): Message {
  const { stream, type } = event;
  const category = stream.slice(0, stream.indexOf('-'));
  const id = stream.slice(category.length + 1);
  // The presence of a gateway is something that happens to that gateway.
  const kind = category === 'gatewayPresence' ? 'gateway' : category;
  const organization = kind === 'organization' ? id : ownerIn(event, 'organizationId');
  const factory = kind === 'factory' ? id : ownerIn(event, 'factoryId');
  const { occurredAt, traceparent } = Told.safeParse(event.metadata).data ?? {};
  return {
    subject: `mti.evt.${contractVersion}.${organization}.${factory}.${kind}.${id}.${parkedType}`,
    headers: {
      [messageIdHeader]: event.id,
      'ce-specversion': '1.0',
      'ce-id': event.id,
      'ce-source': source,
      'ce-type': `mti.evt.${contractVersion}.${parkedType}`,
      'ce-subject': id,
      ...(occurredAt !== undefined && { 'ce-time': occurredAt }),
      'ce-datacontenttype': 'application/json',
      ...placeHeaders(event),
      'registry-schema-version': '1',
      ...(traceparent !== undefined && { traceparent }),
    },
    body: JSON.stringify({ id, type: kebabCase(type), reason }),
  };
}

/** Whose an event is, as far as it says so itself, be it readable or not; `_` where it does not. */
export function ownerIn({ data }: StoredEvent, field: string): string {
  const owner =
    typeof data === 'object' && data !== null ? new Map<string, unknown>(Object.entries(data)).get(field) : '';
  return typeof owner === 'string' && /^[\w-]{1,40}$/.test(owner) ? owner : '_';
}
