// Storage format of the events in `gatewayIdentity-<device id>`: a change of shape is a new version with an upcaster.
import { z } from 'zod';
import { type EventsOf, firstVersion } from './definition.ts';
import { DeviceId, FactoryId, GatewayId, OrganizationId, ReservationId } from './ids.ts';

export const gatewayIdentityEvents = {
  GatewayIdReserved: firstVersion(
    'A gateway is about to take the device id. It has it once an event of its own stream repeats the reservation.',
    z.object({
      id: GatewayId.describe('The gateway that takes the device id.'),
      factoryId: FactoryId,
      organizationId: OrganizationId,
      gatewayId: DeviceId,
      reservationId: ReservationId.describe('This attempt.'),
    }),
  ),
};

export type GatewayIdentityEvent = EventsOf<typeof gatewayIdentityEvents>;
