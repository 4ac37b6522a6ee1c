// The public contract: what others hear of each event. A schema names all that leaves, and strips everything else; a
// change that a subscriber could trip over is a new major version of the contract.
import { z } from 'zod';
import type { EventsOf } from '../events/definition.ts';
import type { factoryEvents } from '../events/factory.ts';
import type { gatewayEvents } from '../events/gateway.ts';
import type { gatewayPresenceEvents } from '../events/gateway-presence.ts';
import type { organizationEvents } from '../events/organization.ts';
import { FactoryResource } from '../resources/factory.ts';
import { RecordedGateway } from '../resources/gateway.ts';
import { OrganizationResource } from '../resources/organization.ts';

export type PublishedEvent =
  | EventsOf<typeof organizationEvents>
  | EventsOf<typeof factoryEvents>
  | EventsOf<typeof gatewayEvents>
  | EventsOf<typeof gatewayPresenceEvents>;

export interface PublicEvent {
  readonly kind: 'organization' | 'factory' | 'gateway';
  /** Grows when the payload gains a field. */
  readonly version: number;
  readonly payload: z.ZodObject;
  /** The fields of the payload, and what they are called in the event. */
  readonly fields: readonly { readonly name: string; readonly inEvent: string }[];
}

const organizationIds = { id: z.guid() };
const factoryIds = { id: z.guid(), organization_id: z.guid() };
const gatewayIds = { id: z.guid(), factory_id: z.guid(), organization_id: z.guid() };

/** The event of its parent that this follows from; null when it was asked for by itself. */
const cause = { cause: z.guid().nullable() };

/** When its last heartbeat came. */
const seen = { last_seen_at: z.iso.datetime() };

/** Grows with each change of the password: the revision, in the gateway's stream, of the event that set it. */
const passwordSet = { credential_version: z.int().nonnegative() };

const organizationFields = OrganizationResource.pick({ name: true, metadata: true }).shape;
const factoryFields = FactoryResource.pick({ name: true, location: true, timezone: true, metadata: true }).shape;
const deviceId = RecordedGateway.pick({ gateway_id: true }).shape;
const gatewayFields = RecordedGateway.pick({
  gateway_id: true,
  name: true,
  url: true,
  email: true,
  model: true,
  firmware_version: true,
  metadata: true,
}).shape;

export const contract = {
  OrganizationCreated: first('organization', z.object({ ...organizationIds, ...organizationFields })),
  OrganizationUpdated: first('organization', z.object(organizationFields).partial().extend(organizationIds)),
  OrganizationSoftDeleted: first('organization', z.object(organizationIds)),
  OrganizationRestored: first('organization', z.object(organizationIds)),

  FactoryCreated: first('factory', z.object({ ...factoryIds, ...factoryFields })),
  FactoryUpdated: first('factory', z.object(factoryFields).partial().extend(factoryIds)),
  FactorySoftDeleted: version(2, 'factory', z.object({ ...factoryIds, ...cause })),
  FactoryRestored: version(2, 'factory', z.object({ ...factoryIds, ...cause })),

  GatewayCreated: first('gateway', z.object({ ...gatewayIds, ...gatewayFields, ...passwordSet })),
  GatewayUpdated: first('gateway', z.object(gatewayFields).partial().extend(gatewayIds)),
  GatewayPasswordChanged: first('gateway', z.object({ ...gatewayIds, ...passwordSet })),
  GatewayPasswordReencrypted: first('gateway', z.object(gatewayIds)),
  GatewayMoved: first('gateway', z.object({ ...gatewayIds, from_factory_id: z.guid() })),
  GatewaySoftDeleted: version(2, 'gateway', z.object({ ...gatewayIds, ...cause })),
  GatewayRestored: version(2, 'gateway', z.object({ ...gatewayIds, ...deviceId, ...cause })),
  GatewayRestorationRefused: first(
    'gateway',
    z.object({ ...gatewayIds, ...deviceId, reason: z.string(), cause: z.guid() }),
  ),
  GatewayIdReservationAbandoned: first('gateway', z.object({ ...gatewayIds, ...deviceId, reservation_id: z.guid() })),

  GatewayConnected: first('gateway', z.object({ ...gatewayIds, ...seen })),
  GatewayDisconnected: first('gateway', z.object({ ...gatewayIds, ...seen })),
} satisfies Readonly<Record<PublishedEvent['type'], PublicEvent>>;

/** Whether events of this type are published. */
export function isPublished(type: string): type is PublishedEvent['type'] {
  return Object.hasOwn(contract, type);
}

/**
 * What the message about an event says, in the snake_case of REST. Only what the schema names is looked at.
 *
 * @param revision the event's revision in its stream
 * @throws z.ZodError when the event does not hold what the contract promises
 */
export function toPayload({ type, data }: PublishedEvent, revision: bigint): Readonly<Record<string, unknown>> {
  const { payload, fields } = contract[type];
  const values: Readonly<Record<string, unknown>> = data;
  const named: Record<string, unknown> = {};
  for (const { name, inEvent } of fields) {
    // A number, because JSON has no other; the schema refuses one that would not be exact.
    if (inEvent === 'credentialVersion') named[name] = Number(revision);
    else if (Object.hasOwn(values, inEvent)) named[name] = values[inEvent];
  }
  return payload.parse(named);
}

/** `GatewayCreated` → `gateway-created`. */
export function kebabCase(type: string): string {
  return type.replace(/(?<!^)[A-Z]/g, '-$&').toLowerCase();
}

function first<Payload extends z.ZodObject>(kind: PublicEvent['kind'], payload: Payload) {
  return version(1, kind, payload);
}

function version<Payload extends z.ZodObject>(number: number, kind: PublicEvent['kind'], payload: Payload) {
  const fields = Object.keys(payload.shape).map((name) => ({ name, inEvent: camelCase(name) }));
  return { kind, version: number, payload, fields } as const;
}

function camelCase(name: string): string {
  return name.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
}
