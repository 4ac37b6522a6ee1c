// An event as a subscriber hears it.
import type { EventData, EventParked, JsonObject } from './contract.ts';

export type Kind = 'organization' | 'factory' | 'gateway';

/** Where an event stands, and whose it is. */
export interface EventPlace {
  /** The event's id: the same event has the same, however often it comes. */
  readonly id: string;
  /** What it happened to. */
  readonly kind: Kind;
  readonly subjectId: string;
  readonly organizationId: string;
  /** Where it happened; null for what happens to organizations. */
  readonly factoryId: string | null;
  /** The registry's stream that the revision counts in, for example `gateway-<id>`. */
  readonly stream: string;
  readonly revision: number;
  /** Where it stands in the registry's log: a whole number, too large for a `number`. */
  readonly position: string;
}

/** What is known of the making of an event. */
export interface EventOrigin {
  /** When it happened: ISO 8601, in UTC. */
  readonly time: string;
  /** Grows when the data gains a field. */
  readonly schemaVersion: number;
  readonly correlationId: string;
  readonly causationId: string;
  /** The W3C Trace Context of the request that began it, if it had one. */
  readonly traceparent?: string;
}

/** The event of one type: `KnownEvent<'gateway-created'>`. */
export type KnownEvent<Type extends keyof EventData = keyof EventData> = {
  [Each in Type]: EventPlace & EventOrigin & { readonly type: Each; readonly data: EventData[Each] };
}[Type];

/**
 * An event that could not be published stands here: ask for the state of what it is about. Where the event does not even say whose
 * it is, the organization is `_`, and the factory null.
 */
export interface ParkedEvent extends EventPlace {
  readonly type: 'event-parked';
  readonly data: EventParked;
}

/** An event of a type that this version of the client does not know; `name` is its type. */
export interface UnknownEvent extends EventPlace, EventOrigin {
  readonly type: 'unknown';
  readonly name: string;
  readonly data: JsonObject;
}

/** All that a subscriber may hear; `type` tells which it is, as the last part of `ce-type` does: `gateway-created`. */
export type RegistryEvent = KnownEvent | ParkedEvent | UnknownEvent;
