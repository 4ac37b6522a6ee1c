// What is wrong with the stream, in sentences; none when it is the log, message by message. It knows what is promised, and
// nothing of how it is kept: no line of the publisher is used here.
import type { StoredEvent } from '../../src/events/event-log.ts';
import type { ReadMessage } from '../support/nats-client.ts';

/** Whether the events of a stream are to be published. */
export function isPublished(stream: string): boolean {
  return /^(organization|factory|gateway|gatewayPresence)-/.test(stream);
}

/**
 * Compares what a subscriber of everything has read with the log.
 *
 * @param events those to be published, in the order of the log
 */
export function complaints(events: readonly StoredEvent[], messages: readonly ReadMessage[]): readonly string[] {
  const surplus = messages.slice(events.length).map((message) => `${nameOf(message)} is one too many`);
  const pairs = events.flatMap((event, index) => complaintsOf(event, messages[index], index + 1));
  return [...pairs, ...surplus];
}

function complaintsOf(event: StoredEvent, message: ReadMessage | undefined, sequence: number): readonly string[] {
  if (message === undefined) return [`${event.type} ${event.id} is missing`];
  const is = partsOf(message);
  const should = partsWanted(event, sequence);
  const wrong = Object.keys(should).filter((part) => is[part] !== should[part]);
  return [
    ...wrong.map((part) => `${nameOf(message)}: ${part} is ${is[part]} and not ${should[part]}`),
    ...complaintsOfBody(event, message),
  ];
}

function partsOf({ sequence, subject, headers }: ReadMessage): Readonly<Record<string, string | undefined>> {
  return { ...headers, sequence: String(sequence), subject };
}

function partsWanted(event: StoredEvent, sequence: number): Readonly<Record<string, string>> {
  const { id, organizationId, factoryId } = fieldsOf(event);
  const [category = ''] = event.stream.split('-');
  const kind = category === 'gatewayPresence' ? 'gateway' : category;
  const type = event.type.replace(/(?<=.)(?=[A-Z])/g, '-').toLowerCase();
  const factory = kind === 'organization' ? '_' : (factoryId ?? id);
  return {
    sequence: String(sequence),
    subject: `mti.evt.v1.${organizationId ?? id}.${factory}.${kind}.${id}.${type}`,
    'Nats-Msg-Id': event.id,
    'ce-id': event.id,
    'ce-type': `mti.evt.v1.${type}`,
    'registry-stream': event.stream,
    'registry-position': String(event.position.commit),
    'registry-revision': String(event.revision),
  };
}

function complaintsOfBody(event: StoredEvent, message: ReadMessage): readonly string[] {
  const { passwordEncrypted, ...data } = fieldsOf(event);
  const { credential_version, ...body } = JSON.parse(message.body) as Readonly<Record<string, unknown>>;
  const name = nameOf(message);
  const setsPassword = passwordEncrypted !== undefined && event.type !== 'GatewayPasswordReencrypted';
  const wanted = setsPassword ? Number(event.revision) : undefined;
  const lacking = Object.keys(data)
    .map(snakeCase)
    .filter((field) => !(field in body) && field !== 'reservation_id');
  return [
    ...(credential_version === wanted ? [] : [`${name}: credential_version is ${credential_version}, not ${wanted}`]),
    ...lacking.map((field) => `${name} does not say ${field}`),
    ...Object.entries(body).flatMap(([field, value]) => {
      const should = JSON.stringify(data[camelCase(field)]);
      return JSON.stringify(value) === should ? [] : [`${name}: ${field} is not ${should}`];
    }),
    ...(typeof passwordEncrypted === 'string' && JSON.stringify(message).includes(passwordEncrypted)
      ? [`${name} gives a password away`]
      : []),
  ];
}

function nameOf({ sequence, headers }: ReadMessage): string {
  return `message ${sequence} (${headers['ce-type']} ${headers['ce-id']})`;
}

function fieldsOf({ data }: StoredEvent): Readonly<Record<string, unknown>> {
  return data as Readonly<Record<string, unknown>>;
}

function snakeCase(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

function camelCase(name: string): string {
  return name.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
}
