// Which gateways stand in a factory, and how does one reach and log in to each?
import type { GatewayEvent } from '../events/gateway.ts';
import type { Projection } from './projection.ts';

export const gateways: Projection<GatewayEvent> = {
  table: 'gateways',
  statements: {
    GatewayCreated: `
      INSERT INTO gateways (
        id, factory_id, organization_id, gateway_id, name, url, email, password_encrypted, model, firmware_version, metadata,
        created_at, updated_at, stream_revision
      )
      SELECT
        id, (data->>'factoryId')::uuid, (data->>'organizationId')::uuid, data->>'gatewayId', data->>'name', data->>'url',
        data->>'email', data->>'passwordEncrypted', data->>'model', data->>'firmwareVersion', data->'metadata',
        occurred_at, occurred_at, revision
      FROM event
      ON CONFLICT (id) DO NOTHING`,

    GatewayUpdated: `
      UPDATE gateways SET
        gateway_id = coalesce(data->>'gatewayId', gateway_id),
        name = coalesce(data->>'name', name),
        url = coalesce(data->>'url', url),
        email = coalesce(data->>'email', email),
        model = CASE WHEN data ? 'model' THEN data->>'model' ELSE model END,
        firmware_version = CASE WHEN data ? 'firmwareVersion' THEN data->>'firmwareVersion' ELSE firmware_version END,
        metadata = coalesce(data->'metadata', metadata),
        updated_at = occurred_at, stream_revision = revision
      FROM event WHERE gateways.id = event.id AND stream_revision < revision`,

    GatewayPasswordChanged: `
      UPDATE gateways SET
        password_encrypted = data->>'passwordEncrypted',
        updated_at = occurred_at, stream_revision = revision
      FROM event WHERE gateways.id = event.id AND stream_revision < revision`,

    GatewaySoftDeleted: `
      UPDATE gateways SET
        deleted_at = occurred_at,
        updated_at = occurred_at, stream_revision = revision
      FROM event WHERE gateways.id = event.id AND stream_revision < revision`,

    GatewayRestored: `
      UPDATE gateways SET
        deleted_at = NULL,
        updated_at = occurred_at, stream_revision = revision
      FROM event WHERE gateways.id = event.id AND stream_revision < revision`,

    GatewayIdReservationAbandoned: `
      UPDATE gateways SET stream_revision = revision
      FROM event WHERE gateways.id = event.id AND stream_revision < revision`,
  },
  // A create that was fenced off leaves a stream without a gateway.
  rowOptional: ['GatewayIdReservationAbandoned'],
};
