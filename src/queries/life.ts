// What the log tells of one resource, event by event; not what was merely observed of it.
import type { z } from 'zod';
import { catalogue, type RegistryEvent, streamPrefix } from '../events/catalogue.ts';
import { decodeKnown, type Recorded, UndecodableEvent } from '../events/codec.ts';
import type { EventLog, StoredEvent } from '../events/event-log.ts';
import type { FactoryEvent } from '../events/factory.ts';
import type { GatewayEvent } from '../events/gateway.ts';
import type { OrganizationEvent } from '../events/organization.ts';
import { FactoryResource, foldFactory } from '../resources/factory.ts';
import { foldGateway, RecordedGateway } from '../resources/gateway.ts';
import { foldOrganization, OrganizationResource } from '../resources/organization.ts';

export type Kind = 'organization' | 'factory' | 'gateway';

/** What lives, and how its events make its public shape. */
export interface Subject<Event extends RegistryEvent, Resource extends object> {
  readonly kind: Kind;
  readonly created: Event['type'];
  readonly schema: z.ZodType<Resource>;
  readonly fold: (resource: Resource | undefined, event: Recorded<Event>) => Resource | undefined;
}

export const organizations: Subject<OrganizationEvent, OrganizationResource> = {
  kind: 'organization',
  created: 'OrganizationCreated',
  schema: OrganizationResource,
  fold: foldOrganization,
};

export const factories: Subject<FactoryEvent, FactoryResource> = {
  kind: 'factory',
  created: 'FactoryCreated',
  schema: FactoryResource,
  fold: foldFactory,
};

export const gateways: Subject<GatewayEvent, RecordedGateway> = {
  kind: 'gateway',
  created: 'GatewayCreated',
  schema: RecordedGateway,
  fold: foldGateway,
};

/** A resource, whether it is deleted or not. */
export interface Snapshot<Resource> {
  readonly resource: Resource;
  /** Null when it is not. */
  readonly deletedAt: string | null;
}

/** One event, and the resource before and after it; undefined as long as it was never created. */
export interface Step<Resource> {
  readonly stored: StoredEvent;
  /** Undefined when this version cannot read it. */
  readonly event: Recorded | undefined;
  /** Why it cannot be read. */
  readonly undecodable: UndecodableEvent | undefined;
  readonly before: Snapshot<Resource> | undefined;
  readonly after: Snapshot<Resource> | undefined;
}

/**
 * All events of a resource, oldest first; undefined when it was never created.
 *
 * @param upTo the last revision that is wanted: what comes after it is not read
 * @throws EventLogUnavailable
 */
export async function readLife<Event extends RegistryEvent, Resource extends object>(
  log: EventLog,
  { kind, created }: Subject<Event, Resource>,
  id: string,
  upTo?: bigint,
): Promise<readonly StoredEvent[] | undefined> {
  const stream = streamOf(kind, id);
  const isCreation = ({ type }: StoredEvent) => type === created;
  const events = await log.read(stream, 0n, upTo);
  if (events.some(isCreation)) return events;
  // Something may stand before a creation, and be all that was asked for.
  const later = upTo === undefined ? [] : await log.read(stream, upTo + 1n);
  return later.some(isCreation) ? events : undefined;
}

/** The revision of the last event of a resource; undefined when it has none. Throws EventLogUnavailable. */
export async function latestRevision(
  log: EventLog,
  { kind }: { readonly kind: Kind },
  id: string,
): Promise<bigint | undefined> {
  return (await log.readLast(streamOf(kind, id)))?.revision;
}

function streamOf(kind: Kind, id: string): string {
  return `${streamPrefix(kind)}${id}`;
}

/** What each event made of a resource, from its first event on. One that cannot be read made nothing of it. */
export function retell<Event extends RegistryEvent, Resource extends object>(
  subject: Subject<Event, Resource>,
  events: readonly StoredEvent[],
): readonly Step<Resource>[] {
  let before: Snapshot<Resource> | undefined;
  return events.map((stored) => {
    const { event, undecodable } = decodeIfPossible(stored);
    const after = isOf(subject, event) ? snapshotAfter(subject, before, event as Recorded<Event>) : before;
    const step = { stored, event, undecodable, before, after };
    before = after;
    return step;
  });
}

function decodeIfPossible(stored: StoredEvent): Pick<Step<object>, 'event' | 'undecodable'> {
  try {
    return { event: decodeKnown(stored), undecodable: undefined };
  } catch (error) {
    if (error instanceof UndecodableEvent) return { event: undefined, undecodable: error };
    throw error;
  }
}

function isOf<Event extends RegistryEvent, Resource extends object>(
  { kind }: Subject<Event, Resource>,
  event: Recorded | undefined,
): event is Recorded {
  return event !== undefined && Object.hasOwn(catalogue[kind], event.type);
}

function snapshotAfter<Event extends RegistryEvent, Resource extends object>(
  { fold }: Subject<Event, Resource>,
  before: Snapshot<Resource> | undefined,
  event: Recorded<Event>,
): Snapshot<Resource> | undefined {
  const resource = fold(before?.resource, event);
  return resource && { resource, deletedAt: deletedAtAfter(before?.deletedAt ?? null, event) };
}

function deletedAtAfter(before: string | null, { type, metadata }: Recorded): string | null {
  switch (type) {
    case 'OrganizationSoftDeleted':
    case 'FactorySoftDeleted':
    case 'GatewaySoftDeleted':
      return metadata.occurredAt;
    case 'OrganizationRestored':
    case 'FactoryRestored':
    case 'GatewayRestored':
      return null;
    default:
      return before;
  }
}
