// What follows for children when a parent is deleted or restored, as a process manager: `correlate` tells whose past an
// event is about, `evolve` keeps that past, `react` tells what follows. Of a parent and a child, the event that comes later
// in the log finds the other one: a parent's, by looking for its children in tables that show all that came before; a
// child's, by the past of its parent. So it does not matter how they interleave, nor how often an event is looked at.
import type { RegistryEvent } from '../events/catalogue.ts';
import type { Recorded } from '../events/codec.ts';
import type { Position } from '../events/event-log.ts';
import { EventId, type FactoryId, type GatewayId } from '../events/ids.ts';
import type { Parent } from '../queries/children.ts';

/** What deletes and restores parents. */
export const parentEvents = [
  'OrganizationSoftDeleted',
  'OrganizationRestored',
  'FactorySoftDeleted',
  'FactoryRestored',
] as const;

/** What is looked at. `…Created`, `…Restored` and `GatewayMoved` bring a child to a parent. */
export const cascadeEvents = [
  ...parentEvents,
  'FactoryCreated',
  'GatewayCreated',
  'GatewayRestored',
  'GatewayMoved',
  'GatewaySoftDeleted',
] as const;

type EventOf<Type extends RegistryEvent['type']> = Recorded<Extract<RegistryEvent, { readonly type: Type }>>;
export type ParentEvent = EventOf<(typeof parentEvents)[number]>;
export type CascadeEvent = EventOf<(typeof cascadeEvents)[number]>;

/** An event of a parent, as what it causes refers to it. */
export interface Word {
  readonly id: EventId;
  readonly correlationId: string;
  readonly traceparent?: string | undefined;
}

/** How often a parent was deleted and restored, as far as it is known: at least up to the event that is looked at. */
export interface Past {
  /** The deletion that holds; undefined while the parent is active. */
  readonly deletion: Word | undefined;
  /** The restorations, by the id of the deletion that each of them undid. */
  readonly undone: ReadonlyMap<EventId, Word>;
}

export const noPast: Past = { deletion: undefined, undone: new Map() };

/** A child and the parent that it belongs to. */
export type Bond =
  | { readonly child: 'factory'; readonly id: FactoryId; readonly parent: Extract<Parent, { kind: 'organization' }> }
  | { readonly child: 'gateway'; readonly id: GatewayId; readonly parent: Extract<Parent, { kind: 'factory' }> };

export type Reaction =
  /** To delete those children that are active. The tables have to show what came before `at`. */
  | { readonly type: 'TakeChildren'; readonly parent: Parent; readonly deletion: Word; readonly at: Position }
  | { readonly type: 'TakeChild'; readonly bond: Bond; readonly deletion: Word }
  /** To restore those children that the deletion took. */
  | {
      readonly type: 'ReturnChildren';
      readonly parent: Parent;
      readonly deletion: EventId;
      readonly restoration: Word;
      readonly at: Position;
    }
  | { readonly type: 'ReturnChild'; readonly bond: Bond; readonly deletion: EventId; readonly restoration: Word };

/** Whose pasts have to be known for an event. */
export interface Correlation {
  /** The parent that it deletes or restores. */
  readonly subject: Parent | undefined;
  /** The child that it is about, unless nothing can follow for that one. */
  readonly bond: Bond | undefined;
}

export function correlate(event: CascadeEvent): Correlation {
  return { subject: subjectOf(event), bond: deletionOf(event) === null ? undefined : bondOf(event) };
}

/** The past after one more event of the parent; what it knows already changes nothing, in whatever order it comes. */
export function evolve(past: Past, event: ParentEvent): Past {
  const word = wordOf(event);
  if (event.type === 'OrganizationSoftDeleted' || event.type === 'FactorySoftDeleted') {
    return past.undone.has(word.id) ? past : { ...past, deletion: word };
  }
  if (past.deletion === undefined || undoneBy(past, word.id) !== undefined) return past;
  return { deletion: undefined, undone: new Map(past.undone).set(past.deletion.id, word) };
}

/** What follows from an event. `past` has the pasts of its subject and of the parent in its bond, if it has any. */
export function react(
  event: CascadeEvent,
  past: { readonly subject: Past; readonly parent: Past },
): readonly Reaction[] {
  const { subject, bond } = correlate(event);
  const reactions = [
    subject && reactToParent(event, subject, past.subject),
    bond && reactToChild(event, bond, past.parent),
  ];
  return reactions.filter((reaction) => reaction !== undefined);
}

function reactToParent(event: CascadeEvent, parent: Parent, past: Past): Reaction | undefined {
  const { position: at } = event;
  const word = wordOf(event);
  if (past.deletion?.id === word.id) return { type: 'TakeChildren', parent, deletion: word, at };
  const deletion = undoneBy(past, word.id);
  return deletion && { type: 'ReturnChildren', parent, deletion, restoration: word, at };
}

function reactToChild(event: CascadeEvent, bond: Bond, { deletion, undone }: Past): Reaction | undefined {
  const taken = deletionOf(event);
  if (!taken) return deletion && { type: 'TakeChild', bond, deletion };
  const restoration = undone.get(taken);
  return restoration && { type: 'ReturnChild', bond, deletion: taken, restoration };
}

/** The parent that an event deletes or restores. */
function subjectOf(event: CascadeEvent): Parent | undefined {
  switch (event.type) {
    case 'OrganizationSoftDeleted':
    case 'OrganizationRestored':
      return { kind: 'organization', id: event.data.id };
    case 'FactorySoftDeleted':
    case 'FactoryRestored':
      return { kind: 'factory', id: event.data.id };
    default:
      return undefined;
  }
}

/** The child that an event is about, and its parent. */
function bondOf(event: CascadeEvent): Bond | undefined {
  switch (event.type) {
    case 'OrganizationSoftDeleted':
    case 'OrganizationRestored':
      return undefined;
    case 'FactoryCreated':
    case 'FactorySoftDeleted':
    case 'FactoryRestored':
      return { child: 'factory', id: event.data.id, parent: { kind: 'organization', id: event.data.organizationId } };
    default:
      return { child: 'gateway', id: event.data.id, parent: { kind: 'factory', id: event.data.factoryId } };
  }
}

/** The parent's deletion that took a child: null when somebody deleted it by itself, undefined when it was not deleted. */
function deletionOf(event: CascadeEvent): EventId | null | undefined {
  return event.type === 'FactorySoftDeleted' || event.type === 'GatewaySoftDeleted' ? event.data.cause : undefined;
}

function undoneBy(past: Past, restoration: EventId): EventId | undefined {
  return [...past.undone].find(([, { id }]) => id === restoration)?.[0];
}

function wordOf({ id, metadata }: CascadeEvent): Word {
  const { $correlationId: correlationId, traceparent } = metadata;
  return { id: EventId.parse(id), correlationId, ...(traceparent !== undefined && { traceparent }) };
}
