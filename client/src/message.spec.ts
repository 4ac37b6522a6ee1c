import { describe, expect, it } from 'vitest';
import { definitions } from '../../src/events/catalogue.ts';
import { isPublished, kebabCase, type PublishedEvent } from '../../src/publishing/contract.ts';
import { toMessage } from '../../src/publishing/message.ts';
import { parkedMessage } from '../../src/publishing/parked.ts';
import * as examples from '../../test/support/examples.ts';
import { goldenEvent } from '../../tools/golden.ts';
import { eventTypes } from './contract.ts';
import { readEvent } from './message.ts';

interface Sent {
  readonly subject: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

const published = [...definitions.keys()].filter(isPublished);

describe('an event', () => {
  it.each(published)('is read as it was published: %s', (type) => {
    const recorded = goldenEvent(type);
    const sent = messageOf(type);

    expect(read(sent)).toEqual({
      type: kebabCase(type),
      id: recorded.id,
      kind: sent.subject.split('.')[5],
      subjectId: sent.subject.split('.')[6],
      organizationId: sent.subject.split('.')[3],
      factoryId: sent.subject.split('.')[4] === '_' ? null : sent.subject.split('.')[4],
      stream: recorded.stream,
      revision: Number(recorded.revision),
      position: String(recorded.position.commit),
      time: recorded.metadata.occurredAt,
      schemaVersion: Number(sent.headers['registry-schema-version']),
      correlationId: recorded.metadata.$correlationId,
      causationId: recorded.metadata.$causationId,
      ...(recorded.metadata.traceparent !== undefined && { traceparent: recorded.metadata.traceparent }),
      data: JSON.parse(sent.body),
    });
  });

  it('is one of the types that are written down, and all of them are', () => {
    expect([...eventTypes].sort()).toEqual(published.map(kebabCase).sort());
  });

  it('of a type that is not known says what it is called', () => {
    const { subject, headers, body } = messageOf('GatewayUpdated');
    const later = { subject, headers: { ...headers, 'ce-type': 'mti.evt.v1.gateway-painted' }, body };

    expect(read(later)).toMatchObject({ type: 'unknown', name: 'gateway-painted', data: JSON.parse(body) });
  });

  it('has fields that are not known', () => {
    const { body, ...sent } = messageOf('GatewayUpdated');

    expect(read({ ...sent, body: body.replace('{', '{"colour":"red",') })).toMatchObject({ data: { colour: 'red' } });
  });

  it('that could not be published says that it is missing', () => {
    const event = examples.stored(examples.gatewayUpdated(), { revision: 4n });

    expect(read(parkedMessage(event, 'too-large'))).toMatchObject({
      type: 'event-parked',
      stream: event.stream,
      revision: 4,
      data: { id: examples.aGateway, type: 'gateway-updated', reason: 'too-large' },
    });
  });

  it('of an earlier version is of the stream that its subject names', () => {
    const { headers, ...sent } = messageOf('GatewayUpdated');
    const { 'registry-stream': stream, ...earlier } = headers;

    expect(read({ ...sent, headers: earlier })).toMatchObject({ stream });
  });

  it('has the text of its headers as it was', () => {
    const { headers, ...sent } = messageOf('GatewayUpdated');

    expect(read({ ...sent, headers: { ...headers, 'registry-correlation-id': 'a%20%C3%BC' } })).toMatchObject({
      correlationId: 'a ü',
    });
    expect(read({ ...sent, headers: { ...headers, 'registry-correlation-id': '%' } })).toMatchObject({
      correlationId: '%',
    });
  });

  it.each(['ce-id', 'ce-type', 'ce-time', 'registry-revision', 'registry-position'])('is none without %s', (name) => {
    const { headers, ...sent } = messageOf('GatewayUpdated');

    expect(read({ ...sent, headers: { ...headers, [name]: '' } })).toBeUndefined();
  });

  it.each(['', 'null', '7', '[]', '{'])('is none with a body like %j', (body) => {
    expect(read({ ...messageOf('GatewayUpdated'), body })).toBeUndefined();
  });
});

function messageOf(type: PublishedEvent['type']): Sent {
  const message = toMessage(goldenEvent(type));
  if (message === undefined) throw new Error(`${type} is not published`);
  return message;
}

function read({ subject, headers, body }: Sent) {
  return readEvent({ subject, header: (name) => headers[name] || undefined, text: () => body });
}
