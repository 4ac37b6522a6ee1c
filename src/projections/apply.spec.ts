import { describe, expect, it } from 'vitest';
import {
  aDevice,
  anotherDevice,
  anotherGateway,
  gatewayCreated,
  gatewaySoftDeleted,
  gatewayUpdated,
  storedInOrder,
} from '../../test/support/examples.ts';
import type { RegistryEvent } from '../events/catalogue.ts';
import { decode, type Recorded } from '../events/codec.ts';
import { runsOf } from './apply.ts';

function lengthsOfRuns(...events: readonly RegistryEvent[]): readonly number[] {
  return runsOf(storedInOrder(...events).map((event) => decode(event) as Recorded)).map((run) => run.length);
}

describe('a run of events', () => {
  it('takes neighbours of one type', () => {
    expect(lengthsOfRuns(gatewayCreated(), gatewayCreated({ id: anotherGateway }))).toEqual([2]);
  });

  it('ends where the type changes', () => {
    expect(lengthsOfRuns(gatewayCreated(), gatewaySoftDeleted(), gatewayCreated({ id: anotherGateway }))).toEqual([
      1, 1, 1,
    ]);
  });

  it('has one event of an aggregate at most', () => {
    expect(lengthsOfRuns(gatewayUpdated(), gatewayUpdated({ id: anotherGateway }), gatewayUpdated())).toEqual([2, 1]);
  });

  it('starts anew where a gateway changes its device id', () => {
    expect(
      lengthsOfRuns(
        gatewayUpdated({ gatewayId: anotherDevice }),
        gatewayUpdated({ id: anotherGateway, gatewayId: aDevice }),
      ),
    ).toEqual([1, 1]);
  });

  it('is none when there is no event', () => {
    expect(lengthsOfRuns()).toEqual([]);
  });
});
