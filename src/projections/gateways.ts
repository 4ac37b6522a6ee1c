// Which gateways stand in a factory, and how does one reach and log in to each?
import type { GatewayEvent } from '../events/gateway.ts';
import { present } from './patch.ts';
import type { Projection } from './projection.ts';

export const gateways: Projection<GatewayEvent> = {
  table: 'gateways',
  columns: [
    'factory_id',
    'organization_id',
    'gateway_id',
    'name',
    'url',
    'email',
    'password_encrypted',
    'model',
    'firmware_version',
    'metadata',
    'created_at',
    'updated_at',
    'deleted_at',
  ],
  creating: 'GatewayCreated',
  changes: {
    GatewayCreated: ({ data, metadata: { occurredAt } }) => ({
      factory_id: data.factoryId,
      organization_id: data.organizationId,
      gateway_id: data.gatewayId,
      name: data.name,
      url: data.url,
      email: data.email,
      password_encrypted: data.passwordEncrypted,
      model: data.model,
      firmware_version: data.firmwareVersion,
      metadata: data.metadata,
      created_at: occurredAt,
      updated_at: occurredAt,
      deleted_at: null,
    }),
    GatewayUpdated: ({ data, metadata: { occurredAt } }) => ({
      ...present({
        gateway_id: data.gatewayId,
        name: data.name,
        url: data.url,
        email: data.email,
        model: data.model,
        firmware_version: data.firmwareVersion,
        metadata: data.metadata,
      }),
      updated_at: occurredAt,
    }),
    GatewayPasswordChanged: ({ data: { passwordEncrypted }, metadata: { occurredAt } }) => ({
      password_encrypted: passwordEncrypted,
      updated_at: occurredAt,
    }),
    // Nobody's doing on the gateway, and nothing that anyone could see of it.
    GatewayPasswordReencrypted: ({ data: { passwordEncrypted } }) => ({ password_encrypted: passwordEncrypted }),
    GatewayMoved: ({ data: { factoryId }, metadata: { occurredAt } }) => ({
      factory_id: factoryId,
      updated_at: occurredAt,
    }),
    GatewaySoftDeleted: ({ metadata: { occurredAt } }) => ({ deleted_at: occurredAt, updated_at: occurredAt }),
    GatewayRestored: ({ metadata: { occurredAt } }) => ({ deleted_at: null, updated_at: occurredAt }),
    GatewayRestorationRefused: () => ({}),
    GatewayIdReservationAbandoned: () => ({}),
  },
  // A create that was fenced off leaves a stream without a gateway.
  rowOptional: ['GatewayIdReservationAbandoned'],
  held: 'gateway_id',
};
