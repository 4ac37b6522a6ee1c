// Storage format of the events in `gateway-<uuid>`: a change of shape is a new version with an upcaster.
import { z } from 'zod';
import { type EventsOf, firstVersion, laterVersion } from './definition.ts';
import { DeviceId, EventId, FactoryId, GatewayId, OrganizationId, ReservationId } from './ids.ts';
import { JsonObject } from './json.ts';

const ids = { id: GatewayId, factoryId: FactoryId, organizationId: OrganizationId };

const passwordEncrypted = z.string().describe('AES-256-GCM, with key id, IV and tag; it opens for this `id` alone.');
const repeated = ReservationId.describe('The reservation of `gatewayId` that this event makes good.');

const cause = EventId.nullable().describe(
  'The event of its factory that this follows from; null when it was asked for by itself.',
);

// Before there were cascades, everything was asked for by itself.
const withoutCause = { 1: (data: object) => ({ ...data, cause: null }) };

export const gatewayEvents = {
  GatewayCreated: firstVersion(
    'A gateway was created in a factory.',
    z.object({
      ...ids,
      gatewayId: DeviceId,
      reservationId: repeated,
      name: z.string(),
      url: z.string(),
      email: z.string(),
      passwordEncrypted,
      model: z.string().nullable(),
      firmwareVersion: z.string().nullable(),
      metadata: JsonObject,
    }),
  ),
  GatewayUpdated: firstVersion(
    'Fields of a gateway changed. It has those that changed, and no others; a password is never among them.',
    z.object({
      ...ids,
      gatewayId: DeviceId.exactOptional(),
      reservationId: repeated.exactOptional(),
      name: z.string().exactOptional(),
      url: z.string().exactOptional(),
      email: z.string().exactOptional(),
      model: z.string().nullable().exactOptional(),
      firmwareVersion: z.string().nullable().exactOptional(),
      metadata: JsonObject.exactOptional(),
    }),
  ),
  GatewayPasswordChanged: firstVersion(
    'A password was set for a gateway, be it the same as before.',
    z.object({ ...ids, passwordEncrypted }),
  ),
  GatewayPasswordReencrypted: firstVersion(
    'The password of a gateway, the same as before, was encrypted with another key.',
    z.object({ ...ids, passwordEncrypted }),
  ),
  GatewayMoved: firstVersion(
    'A gateway was moved to another factory of its organization. The event is of the factory where it stands now.',
    z.object({ ...ids, fromFactoryId: FactoryId.describe('Where it stood.') }),
  ),
  GatewaySoftDeleted: laterVersion(
    'A gateway was deleted, by itself or with its factory; it can be restored. Its device id is free at once.',
    z.object({ ...ids, cause }),
    withoutCause,
  ),
  GatewayRestored: laterVersion(
    'A deleted gateway was brought back as it was, by itself or with its factory, and has its device id again.',
    z.object({ ...ids, gatewayId: DeviceId, reservationId: repeated, cause }),
    withoutCause,
  ),
  GatewayRestorationRefused: firstVersion(
    'The factory of a gateway that was deleted with it was restored, and the gateway stays deleted.',
    z.object({
      ...ids,
      gatewayId: DeviceId,
      reason: z.literal('GatewayIdTaken').describe('Another active gateway has its device id.'),
      cause: EventId.describe('The event that restored the factory.'),
    }),
  ),
  GatewayIdReservationAbandoned: firstVersion(
    'The command that reserved a device id for this gateway did not go on in time, and its reservation was given up to ' +
      'another gateway. Nothing of the gateway changes; it may never have been created.',
    z.object({
      ...ids,
      gatewayId: DeviceId,
      reservationId: ReservationId.describe('The reservation that nobody can make good any more.'),
    }),
  ),
};

export type GatewayEvent = EventsOf<typeof gatewayEvents>;
