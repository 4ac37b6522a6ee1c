// Storage format of the events in `gatewayIdentity-<device id>`: a change of shape is a new version with an upcaster.
import { z } from 'zod';
import { type EventsOf, firstVersion } from './definition.ts';
import { DeviceId, FactoryId, GatewayId, OrganizationId, ReservationId } from './ids.ts';

export const gatewayIdentityEvents = {
  // `id`, `factoryId` and `organizationId` are those of the gateway that takes the device id.
  GatewayIdReserved: firstVersion(
    z.object({
      id: GatewayId,
      factoryId: FactoryId,
      organizationId: OrganizationId,
      gatewayId: DeviceId,
      reservationId: ReservationId,
    }),
  ),
};

export type GatewayIdentityEvent = EventsOf<typeof gatewayIdentityEvents>;
