import { describe, it } from 'vitest';
import {
  aDevice,
  aFactory,
  aGateway,
  anOrganization,
  anotherDevice,
  anotherGateway,
  anotherPasswordEncrypted,
  aPasswordEncrypted,
  factoryCreated,
  gatewayCreated,
  gatewayIdReservationAbandoned,
  gatewayPasswordChanged,
  gatewayRestored,
  gatewaySoftDeleted,
  gatewayUpdated,
  organizationCreated,
} from '../../test/support/examples.ts';
import { projectionSpecification } from '../../test/support/projection-specification.ts';
import { DeviceId } from '../events/ids.ts';

const { given } = projectionSpecification('gateways');

const parents = [organizationCreated(), factoryCreated()] as const;

const created = {
  id: aGateway,
  factory_id: aFactory,
  organization_id: anOrganization,
  gateway_id: aDevice,
  name: 'Hall 1, north',
  url: 'wss://10.0.0.1:8443/ws',
  email: 'gateway-0001@acme.example',
  password_encrypted: aPasswordEncrypted,
  model: 'SG-200',
  firmware_version: '1.4.2',
  metadata: { rack: 7 },
  last_seen_at: null,
  created_at: '2026-01-02T03:04:07.678Z',
  updated_at: '2026-01-02T03:04:07.678Z',
  deleted_at: null,
  stream_revision: 0n,
};

const changed = { updated_at: '2026-01-02T03:04:08.678Z', stream_revision: 1n };

describe('the projection of gateways', () => {
  it('makes a row of GatewayCreated', () =>
    given(...parents)
      .when(gatewayCreated())
      .thenRows(created));

  it('changes only the fields that GatewayUpdated carries', () =>
    given(...parents, gatewayCreated())
      .when(gatewayUpdated({ name: 'Hall 2', url: 'ws://10.0.0.2' }))
      .thenRows({ ...created, ...changed, name: 'Hall 2', url: 'ws://10.0.0.2' }));

  it('clears model and firmware version that GatewayUpdated carries as null', () =>
    given(...parents, gatewayCreated())
      .when(gatewayUpdated({ model: null, firmwareVersion: null }))
      .thenRows({ ...created, ...changed, model: null, firmware_version: null }));

  it('changes the device id', () =>
    given(...parents, gatewayCreated())
      .when(gatewayUpdated({ gatewayId: anotherDevice }))
      .thenRows({ ...created, ...changed, gateway_id: anotherDevice }));

  it('replaces the password on GatewayPasswordChanged', () =>
    given(...parents, gatewayCreated())
      .when(gatewayPasswordChanged())
      .thenRows({ ...created, ...changed, password_encrypted: anotherPasswordEncrypted }));

  it('marks the row on GatewaySoftDeleted', () =>
    given(...parents, gatewayCreated())
      .when(gatewaySoftDeleted())
      .thenRows({ ...created, ...changed, deleted_at: '2026-01-02T03:04:08.678Z' }));

  it('clears the mark on GatewayRestored', () =>
    given(...parents, gatewayCreated(), gatewaySoftDeleted())
      .when(gatewayRestored())
      .thenRows({ ...created, updated_at: '2026-01-02T03:04:09.678Z', stream_revision: 2n }));

  it('only moves the revision on GatewayIdReservationAbandoned', () =>
    given(...parents, gatewayCreated())
      .when(gatewayIdReservationAbandoned())
      .thenRows({ ...created, stream_revision: 1n }));

  it('writes nothing for a gateway whose creation was fenced off', () =>
    given(...parents)
      .when(gatewayIdReservationAbandoned())
      .thenRows());

  it('makes a row of GatewayCreated after a creation that was fenced off', () =>
    given(...parents, gatewayIdReservationAbandoned())
      .when(gatewayCreated())
      .thenRows({
        ...created,
        created_at: '2026-01-02T03:04:08.678Z',
        updated_at: '2026-01-02T03:04:08.678Z',
        stream_revision: 1n,
      }));

  it('lets one gateway take the device id that another gave up just before', () =>
    given(...parents, gatewayCreated(), gatewayCreated({ id: anotherGateway, gatewayId: anotherDevice }))
      .when(gatewaySoftDeleted(), gatewayUpdated({ id: anotherGateway, gatewayId: aDevice }))
      .thenRows(
        {
          ...created,
          updated_at: '2026-01-02T03:04:09.678Z',
          deleted_at: '2026-01-02T03:04:09.678Z',
          stream_revision: 1n,
        },
        {
          ...created,
          id: anotherGateway,
          created_at: '2026-01-02T03:04:08.678Z',
          updated_at: '2026-01-02T03:04:10.678Z',
          stream_revision: 1n,
        },
      ));

  it('lets one gateway take the device id that another exchanged just before', () =>
    given(
      ...parents,
      gatewayCreated({ id: anotherGateway, gatewayId: anotherDevice }),
      gatewayCreated({ gatewayId: aDevice }),
    )
      .when(
        gatewayUpdated({ gatewayId: DeviceId.parse('GW-0003') }),
        gatewayUpdated({ id: anotherGateway, gatewayId: aDevice }),
      )
      .thenRows(
        {
          ...created,
          id: anotherGateway,
          updated_at: '2026-01-02T03:04:10.678Z',
          stream_revision: 1n,
        },
        {
          ...created,
          gateway_id: 'GW-0003',
          created_at: '2026-01-02T03:04:08.678Z',
          updated_at: '2026-01-02T03:04:09.678Z',
          stream_revision: 1n,
        },
      ));

  it('refuses two active gateways with one device id', () =>
    given(...parents, gatewayCreated())
      .when(gatewayCreated({ id: anotherGateway }))
      .thenFails(/idx_gateways_gateway_id/));

  it('refuses a change to a gateway that it does not have', () =>
    given(...parents)
      .when(gatewayPasswordChanged())
      .thenFails(/GatewayPasswordChanged at revision 0 .* has no row to change/));
});
