import { z } from 'zod';
import type { Recorded } from '../events/codec.ts';
import type { GatewayEvent } from '../events/gateway.ts';
import { JsonObject } from '../events/json.ts';
import { exampleGateway } from './examples.ts';

/** A gateway as its own events tell it, without its password, encrypted or not. */
export const RecordedGateway = z.object({
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
  created_at: z.iso.datetime(),
  updated_at: z.iso.datetime(),
});

export type RecordedGateway = z.output<typeof RecordedGateway>;

/** Whether a gateway is there. */
export const GatewayStatus = z.enum(['online', 'offline', 'never_seen']).meta({
  description:
    'Whether it is there: `online` from its first heartbeat on, `offline` when none came for its timeout, `never_seen` before.',
});

export type GatewayStatus = z.output<typeof GatewayStatus>;

/** What is observed of a gateway: nobody sends a command for it, and its own events do not tell it. */
export const Observations = z.object({
  status: GatewayStatus,
  last_seen_at: z.iso
    .datetime()
    .nullable()
    .meta({
      description:
        'When it was last heard of, at most 75 seconds and the time between two heartbeats ago while it is online; null as long ' +
        'as it was not.',
    }),
});

export type Observations = z.output<typeof Observations>;

/** What is observed of a gateway, and what its entity tag says of that: undefined as long as there is nothing. */
export interface Observed {
  readonly observations: Observations;
  readonly mark: string | undefined;
}

/** Of a gateway that nobody has heard of yet. */
export const nothingObserved: Observed = {
  observations: { status: 'never_seen', last_seen_at: null },
  mark: undefined,
};

/** A gateway as the world sees it in REST. */
export const GatewayResource = RecordedGateway.extend(Observations.shape).meta({
  id: 'Gateway',
  examples: [exampleGateway],
});

/** A gateway as a command answers with it: what is observed of it is left out while nobody can tell. */
export const AnsweredGateway = RecordedGateway.extend({
  status: Observations.shape.status.exactOptional(),
  last_seen_at: Observations.shape.last_seen_at.exactOptional(),
}).meta({ id: 'AnsweredGateway', examples: [exampleGateway] });

export type GatewayResource = z.output<typeof GatewayResource>;

/**
 * The gateway after an event; undefined as long as it was never created. What changes nothing that the world sees of it, such
 * as an abandoned reservation or another key for its password, leaves it as it is.
 */
export function foldGateway(
  gateway: RecordedGateway | undefined,
  event: Recorded<GatewayEvent>,
): RecordedGateway | undefined {
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

function updatedFields(data: Extract<GatewayEvent, { type: 'GatewayUpdated' }>['data']): Partial<RecordedGateway> {
  const { id: _, factoryId: __, organizationId: ___, reservationId: ____, ...changes } = data;
  const { gatewayId, firmwareVersion, ...rest } = changes;
  return {
    ...rest,
    ...(gatewayId !== undefined && { gateway_id: gatewayId }),
    ...(firmwareVersion !== undefined && { firmware_version: firmwareVersion }),
  };
}
