// An event as a NATS message: CloudEvents 1.0 in binary mode (attributes in `ce-` headers, the data as the body), and
// in `registry-` headers what a subscriber needs to find gaps and the publisher to resume.
import type { Recorded } from '../events/codec.ts';
import type { Headers, Message, StoredMessage } from './bus.ts';
import { contract, isPublished, kebabCase, type PublishedEvent, toPayload } from './contract.ts';
import { contractVersion } from './event-stream.ts';
import { type Place, placeHeaders, readPlace } from './place.ts';

/** JetStream's own header: two messages with one id within two minutes are stored once. */
export const messageIdHeader = 'Nats-Msg-Id';

/** Who says all of this, as CloudEvents name it. */
export const source = '/gateway-registry';

const names = Object.fromEntries(Object.keys(contract).map((type) => [type, kebabCase(type)])) as Readonly<
  Record<PublishedEvent['type'], string>
>;

/** Where a published message came from. */
export interface Origin extends Place {
  readonly eventId: string;
}

/**
 * The message about an event; undefined when its type is not published.
 *
 * @throws z.ZodError when the event does not hold what the contract promises
 */
export function toMessage(event: Recorded): Message | undefined {
  if (!isPublishedEvent(event)) return undefined;
  return {
    subject: subjectOf(event),
    headers: headersOf(event),
    body: JSON.stringify(toPayload(event, event.revision)),
  };
}

/** `mti.evt.v1.<organization>.<factory or _>.<organization|factory|gateway>.<id>.<event-in-kebab-case>` */
export function subjectOf(event: PublishedEvent): string {
  const { kind } = contract[event.type];
  const { organization, factory } = ownersOf(event);
  return `mti.evt.${contractVersion}.${organization}.${factory}.${kind}.${event.data.id}.${names[event.type]}`;
}

/** Where a message of the stream came from; undefined when it is none of the publisher's. */
export function originOf({ subject, headers }: StoredMessage): Origin | undefined {
  const eventId = headers[messageIdHeader];
  // Messages of earlier versions name their stream by their subject alone.
  const [kind, id] = subject.split('.').slice(5);
  const place = readPlace(headers, `${kind}-${id}`);
  return eventId === undefined || place === undefined ? undefined : { ...place, eventId };
}

/** A header value of CloudEvents: what is not printable ASCII, and `"` and `%`, percent-encoded as UTF-8. */
export function percentEncode(text: string): string {
  return text.toWellFormed().replace(/[^\x21-\x7e]|["%]/gu, encodeCharacter);
}

function headersOf(event: Recorded<PublishedEvent>): Headers {
  const { occurredAt, $correlationId, $causationId, traceparent } = event.metadata;
  return {
    [messageIdHeader]: event.id,
    'ce-specversion': '1.0',
    'ce-id': event.id,
    'ce-source': source,
    'ce-type': `mti.evt.${contractVersion}.${names[event.type]}`,
    'ce-subject': event.data.id,
    'ce-time': occurredAt,
    'ce-datacontenttype': 'application/json',
    ...placeHeaders(event),
    'registry-schema-version': String(contract[event.type].version),
    'registry-correlation-id': percentEncode($correlationId),
    'registry-causation-id': percentEncode($causationId),
    ...(traceparent === undefined ? {} : { traceparent: percentEncode(traceparent) }),
  };
}

function ownersOf({ data }: PublishedEvent): { readonly organization: string; readonly factory: string } {
  if ('factoryId' in data) return { organization: data.organizationId, factory: data.factoryId };
  if ('organizationId' in data) return { organization: data.organizationId, factory: data.id };
  return { organization: data.id, factory: '_' };
}

function isPublishedEvent(event: Recorded): event is Recorded<PublishedEvent> {
  return isPublished(event.type);
}

// encodeURIComponent leaves `'` and `!` and the like alone; none of them is asked for here.
function encodeCharacter(character: string): string {
  return encodeURIComponent(character);
}
