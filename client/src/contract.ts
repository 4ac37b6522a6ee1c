// Written by `npm run docs` from the public contract of the registry, and not to be edited.

/** A JSON value. */
export type Json = null | boolean | number | string | readonly Json[] | JsonObject;

export interface JsonObject {
  readonly [key: string]: Json;
}

/** A gateway as it is now: the value under its key in the bucket. */
export interface Gateway {
  readonly id: string;
  readonly factory_id: string;
  readonly organization_id: string;
  /** What the device calls itself; one active gateway has it at most. */
  readonly gateway_id: string;
  readonly name: string;
  readonly url: string;
  readonly email: string;
  readonly model: string | null;
  readonly firmware_version: string | null;
  readonly metadata: JsonObject;
  readonly created_at: string;
  readonly updated_at: string;
  /** Of the last event in the gateway's stream: grows with each change. */
  readonly revision: number;
  /** Where that event stands in the log: its commit position. */
  readonly position: string;
  /** Grows with each change of the password. */
  readonly credential_version: number;
}

/** An organization was created. */
export interface OrganizationCreated {
  readonly id: string;
  readonly name: string;
  readonly metadata: JsonObject;
}

/** Fields of an organization changed. It has those that changed, and no others. */
export interface OrganizationUpdated {
  readonly name?: string;
  readonly metadata?: JsonObject;
  readonly id: string;
}

/** An organization was deleted; it can be restored. */
export interface OrganizationSoftDeleted {
  readonly id: string;
}

/** A deleted organization was brought back, as it was. */
export interface OrganizationRestored {
  readonly id: string;
}

/** A factory was created in an organization. */
export interface FactoryCreated {
  readonly id: string;
  readonly organization_id: string;
  readonly name: string;
  readonly location: string | null;
  /** An IANA time zone. */
  readonly timezone: string;
  readonly metadata: JsonObject;
}

/** Fields of a factory changed. It has those that changed, and no others. */
export interface FactoryUpdated {
  readonly name?: string;
  readonly location?: string | null;
  /** An IANA time zone. */
  readonly timezone?: string;
  readonly metadata?: JsonObject;
  readonly id: string;
  readonly organization_id: string;
}

/** A factory was deleted, by itself or with its organization; it can be restored. */
export interface FactorySoftDeleted {
  readonly id: string;
  readonly organization_id: string;
  readonly cause: string | null;
}

/** A deleted factory was brought back as it was, by itself or with its organization. */
export interface FactoryRestored {
  readonly id: string;
  readonly organization_id: string;
  readonly cause: string | null;
}

/** A gateway was created in a factory. */
export interface GatewayCreated {
  readonly id: string;
  readonly factory_id: string;
  readonly organization_id: string;
  /** What the device calls itself; one active gateway has it at most. */
  readonly gateway_id: string;
  readonly name: string;
  readonly url: string;
  readonly email: string;
  readonly model: string | null;
  readonly firmware_version: string | null;
  readonly metadata: JsonObject;
  readonly credential_version: number;
}

/** Fields of a gateway changed. It has those that changed, and no others; a password is never among them. */
export interface GatewayUpdated {
  /** What the device calls itself; one active gateway has it at most. */
  readonly gateway_id?: string;
  readonly name?: string;
  readonly url?: string;
  readonly email?: string;
  readonly model?: string | null;
  readonly firmware_version?: string | null;
  readonly metadata?: JsonObject;
  readonly id: string;
  readonly factory_id: string;
  readonly organization_id: string;
}

/** A password was set for a gateway, be it the same as before. */
export interface GatewayPasswordChanged {
  readonly id: string;
  readonly factory_id: string;
  readonly organization_id: string;
  readonly credential_version: number;
}

/** The password of a gateway, the same as before, was encrypted with another key. */
export interface GatewayPasswordReencrypted {
  readonly id: string;
  readonly factory_id: string;
  readonly organization_id: string;
}

/** A gateway was moved to another factory of its organization. The event is of the factory where it stands now. */
export interface GatewayMoved {
  readonly id: string;
  readonly factory_id: string;
  readonly organization_id: string;
  readonly from_factory_id: string;
}

/** A gateway was deleted, by itself or with its factory; it can be restored. Its device id is free at once. */
export interface GatewaySoftDeleted {
  readonly id: string;
  readonly factory_id: string;
  readonly organization_id: string;
  readonly cause: string | null;
}

/** A deleted gateway was brought back as it was, by itself or with its factory, and has its device id again. */
export interface GatewayRestored {
  readonly id: string;
  readonly factory_id: string;
  readonly organization_id: string;
  /** What the device calls itself; one active gateway has it at most. */
  readonly gateway_id: string;
  readonly cause: string | null;
}

/** The factory of a gateway that was deleted with it was restored, and the gateway stays deleted. */
export interface GatewayRestorationRefused {
  readonly id: string;
  readonly factory_id: string;
  readonly organization_id: string;
  /** What the device calls itself; one active gateway has it at most. */
  readonly gateway_id: string;
  readonly reason: string;
  readonly cause: string;
}

/** The command that reserved a device id for this gateway did not go on in time, and its reservation was given up to another gateway. Nothing of the gateway changes; it may never have been created. */
export interface GatewayIdReservationAbandoned {
  readonly id: string;
  readonly factory_id: string;
  readonly organization_id: string;
  /** What the device calls itself; one active gateway has it at most. */
  readonly gateway_id: string;
  readonly reservation_id: string;
}

/** A gateway that was not online sent a heartbeat. */
export interface GatewayConnected {
  readonly id: string;
  readonly factory_id: string;
  readonly organization_id: string;
  readonly last_seen_at: string;
}

/** A gateway that was online has sent no heartbeat for its timeout. */
export interface GatewayDisconnected {
  readonly id: string;
  readonly factory_id: string;
  readonly organization_id: string;
  readonly last_seen_at: string;
}

/** There is an event here that could not be published. */
export interface EventParked {
  /** Of whatever it has happened to. */
  readonly id: string;
  /** What has happened, as in the subject of other events: `gateway-updated`. */
  readonly type: string;
  /** `too-large`: NATS takes no message of that size. `unreadable`: it does not hold what its type promises. */
  readonly reason: 'too-large' | 'unreadable';
}

/** The data of each event that this version knows, by the type of the event. */
export interface EventData {
  readonly 'organization-created': OrganizationCreated;
  readonly 'organization-updated': OrganizationUpdated;
  readonly 'organization-soft-deleted': OrganizationSoftDeleted;
  readonly 'organization-restored': OrganizationRestored;
  readonly 'factory-created': FactoryCreated;
  readonly 'factory-updated': FactoryUpdated;
  readonly 'factory-soft-deleted': FactorySoftDeleted;
  readonly 'factory-restored': FactoryRestored;
  readonly 'gateway-created': GatewayCreated;
  readonly 'gateway-updated': GatewayUpdated;
  readonly 'gateway-password-changed': GatewayPasswordChanged;
  readonly 'gateway-password-reencrypted': GatewayPasswordReencrypted;
  readonly 'gateway-moved': GatewayMoved;
  readonly 'gateway-soft-deleted': GatewaySoftDeleted;
  readonly 'gateway-restored': GatewayRestored;
  readonly 'gateway-restoration-refused': GatewayRestorationRefused;
  readonly 'gateway-id-reservation-abandoned': GatewayIdReservationAbandoned;
  readonly 'gateway-connected': GatewayConnected;
  readonly 'gateway-disconnected': GatewayDisconnected;
}

/** The types of events that this version knows. */
export const eventTypes = [
  'organization-created',
  'organization-updated',
  'organization-soft-deleted',
  'organization-restored',
  'factory-created',
  'factory-updated',
  'factory-soft-deleted',
  'factory-restored',
  'gateway-created',
  'gateway-updated',
  'gateway-password-changed',
  'gateway-password-reencrypted',
  'gateway-moved',
  'gateway-soft-deleted',
  'gateway-restored',
  'gateway-restoration-refused',
  'gateway-id-reservation-abandoned',
  'gateway-connected',
  'gateway-disconnected',
] as const satisfies readonly (keyof EventData)[];
