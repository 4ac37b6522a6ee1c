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
  GatewayIdReservationWithdrawn: firstVersion(
    'The command that had reserved the device id was overtaken by another one on its gateway, and gives the reservation back.',
    z.object({
      id: GatewayId.describe('The gateway that was to take the device id. It may have it by another reservation.'),
      factoryId: FactoryId,
      organizationId: OrganizationId,
      gatewayId: DeviceId,
      reservationId: ReservationId.describe('The reservation that nobody will make good.'),
    }),
  ),
};

export type GatewayIdentityEvent = EventsOf<typeof gatewayIdentityEvents>;
