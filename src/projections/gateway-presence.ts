// Which gateways are there, and since when?
import type { GatewayPresenceEvent } from '../events/gateway-presence.ts';
import type { Projection } from './projection.ts';

export const gatewayPresence: Projection<GatewayPresenceEvent> = {
  table: 'gateway_presence',
  columns: ['status', 'since', 'last_seen_at'],
  changes: {
    GatewayConnected: ({ data: { lastSeenAt }, metadata: { occurredAt } }) => ({
      status: 'online',
      since: occurredAt,
      last_seen_at: lastSeenAt,
    }),
    GatewayDisconnected: ({ data: { lastSeenAt }, metadata: { occurredAt } }) => ({
      status: 'offline',
      since: occurredAt,
      last_seen_at: lastSeenAt,
    }),
  },
};
