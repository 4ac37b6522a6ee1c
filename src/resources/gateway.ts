import { z } from 'zod';
import type { Recorded } from '../events/codec.ts';
import type { GatewayEvent } from '../events/gateway.ts';
import { JsonObject } from '../events/json.ts';
import { exampleGateway } from './examples.ts';

/** A gateway as the world sees it, in REST and on NATS: without its password, encrypted or not. */
export const GatewayResource = z
  .object({
    id: z.guid(),
    factory_id: z.guid(),
    organization_id: z.guid(),
    gateway_id: z.string().meta({ description: 'What the device calls itself; one active gateway has it at most.' }),
    name: z.string(),
    url: z.string().meta({ format: 'uri' }),
    email: z.string().meta({ format: 'email' }),
    model: z.string().nullable(),
    firmware_version: z.string().nullable(),
    metadata: JsonObject,
    last_seen_at: z.iso
      .datetime()
      .nullable()
      .meta({ description: 'When it was last heard of; null as long as it was not.' }),
    created_at: z.iso.datetime(),
    updated_at: z.iso.datetime(),
  })
  .meta({ id: 'Gateway', examples: [exampleGateway] });

export type GatewayResource = z.output<typeof GatewayResource>;

/**
 * The gateway after an event; undefined as long as it was never created. `last_seen_at` is observed,
 * not recorded in the log, and therefore null here. What changes nothing that the world sees of it, such as an abandoned
 * reservation or another key for its password, leaves it as it is.
 */
export function foldGateway(
  gateway: GatewayResource | undefined,
  event: Recorded<GatewayEvent>,
): GatewayResource | undefined {
  const { occurredAt } = event.metadata;
  if (event.type === 'GatewayCreated') {
    const { id, factoryId, organizationId, gatewayId, name, url, email, model, firmwareVersion, metadata } = event.data;
    return {
      id,
      factory_id: factoryId,
      organization_id: organizationId,
      gateway_id: gatewayId,
      name,
      url,
      email,
      model,
      firmware_version: firmwareVersion,
      metadata,
      last_seen_at: null,
      created_at: occurredAt,
      updated_at: occurredAt,
    };
  }
  if (gateway === undefined) return undefined;
  switch (event.type) {
    case 'GatewayUpdated':
      return { ...gateway, ...updatedFields(event.data), updated_at: occurredAt };
    case 'GatewayMoved':
      return { ...gateway, factory_id: event.data.factoryId, updated_at: occurredAt };
    case 'GatewayPasswordReencrypted':
    case 'GatewayRestorationRefused':
    case 'GatewayIdReservationAbandoned':
      return gateway;
    default:
      return { ...gateway, updated_at: occurredAt };
  }
}

function updatedFields(data: Extract<GatewayEvent, { type: 'GatewayUpdated' }>['data']): Partial<GatewayResource> {
  const { id: _, factoryId: __, organizationId: ___, reservationId: ____, ...changes } = data;
  const { gatewayId, firmwareVersion, ...rest } = changes;
  return {
    ...rest,
    ...(gatewayId !== undefined && { gateway_id: gatewayId }),
    ...(firmwareVersion !== undefined && { firmware_version: firmwareVersion }),
  };
}
