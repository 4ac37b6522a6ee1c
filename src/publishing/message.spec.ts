import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import * as examples from '../../test/support/examples.ts';
import type { RegistryEvent } from '../events/catalogue.ts';
import { decode, type Recorded } from '../events/codec.ts';
import type { StoredEvent } from '../events/event-log.ts';
import type { Message } from './bus.ts';
import { originOf, percentEncode, subjectOf, toMessage } from './message.ts';

describe('the subject of an event', () => {
  it('of an organization has no factory', () => {
    expect(subjectOf(examples.organizationSoftDeleted())).toBe(
      `mti.evt.v1.${examples.anOrganization}._.organization.${examples.anOrganization}.organization-soft-deleted`,
    );
  });

  it('of a factory names it twice', () => {
    expect(subjectOf(examples.factoryUpdated())).toBe(
      `mti.evt.v1.${examples.anOrganization}.${examples.aFactory}.factory.${examples.aFactory}.factory-updated`,
    );
  });

  it('of a gateway names its organization and its factory', () => {
    expect(subjectOf(examples.gatewayIdReservationAbandoned())).toBe(
      `mti.evt.v1.${examples.anOrganization}.${examples.aFactory}.gateway.${examples.aGateway}.gateway-id-reservation-abandoned`,
    );
  });

  it('keeps to the rules for subjects', () => {
    const subject = subjectOf(examples.gatewayIdReservationAbandoned());
    expect(subject).toMatch(/^[a-z0-9_-]+(\.[a-z0-9_-]+){1,15}$/);
    expect(subject.length).toBeLessThan(256);
  });
});

describe('the message about an event', () => {
  it('is a CloudEvent in binary mode', () => {
    const message = messageAbout(examples.stored(examples.gatewaySoftDeleted(), { revision: 3n, position: 1_234n }));
    expect(message.headers).toEqual({
      'Nats-Msg-Id': '0194e000-0000-7000-8000-0000000004d2',
      'ce-specversion': '1.0',
      'ce-id': '0194e000-0000-7000-8000-0000000004d2',
      'ce-source': '/gateway-registry',
      'ce-type': 'mti.evt.v1.gateway-soft-deleted',
      'ce-subject': examples.aGateway,
      'ce-time': examples.now,
      'ce-datacontenttype': 'application/json',
      'registry-stream': `gateway-${examples.aGateway}`,
      'registry-position': '1234',
      'registry-revision': '3',
      'registry-schema-version': '2',
      'registry-correlation-id': 'a-correlation',
      'registry-causation-id': 'a-command',
    });
    expect(JSON.parse(message.body)).toEqual({
      id: examples.aGateway,
      factory_id: examples.aFactory,
      organization_id: examples.anOrganization,
      cause: null,
    });
  });

  it('names the trace of the request that began it, if there was one', () => {
    const traceparent = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';
    const event = examples.stored(examples.gatewayUpdated(), { revision: 3n });
    const traced = { ...event, metadata: { ...(event.metadata as object), traceparent } };
    expect(messageAbout(traced).headers).toEqual({ ...messageAbout(event).headers, traceparent });
    expect(messageAbout(event).headers).not.toHaveProperty('traceparent');
  });

  it('does not exist for an event of an identity stream', () => {
    expect(toMessage(recorded(examples.stored(examples.gatewayIdReserved(), { revision: 0n })))).toBeUndefined();
  });

  it('says where it came from, to the last digit', () => {
    const number = fc.bigInt({ min: 0n, max: 2n ** 53n - 1n });
    const position = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n });
    fc.assert(
      fc.property(number, position, position, fc.constantFrom(...oneOfEachKind), (revision, commit, prepare, event) => {
        const stored = { ...examples.stored(event, { revision }), position: { commit, prepare } };
        expect(originOf({ sequence: 1, ...messageAbout(stored) })).toEqual({
          eventId: stored.id,
          stream: stored.stream,
          revision,
          position: { commit, prepare },
        });
      }),
    );
  });

  it('of an earlier version says by its subject which stream it is about', () => {
    const stored = examples.stored(examples.gatewayUpdated(), { revision: 3n });
    const { 'registry-stream': _, ...headers } = messageAbout(stored).headers;
    expect(originOf({ sequence: 1, ...messageAbout(stored), headers })?.stream).toBe(stored.stream);
  });

  it('is not recognized in what a stranger wrote', () => {
    expect(originOf({ sequence: 1, subject: 'mti.evt.v1.x', headers: {}, body: '' })).toBeUndefined();
    const headers = { 'Nats-Msg-Id': 'x', 'registry-position': '-1', 'registry-revision': '0' };
    expect(originOf({ sequence: 1, subject: 'mti.evt.v1.x', headers, body: '' })).toBeUndefined();
  });
});

describe('a header value', () => {
  it('is printable ASCII without a quotation mark, and can be read back', () => {
    fc.assert(
      fc.property(anyText, (text) => {
        const encoded = percentEncode(text);
        expect(encoded).toMatch(/^[\x21\x23-\x7e]*$/);
        expect(decodeURIComponent(encoded)).toBe(text.toWellFormed());
      }),
    );
  });

  it('stays as it is when there is nothing to encode', () => {
    expect(percentEncode("https://a.example/b?c=d&e='f'")).toBe("https://a.example/b?c=d&e='f'");
    expect(percentEncode('100 % "Grüße" 🚪')).toBe('100%20%25%20%22Gr%C3%BC%C3%9Fe%22%20%F0%9F%9A%AA');
  });
});

/** Halves of characters as well. Fast-check's own `binary` takes a second to make a table of all characters. */
const anyText = fc.array(fc.integer({ min: 0, max: 0x10ffff })).map((codes) => String.fromCodePoint(...codes));

const oneOfEachKind: readonly RegistryEvent[] = [
  examples.organizationCreated(),
  examples.factoryCreated(),
  examples.gatewayCreated(),
];

function messageAbout(stored: StoredEvent): Message {
  const message = toMessage(recorded(stored));
  if (message === undefined) throw new Error(`${stored.type} is not published`);
  return message;
}

function recorded(stored: StoredEvent): Recorded {
  const event = decode(stored);
  if (event === undefined) throw new Error(`${stored.type} is unknown`);
  return event;
}
