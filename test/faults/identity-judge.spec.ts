import { describe, expect, it } from 'vitest';
import type { RegistryEvent } from '../../src/events/catalogue.ts';
import type { Recorded } from '../../src/events/codec.ts';
import {
  aDevice,
  aGateway,
  anotherDevice,
  anotherGateway,
  gatewayCreated,
  gatewayRestored,
  gatewaySoftDeleted,
  gatewayUpdated,
} from '../support/examples.ts';
import { holdingsAfter } from './identity-judge.ts';

const first = gatewayCreated();
const second = gatewayCreated({ id: anotherGateway });
const secondDeleted = gatewaySoftDeleted({ id: anotherGateway });

describe('two gateways', () => {
  it.each([
    ['are created with it', [first, second], 1],
    ['share it for a moment', [first, second, secondDeleted], 1],
    [
      'come to it by an update',
      [first, created(anotherDevice), gatewayUpdated({ id: anotherGateway, gatewayId: aDevice })],
      1,
    ],
    ['come back to it', [first, gatewaySoftDeleted(), second, gatewayRestored()], 1],
    ['share it, and go on to', [first, second, gatewayUpdated({ name: 'Hall 2' })], 2],
    ['have it one after the other', [first, gatewaySoftDeleted(), second], 0],
    ['swap places', [first, gatewayUpdated({ gatewayId: anotherDevice }), second], 0],
    ['have one each', [first, created(anotherDevice)], 0],
  ])('that %s share a device id after so many events', (_, events, places) => {
    expect(holdingsAfter(recorded(events)).shared).toHaveLength(places);
  });
});

describe('the holder of a device id', () => {
  it.each([
    ['its gateway', [first], aGateway],
    ['nobody when that is deleted', [first, gatewaySoftDeleted()], undefined],
    ['nobody when that has another', [first, gatewayUpdated({ gatewayId: anotherDevice })], undefined],
    ['the next one', [first, gatewaySoftDeleted(), second], anotherGateway],
  ])('is %s', (_, events, holder) => {
    expect(holdingsAfter(recorded(events)).holderOf(aDevice)).toBe(holder);
  });
});

function created(gatewayId: typeof anotherDevice) {
  return gatewayCreated({ id: anotherGateway, gatewayId });
}

function recorded(events: readonly RegistryEvent[]): readonly Recorded[] {
  return events.map(
    (event, index) => ({ ...event, stream: `gateway-${event.data.id}`, revision: BigInt(index) }) as Recorded,
  );
}
