// Storage format of the events in `gateway-<uuid>`: a change of shape is a new version with an upcaster.
import { z } from 'zod';
import { type EventsOf, firstVersion } from './definition.ts';
import { DeviceId, FactoryId, GatewayId, OrganizationId, ReservationId } from './ids.ts';
import { JsonObject } from './json.ts';

const ids = { id: GatewayId, factoryId: FactoryId, organizationId: OrganizationId };

const passwordEncrypted = z.string().describe('AES-256-GCM, with key id, IV and tag; it opens for this `id` alone.');
const repeated = ReservationId.describe('The reservation of `gatewayId` that this event makes good.');

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
  GatewaySoftDeleted: firstVersion(
    'A gateway was deleted; it can be restored. Its device id is free at once.',
    z.object(ids),
  ),
  GatewayRestored: firstVersion(
    'A deleted gateway was brought back, as it was, and has its device id again.',
    z.object({ ...ids, gatewayId: DeviceId, reservationId: repeated }),
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
