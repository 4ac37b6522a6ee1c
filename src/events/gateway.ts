// Storage format of the events in `gateway-<uuid>`: a change of shape is a new version with an upcaster.
import { z } from 'zod';
import { type EventsOf, firstVersion } from './definition.ts';
import { DeviceId, FactoryId, GatewayId, OrganizationId, ReservationId } from './ids.ts';
import { JsonObject } from './json.ts';

const ids = { id: GatewayId, factoryId: FactoryId, organizationId: OrganizationId };

export const gatewayEvents = {
  GatewayCreated: firstVersion(
    z.object({
      ...ids,
      gatewayId: DeviceId,
      reservationId: ReservationId,
      name: z.string(),
      url: z.string(),
      email: z.string(),
      passwordEncrypted: z.string(),
      model: z.string().nullable(),
      firmwareVersion: z.string().nullable(),
      metadata: JsonObject,
    }),
  ),
  GatewayUpdated: firstVersion(
    z.object({
      ...ids,
      gatewayId: DeviceId.exactOptional(),
      reservationId: ReservationId.exactOptional(),
      name: z.string().exactOptional(),
      url: z.string().exactOptional(),
      email: z.string().exactOptional(),
      model: z.string().nullable().exactOptional(),
      firmwareVersion: z.string().nullable().exactOptional(),
      metadata: JsonObject.exactOptional(),
    }),
  ),
  GatewayPasswordChanged: firstVersion(z.object({ ...ids, passwordEncrypted: z.string() })),
  GatewaySoftDeleted: firstVersion(z.object(ids)),
  GatewayRestored: firstVersion(z.object({ ...ids, gatewayId: DeviceId, reservationId: ReservationId })),
  GatewayIdReservationAbandoned: firstVersion(z.object({ ...ids, gatewayId: DeviceId, reservationId: ReservationId })),
};

export type GatewayEvent = EventsOf<typeof gatewayEvents>;
