import { describe, expect, it } from 'vitest';
import {
  aDevice,
  aGateway,
  anotherDevice,
  anotherGateway,
  factoryCreated,
  gatewayCreated,
  gatewayIdReservationAbandoned,
  gatewayRestored,
  gatewaySoftDeleted,
  gatewayUpdated,
  organizationCreated,
  storedInOrder,
} from '../../test/support/examples.ts';
import type { RegistryEvent } from '../events/catalogue.ts';
import { decode, type Recorded } from '../events/codec.ts';
import { changesOf } from './fold.ts';

/** Each statement as the table and the rows it writes. */
function statementsOf(...events: readonly RegistryEvent[]) {
  const recorded = storedInOrder(...events).map((event) => decode(event) as Recorded);
  return changesOf(recorded).map(({ projection, rows }) => [projection.table, ...rows.map(({ id }) => id)]);
}

function onlyRowOf(...events: readonly RegistryEvent[]) {
  const recorded = storedInOrder(...events).map((event) => decode(event) as Recorded);
  const rows = changesOf(recorded).flatMap((changes) => changes.rows);
  expect(rows).toHaveLength(1);
  return rows[0];
}

describe('events', () => {
  it('of one row become one change, in which the later one wins', () => {
    expect(
      onlyRowOf(gatewayCreated(), gatewayUpdated({ name: 'New', model: null }), gatewaySoftDeleted()),
    ).toMatchObject({
      creates: true,
      needsRow: undefined,
      patch: { name: 'New', model: null, gateway_id: aDevice, deleted_at: expect.any(String) },
      last: { revision: 2n },
    });
  });

  it('set nothing but what they carry', () => {
    const row = onlyRowOf(gatewayUpdated({ name: 'New' }));
    expect(Object.keys(row?.patch ?? {})).toEqual(['name', 'updated_at']);
    expect(row).toMatchObject({ creates: false, needsRow: { revision: 0n } });
  });

  it('that may find no row ask for none', () => {
    expect(onlyRowOf(gatewayIdReservationAbandoned())).toMatchObject({
      creates: false,
      needsRow: undefined,
      patch: {},
    });
  });

  it('that set a field again undo what came before, and nothing else', () => {
    const row = onlyRowOf(gatewaySoftDeleted(), gatewayRestored());
    expect(row?.patch).toMatchObject({ deleted_at: null });
  });

  it('of many rows are written table by table, in the order of the foreign keys', () => {
    expect(
      statementsOf(gatewayCreated(), factoryCreated(), gatewayCreated({ id: anotherGateway }), organizationCreated()),
    ).toEqual([
      ['organizations', expect.any(String)],
      ['factories', expect.any(String)],
      ['gateways', aGateway, anotherGateway],
    ]);
  });

  it('that give up a device id are written before those that take it', () => {
    expect(statementsOf(gatewaySoftDeleted(), gatewayCreated({ id: anotherGateway }))).toEqual([
      ['gateways', aGateway],
      ['gateways', anotherGateway],
    ]);
    expect(statementsOf(gatewayCreated({ id: anotherGateway }), gatewaySoftDeleted())).toEqual([
      ['gateways', aGateway],
      ['gateways', anotherGateway],
    ]);
  });

  it('that change a device id are written by themselves', () => {
    expect(
      statementsOf(
        gatewayUpdated({ name: 'New' }),
        gatewayUpdated({ gatewayId: anotherDevice }),
        gatewayUpdated({ id: anotherGateway, gatewayId: aDevice }),
        gatewayUpdated({ id: anotherGateway, name: 'New' }),
      ),
    ).toEqual([
      ['gateways', aGateway],
      ['gateways', aGateway],
      ['gateways', anotherGateway],
      ['gateways', anotherGateway],
    ]);
  });

  it('that are none change nothing', () => {
    expect(statementsOf()).toEqual([]);
  });
});
