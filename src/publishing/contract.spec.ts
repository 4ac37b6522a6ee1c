import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import * as examples from '../../test/support/examples.ts';
import { catalogue } from '../events/catalogue.ts';
import { contract, isPublished, kebabCase, type PublishedEvent, toPayload } from './contract.ts';

const ofEach: readonly PublishedEvent[] = [
  examples.organizationCreated(),
  examples.organizationUpdated({ name: 'Acme Industries', metadata: {} }),
  examples.organizationSoftDeleted(),
  examples.organizationRestored(),
  examples.factoryCreated(),
  examples.factoryUpdated({ name: 'Spandau', location: null, timezone: 'UTC', metadata: {} }),
  examples.factorySoftDeleted(),
  examples.factoryRestored(),
  examples.gatewayCreated(),
  examples.gatewayUpdated({
    gatewayId: examples.anotherDevice,
    reservationId: examples.anotherReservation,
    name: 'Hall 2',
    url: 'ws://10.0.0.2',
    email: 'two@acme.example',
    model: null,
    firmwareVersion: '2.0.0',
    metadata: {},
  }),
  examples.gatewayPasswordChanged(),
  examples.gatewayPasswordReencrypted(),
  examples.gatewayMoved(),
  examples.gatewaySoftDeleted(),
  examples.gatewayRestored(),
  examples.gatewayRestorationRefused(),
  examples.gatewayIdReservationAbandoned(),
  examples.gatewayConnected(),
  examples.gatewayDisconnected(),
];

/** What stays inside: the first because it is secret, the second because it says nothing to anybody outside. */
const inside = ['passwordEncrypted', 'reservationId'];

describe('the public contract', () => {
  it('has an entry for each event of organizations, factories, gateways and their presence, and for no other', () => {
    const { organization, factory, gateway, gatewayPresence, gatewayIdentity, credentialAudit } = catalogue;
    const types = [organization, factory, gateway, gatewayPresence].flatMap((events) => Object.keys(events)).sort();
    expect(Object.keys(contract).sort()).toEqual(types);
    expect(ofEach.map(({ type }) => type).sort(), 'the examples of this spec').toEqual(types);
    expect(Object.keys({ ...gatewayIdentity, ...credentialAudit }).filter(isPublished)).toEqual([]);
  });

  it.each(ofEach.map((event) => [event.type, event] as const))(
    'tells all that %s holds but what stays inside',
    (_, event) => {
      const { credential_version: _version, ...told } = toPayload(event, 7n);
      const abandoned = event.type === 'GatewayIdReservationAbandoned';
      const outside = Object.entries<unknown>(event.data).filter(([name]) => abandoned || !inside.includes(name));
      expect(Object.values(told)).toHaveLength(outside.length);
      expect(Object.values(told)).toEqual(expect.arrayContaining<unknown>(outside.map(([, value]) => value)));
    },
  );

  it('tells of a new gateway in the names of REST, with the version of its password and without the password', () => {
    expect(toPayload(examples.gatewayCreated(), 1n)).toEqual({
      id: examples.aGateway,
      factory_id: examples.aFactory,
      organization_id: examples.anOrganization,
      gateway_id: 'GW-0001',
      name: 'Hall 1, north',
      url: 'wss://10.0.0.1:8443/ws',
      email: 'gateway-0001@acme.example',
      model: 'SG-200',
      firmware_version: '1.4.2',
      metadata: { rack: 7 },
      credential_version: 1,
    });
  });

  it('tells of a new password its version and no more', () => {
    expect(toPayload(examples.gatewayPasswordChanged(), 5n)).toEqual({
      id: examples.aGateway,
      factory_id: examples.aFactory,
      organization_id: examples.anOrganization,
      credential_version: 5,
    });
  });

  it('tells of an update only what changed', () => {
    expect(toPayload(examples.gatewayUpdated({ model: null }), 2n)).toEqual({
      id: examples.aGateway,
      factory_id: examples.aFactory,
      organization_id: examples.anOrganization,
      model: null,
    });
  });

  it('lets no field out that it does not name, whatever an event holds', () => {
    const secret = 'a-secret-that-must-not-leave';
    const names = fc.oneof(
      fc.string(),
      fc.constantFrom('password', 'password_encrypted', 'firmware_version', '__proto__'),
    );
    fc.assert(
      fc.property(fc.constantFrom(...ofEach), fc.dictionary(names, fc.constant(secret)), (event, extra) => {
        const data = { ...extra, ...event.data, passwordEncrypted: secret };
        const told = toPayload({ ...event, data } as PublishedEvent, 0n);
        expect(JSON.stringify(told)).not.toContain(secret);
      }),
    );
  });

  it('names no field after a password', () => {
    const names = Object.values(contract).flatMap(({ fields }) => fields.map(({ name }) => name));
    expect(names.filter((name) => /passw|secret|encrypt|cipher/i.test(name))).toEqual([]);
  });

  it('refuses an event that lacks what it promises', () => {
    const { name: _, ...data } = examples.gatewayCreated().data;
    expect(() => toPayload({ type: 'GatewayCreated', data } as unknown as PublishedEvent, 0n)).toThrow('name');
  });
});

describe('the kebab-case of a type', () => {
  it('has a hyphen before each capital but the first', () => {
    expect(kebabCase('GatewayIdReservationAbandoned')).toBe('gateway-id-reservation-abandoned');
  });
});
