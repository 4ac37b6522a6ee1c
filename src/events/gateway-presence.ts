// Storage format of the events in `gatewayPresence-<uuid of the gateway>`: a change of shape is a new version with an upcaster.
// The stream keeps its last event alone ($maxCount 1), so each event says all there is to know.
import { z } from 'zod';
import { type EventsOf, firstVersion } from './definition.ts';
import { FactoryId, GatewayId, OrganizationId } from './ids.ts';

const presence = z.object({
  id: GatewayId,
  factoryId: FactoryId,
  organizationId: OrganizationId,
  lastSeenAt: z.iso
    .datetime()
    .describe(
      "When its last heartbeat came, by the registry's clock; up to 75 seconds and the time between two heartbeats earlier where the registry was killed since.",
    ),
});

export const gatewayPresenceEvents = {
  GatewayConnected: firstVersion('A gateway that was not online sent a heartbeat.', presence),
  GatewayDisconnected: firstVersion('A gateway that was online has sent no heartbeat for its timeout.', presence),
};

export type GatewayPresenceEvent = EventsOf<typeof gatewayPresenceEvents>;
