import { z } from 'zod';

/** A UUID as the registry writes it; for texts from elsewhere that are not to be turned into lower case. */
export const writtenUuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** The id of an aggregate: a UUID in lower case, made by the command side (version 7). */
const uuid = z.guid('must be a UUID').toLowerCase();

export const OrganizationId = uuid.brand<'OrganizationId'>();
export type OrganizationId = z.output<typeof OrganizationId>;

export const FactoryId = uuid.brand<'FactoryId'>();
export type FactoryId = z.output<typeof FactoryId>;

/** The registry's own id of a gateway; the device's identifier is a `DeviceId`. */
export const GatewayId = uuid.brand<'GatewayId'>();
export type GatewayId = z.output<typeof GatewayId>;

/** What the device calls itself: `gateway_id` in REST and in the tables, `gatewayId` in events. */
export const DeviceId = z.string().min(1).brand<'DeviceId'>().describe('What the device calls itself.');
export type DeviceId = z.output<typeof DeviceId>;

/** One attempt to take a device id; the gateway's own event repeats it. */
export const ReservationId = uuid.brand<'ReservationId'>();
export type ReservationId = z.output<typeof ReservationId>;

/** The id of an event, under which the log holds it. */
export const EventId = uuid.brand<'EventId'>();
export type EventId = z.output<typeof EventId>;
