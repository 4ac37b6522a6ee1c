import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  aDevice,
  aFactory,
  aGateway,
  anOrganization,
  anotherDevice,
  anotherGateway,
  anotherReservation,
  aReservation,
  gatewayCreated,
  gatewayIdReservationAbandoned,
  gatewayPasswordChanged,
  gatewayRestored,
  gatewaySoftDeleted,
  gatewayUpdated,
} from '../../test/support/examples.ts';
import type { GatewayEvent } from '../events/gateway.ts';
import { DeviceId } from '../events/ids.ts';
import { gatewayDecider } from './gateway.ts';
import { claimOf, gatewayIdentityStream, judgeReservation } from './gateway-identity.ts';

const claim = {
  id: aGateway,
  factoryId: aFactory,
  organizationId: anOrganization,
  gatewayId: aDevice,
  reservationId: aReservation,
};
const reservedAt = '2026-01-02T03:04:00.000Z';
const reservation = { claim, reservedAt, withdrawn: false };
const withinGrace = '2026-01-02T03:04:09.999Z';
const afterGrace = '2026-01-02T03:04:10.000Z';

describe('the last reservation of a device id', () => {
  it.each([
    ['taken', 'its holder is active and has the id', [gatewayCreated()]],
    ['taken', 'its holder came back to it', [gatewayCreated(), gatewaySoftDeleted(), gatewayRestored()]],
    ['free', 'its holder is deleted', [gatewayCreated(), gatewaySoftDeleted()]],
    [
      'free',
      'its holder has another id',
      [gatewayCreated(), gatewayUpdated({ gatewayId: anotherDevice, reservationId: anotherReservation })],
    ],
    ['free', 'it was abandoned before its gateway was made', [gatewayIdReservationAbandoned()]],
    ['in-flight', 'nothing is known of its holder', []],
    [
      'in-flight',
      'its holder is deleted and about to come back',
      [gatewayCreated({ reservationId: anotherReservation }), gatewaySoftDeleted()],
    ],
    [
      'in-flight',
      'its holder has another id and is about to take this one',
      [gatewayCreated({ gatewayId: anotherDevice, reservationId: anotherReservation })],
    ],
  ] satisfies [string, string, GatewayEvent[]][])('means that the id is %s when %s', (judgement, _, events) => {
    const holder = events.reduce(gatewayDecider.evolve, gatewayDecider.initial);

    expect(judgeReservation(reservation, holder, anotherGateway, withinGrace, 10_000)).toBe(judgement);
  });

  it.each([
    ['nothing is known of its holder', []],
    ['its holder is deleted', [gatewayCreated({ reservationId: anotherReservation }), gatewaySoftDeleted()]],
  ] satisfies [string, GatewayEvent[]][])('counts as abandoned after the grace period when %s', (_, events) => {
    const holder = events.reduce(gatewayDecider.evolve, gatewayDecider.initial);

    expect(judgeReservation(reservation, holder, anotherGateway, afterGrace, 10_000)).toBe('abandoned');
  });

  it.each([
    ['in-flight', 'less', '2026-01-02T03:03:50.001Z'],
    ['abandoned', 'no less', '2026-01-02T03:03:50.000Z'],
    ['abandoned', 'a day more', '2026-01-01T03:04:00.000Z'],
  ])('is %s when it lies ahead by %s than the grace period', (judgement, _, now) => {
    expect(judgeReservation(reservation, gatewayDecider.initial, anotherGateway, now, 10_000)).toBe(judgement);
  });

  it('leaves the id taken after the grace period when the holder has it through an earlier reservation', () => {
    const holder = gatewayDecider.evolve(gatewayDecider.initial, gatewayCreated({ reservationId: anotherReservation }));

    expect(judgeReservation(reservation, holder, anotherGateway, afterGrace, 10_000)).toBe('taken');
  });

  it('that was withdrawn leaves the id free at once, unless its holder has it through another one', () => {
    const back = { ...reservation, withdrawn: true };
    const holder = gatewayDecider.evolve(gatewayDecider.initial, gatewayCreated({ reservationId: anotherReservation }));
    expect(judgeReservation(back, gatewayDecider.initial, anotherGateway, withinGrace, 10_000)).toBe('free');
    expect(judgeReservation(back, holder, anotherGateway, withinGrace, 10_000)).toBe('taken');
  });

  it('is no obstacle to the gateway that made it', () => {
    expect(judgeReservation(reservation, gatewayDecider.initial, aGateway, withinGrace, 10_000)).toBe('free');
  });
});

describe('an event', () => {
  it.each([
    ['GatewayCreated', gatewayCreated()],
    ['GatewayRestored', gatewayRestored({ reservationId: aReservation })],
    ['GatewayUpdated with another device id', gatewayUpdated({ gatewayId: aDevice, reservationId: aReservation })],
  ])('%s claims a device id', (_, event) => {
    expect(claimOf(event)).toEqual(claim);
  });

  it.each([
    ['GatewayUpdated without a device id', gatewayUpdated({ name: 'Hall 2' })],
    ['GatewaySoftDeleted', gatewaySoftDeleted()],
    ['GatewayPasswordChanged', gatewayPasswordChanged()],
    ['GatewayIdReservationAbandoned', gatewayIdReservationAbandoned()],
  ])('%s claims nothing', (_, event) => {
    expect(claimOf(event)).toBeUndefined();
  });
});

describe('the stream of a device id', () => {
  it.each([
    ['GW-0001', 'gatewayIdentity-GW-0001'],
    ['a b/c', 'gatewayIdentity-a%20b%2Fc'],
    ['100%', 'gatewayIdentity-100%25'],
    ['漢', 'gatewayIdentity-%E6%BC%A2'],
    ['$all', 'gatewayIdentity-%24all'],
  ])('of %s is %s', (device, stream) => {
    expect(gatewayIdentityStream(DeviceId.parse(device))).toBe(stream);
  });

  it('is of that device id alone: the name says which one it is of', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', minLength: 1, maxLength: 255, size: 'max' }), (device) => {
        const stream = gatewayIdentityStream(DeviceId.parse(device));
        expect(stream).toMatch(/^gatewayIdentity-[\w.~!*'()%-]{1,3060}$/);
        expect(decodeURIComponent(stream.slice('gatewayIdentity-'.length))).toBe(device);
      }),
    );
  });

  it.each(['\ud83d', '\ude00', 'GW-\ud83d', '\ude00\ud83d'])('is not of half a surrogate pair: %j', (device) => {
    expect(() => gatewayIdentityStream(DeviceId.parse(device))).toThrow(URIError);
  });

  it('is another one for an id that differs only in case', () => {
    expect(gatewayIdentityStream(DeviceId.parse('gw-1'))).not.toBe(gatewayIdentityStream(DeviceId.parse('GW-1')));
  });
});
