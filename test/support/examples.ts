// Named, fixed examples for specs of every level: the same ids, names and clock everywhere.
import type { RegistryEvent } from '../../src/events/catalogue.ts';
import { definitions } from '../../src/events/catalogue.ts';
import type { CredentialAuditEvent } from '../../src/events/credential-audit.ts';
import type { StoredEvent } from '../../src/events/event-log.ts';
import type { FactoryEvent } from '../../src/events/factory.ts';
import type { GatewayEvent } from '../../src/events/gateway.ts';
import type { GatewayIdentityEvent } from '../../src/events/gateway-identity.ts';
import type { GatewayPresenceEvent } from '../../src/events/gateway-presence.ts';
import { DeviceId, EventId, FactoryId, GatewayId, OrganizationId, ReservationId } from '../../src/events/ids.ts';
import type { OrganizationEvent } from '../../src/events/organization.ts';

export const now = '2026-01-02T03:04:05.678Z';
export const later = '2026-01-02T03:05:00.000Z';
export const muchLater = '2026-02-03T04:05:06.789Z';

export const anOrganization = OrganizationId.parse('0194a000-0000-7000-8000-000000000001');
export const anotherOrganization = OrganizationId.parse('0194a000-0000-7000-8000-000000000002');
export const aFactory = FactoryId.parse('0194b000-0000-7000-8000-000000000001');
export const anotherFactory = FactoryId.parse('0194b000-0000-7000-8000-000000000002');
export const aGateway = GatewayId.parse('0194c000-0000-7000-8000-000000000001');
export const anotherGateway = GatewayId.parse('0194c000-0000-7000-8000-000000000002');
export const aDevice = DeviceId.parse('GW-0001');
export const anotherDevice = DeviceId.parse('GW-0002');
export const aReservation = ReservationId.parse('0194d000-0000-7000-8000-000000000001');
export const anotherReservation = ReservationId.parse('0194d000-0000-7000-8000-000000000002');

/** The event of a parent that something follows from. */
export const aCause = EventId.parse('0194e000-0000-7000-8000-00000000ca05');

/** Looks like a ciphertext and is none: nothing can decrypt it. */
export const aPasswordEncrypted = 'v1.example-key.AAAAAAAAAAAAAAAA.example-ciphertext';
export const anotherPasswordEncrypted = 'v1.example-key.BBBBBBBBBBBBBBBB.another-ciphertext';

type Example<Event extends RegistryEvent, Type extends Event['type']> = Extract<Event, { readonly type: Type }>;
type Data<Event extends RegistryEvent, Type extends Event['type']> = Example<Event, Type>['data'];

export function organizationCreated(
  data: Partial<Data<OrganizationEvent, 'OrganizationCreated'>> = {},
): Example<OrganizationEvent, 'OrganizationCreated'> {
  return {
    type: 'OrganizationCreated',
    data: { id: anOrganization, name: 'Acme', metadata: { country: 'DE' }, ...data },
  };
}

export function organizationUpdated(
  data: Partial<Data<OrganizationEvent, 'OrganizationUpdated'>> = { name: 'Acme Industries' },
): Example<OrganizationEvent, 'OrganizationUpdated'> {
  return { type: 'OrganizationUpdated', data: { id: anOrganization, ...data } };
}

export function organizationSoftDeleted(
  data: Partial<Data<OrganizationEvent, 'OrganizationSoftDeleted'>> = {},
): Example<OrganizationEvent, 'OrganizationSoftDeleted'> {
  return { type: 'OrganizationSoftDeleted', data: { id: anOrganization, ...data } };
}

export function organizationRestored(
  data: Partial<Data<OrganizationEvent, 'OrganizationRestored'>> = {},
): Example<OrganizationEvent, 'OrganizationRestored'> {
  return { type: 'OrganizationRestored', data: { id: anOrganization, ...data } };
}

const idsOfFactory = { id: aFactory, organizationId: anOrganization };

export function factoryCreated(
  data: Partial<Data<FactoryEvent, 'FactoryCreated'>> = {},
): Example<FactoryEvent, 'FactoryCreated'> {
  return {
    type: 'FactoryCreated',
    data: {
      ...idsOfFactory,
      name: 'Acme Berlin',
      location: 'Berlin, Germany',
      timezone: 'Europe/Berlin',
      metadata: { halls: 3 },
      ...data,
    },
  };
}

export function factoryUpdated(
  data: Partial<Data<FactoryEvent, 'FactoryUpdated'>> = { name: 'Acme Berlin-Spandau' },
): Example<FactoryEvent, 'FactoryUpdated'> {
  return { type: 'FactoryUpdated', data: { ...idsOfFactory, ...data } };
}

export function factorySoftDeleted(
  data: Partial<Data<FactoryEvent, 'FactorySoftDeleted'>> = {},
): Example<FactoryEvent, 'FactorySoftDeleted'> {
  return { type: 'FactorySoftDeleted', data: { ...idsOfFactory, cause: null, ...data } };
}

export function factoryRestored(
  data: Partial<Data<FactoryEvent, 'FactoryRestored'>> = {},
): Example<FactoryEvent, 'FactoryRestored'> {
  return { type: 'FactoryRestored', data: { ...idsOfFactory, cause: null, ...data } };
}

const idsOfGateway = { id: aGateway, factoryId: aFactory, organizationId: anOrganization };
const reservation = { gatewayId: aDevice, reservationId: aReservation };

export function gatewayCreated(
  data: Partial<Data<GatewayEvent, 'GatewayCreated'>> = {},
): Example<GatewayEvent, 'GatewayCreated'> {
  return {
    type: 'GatewayCreated',
    data: {
      ...idsOfGateway,
      ...reservation,
      name: 'Hall 1, north',
      url: 'wss://10.0.0.1:8443/ws',
      email: 'gateway-0001@acme.example',
      passwordEncrypted: aPasswordEncrypted,
      model: 'SG-200',
      firmwareVersion: '1.4.2',
      metadata: { rack: 7 },
      ...data,
    },
  };
}

export function gatewayUpdated(
  data: Partial<Data<GatewayEvent, 'GatewayUpdated'>> = { name: 'Hall 1, south' },
): Example<GatewayEvent, 'GatewayUpdated'> {
  return { type: 'GatewayUpdated', data: { ...idsOfGateway, ...data } };
}

export function gatewayPasswordChanged(
  data: Partial<Data<GatewayEvent, 'GatewayPasswordChanged'>> = {},
): Example<GatewayEvent, 'GatewayPasswordChanged'> {
  return {
    type: 'GatewayPasswordChanged',
    data: { ...idsOfGateway, passwordEncrypted: anotherPasswordEncrypted, ...data },
  };
}

export function gatewayPasswordReencrypted(
  data: Partial<Data<GatewayEvent, 'GatewayPasswordReencrypted'>> = {},
): Example<GatewayEvent, 'GatewayPasswordReencrypted'> {
  return {
    type: 'GatewayPasswordReencrypted',
    data: { ...idsOfGateway, passwordEncrypted: anotherPasswordEncrypted, ...data },
  };
}

export function gatewayMoved(
  data: Partial<Data<GatewayEvent, 'GatewayMoved'>> = {},
): Example<GatewayEvent, 'GatewayMoved'> {
  return {
    type: 'GatewayMoved',
    data: { ...idsOfGateway, factoryId: anotherFactory, fromFactoryId: aFactory, ...data },
  };
}

export function gatewaySoftDeleted(
  data: Partial<Data<GatewayEvent, 'GatewaySoftDeleted'>> = {},
): Example<GatewayEvent, 'GatewaySoftDeleted'> {
  return { type: 'GatewaySoftDeleted', data: { ...idsOfGateway, cause: null, ...data } };
}

export function gatewayRestored(
  data: Partial<Data<GatewayEvent, 'GatewayRestored'>> = {},
): Example<GatewayEvent, 'GatewayRestored'> {
  return {
    type: 'GatewayRestored',
    data: { ...idsOfGateway, gatewayId: aDevice, reservationId: anotherReservation, cause: null, ...data },
  };
}

export function gatewayRestorationRefused(
  data: Partial<Data<GatewayEvent, 'GatewayRestorationRefused'>> = {},
): Example<GatewayEvent, 'GatewayRestorationRefused'> {
  return {
    type: 'GatewayRestorationRefused',
    data: { ...idsOfGateway, gatewayId: aDevice, reason: 'GatewayIdTaken', cause: aCause, ...data },
  };
}

export function gatewayIdReservationAbandoned(
  data: Partial<Data<GatewayEvent, 'GatewayIdReservationAbandoned'>> = {},
): Example<GatewayEvent, 'GatewayIdReservationAbandoned'> {
  return { type: 'GatewayIdReservationAbandoned', data: { ...idsOfGateway, ...reservation, ...data } };
}

export function gatewayIdReserved(
  data: Partial<Data<GatewayIdentityEvent, 'GatewayIdReserved'>> = {},
): Example<GatewayIdentityEvent, 'GatewayIdReserved'> {
  return { type: 'GatewayIdReserved', data: { ...idsOfGateway, ...reservation, ...data } };
}

export function gatewayIdReservationWithdrawn(
  data: Partial<Data<GatewayIdentityEvent, 'GatewayIdReservationWithdrawn'>> = {},
): Example<GatewayIdentityEvent, 'GatewayIdReservationWithdrawn'> {
  return { type: 'GatewayIdReservationWithdrawn', data: { ...idsOfGateway, ...reservation, ...data } };
}

export function gatewayConnected(
  data: Partial<Data<GatewayPresenceEvent, 'GatewayConnected'>> = {},
): Example<GatewayPresenceEvent, 'GatewayConnected'> {
  return { type: 'GatewayConnected', data: { ...idsOfGateway, lastSeenAt: now, ...data } };
}

export function gatewayDisconnected(
  data: Partial<Data<GatewayPresenceEvent, 'GatewayDisconnected'>> = {},
): Example<GatewayPresenceEvent, 'GatewayDisconnected'> {
  return { type: 'GatewayDisconnected', data: { ...idsOfGateway, lastSeenAt: later, ...data } };
}

export function gatewayCredentialRead(
  data: Partial<Data<CredentialAuditEvent, 'GatewayCredentialRead'>> = {},
): Example<CredentialAuditEvent, 'GatewayCredentialRead'> {
  const asked = { subject: 'orchestrator-1', keyThumbprint: 'a-thumbprint', requestId: 'a-request' };
  return { type: 'GatewayCredentialRead', data: { ...idsOfGateway, credentialVersion: 2, ...asked, ...data } };
}

/** Where and when an example was stored; what is left out follows from the position, or is fixed. */
export interface Storage {
  /** Default: the stream of the aggregate that the event's `id` names. */
  readonly stream?: string;
  readonly revision: bigint;
  /** Commit and prepare position. Default: the revision. */
  readonly position?: bigint;
  readonly occurredAt?: string;
}

/** The event as the log holds it. */
export function stored(event: RegistryEvent, storage: Storage): StoredEvent {
  const { stream = streamOf(event), revision, position = revision, occurredAt = now } = storage;
  return {
    stream,
    revision,
    position: { commit: position, prepare: position },
    id: `0194e000-0000-7000-8000-${position.toString(16).padStart(12, '0')}`,
    type: event.type,
    data: event.data,
    metadata: {
      $correlationId: 'a-correlation',
      $causationId: 'a-command',
      actor: 'a-tester',
      commandId: 'a-command',
      occurredAt,
      schemaVersion: definitions.get(event.type)?.version ?? 1,
    },
  };
}

/**
 * The events as one log: numbered in the order given, each stream from revision 0, each a second after
 * the last.
 */
export function storedInOrder(...events: readonly RegistryEvent[]): readonly StoredEvent[] {
  const revisions = new Map<string, bigint>();
  return events.map((event, index) => {
    const stream = streamOf(event);
    const revision = (revisions.get(stream) ?? -1n) + 1n;
    revisions.set(stream, revision);
    const occurredAt = new Date(Date.parse(now) + index * 1_000).toISOString();
    return stored(event, { stream, revision, position: BigInt(index + 1) * 100n, occurredAt });
  });
}

function streamOf(event: RegistryEvent): string {
  if (event.type === 'GatewayIdReserved' || event.type === 'GatewayIdReservationWithdrawn') {
    return `gatewayIdentity-${encodeURIComponent(event.data.gatewayId)}`;
  }
  if (event.type === 'GatewayConnected' || event.type === 'GatewayDisconnected')
    return `gatewayPresence-${event.data.id}`;
  if (event.type === 'GatewayCredentialRead') return `credentialAudit-${event.data.id}`;
  if (event.type.startsWith('Organization')) return `organization-${event.data.id}`;
  if (event.type.startsWith('Factory')) return `factory-${event.data.id}`;
  return `gateway-${event.data.id}`;
}
