import type { GatewayPresenceEvent } from '../events/gateway-presence.ts';
import type { GatewayId } from '../events/ids.ts';
import type { JsonObject } from '../events/json.ts';
import { accept, type Decider, type Decision, ignore, unreachable } from './decision.ts';
import type { GatewayIds } from './gateway.ts';

/** The stream that says whether a gateway is there. Only its last event counts. */
export const gatewayPresenceStream = (id: GatewayId) => `gatewayPresence-${id}` as const;

/** `lastSeenAt` is ISO-8601 UTC, like that of the commands. */
export type GatewayPresence =
  | { readonly status: 'never_seen' }
  | { readonly status: 'online' | 'offline'; readonly lastSeenAt: string };

/** What was heard of a gateway, and when last: who calls it silent by an older heartbeat than what is recorded is behind. */
export interface GatewayPresenceCommand {
  readonly type: 'ConnectGateway' | 'DisconnectGateway';
  readonly gateway: GatewayIds;
  readonly lastSeenAt: string;
}

/** The field of a gateway's metadata that says after how many seconds of silence it is offline. */
export const timeoutField = 'offline_after_seconds';

/** A week: whoever is silent for longer is offline by any measure. */
export const longestTimeout = 604_800;

const usualTimeout = 90;

/** Whether a value may be the timeout of a gateway, in seconds. */
export function isTimeout(value: unknown): value is number {
  return typeof value === 'number' && value >= 1 && value <= longestTimeout;
}

/** After how many milliseconds of silence a gateway with this metadata is offline: 90 s where it does not say so, or wrongly. */
export function timeoutOf(metadata: JsonObject): number {
  const seconds = metadata[timeoutField];
  return (isTimeout(seconds) ? seconds : usualTimeout) * 1_000;
}

type PresenceDecision = Decision<GatewayPresenceEvent>;

function evolve(_presence: GatewayPresence, { type, data }: GatewayPresenceEvent): GatewayPresence {
  return { status: type === 'GatewayConnected' ? 'online' : 'offline', lastSeenAt: data.lastSeenAt };
}

function connect({ gateway, lastSeenAt }: GatewayPresenceCommand, presence: GatewayPresence): PresenceDecision {
  if (presence.status === 'online') return ignore;
  return accept({ type: 'GatewayConnected', data: { ...gateway, lastSeenAt: newest(lastSeenAt, presence) } });
}

function disconnect({ gateway, lastSeenAt }: GatewayPresenceCommand, presence: GatewayPresence): PresenceDecision {
  if (presence.status !== 'online' || lastSeenAt < presence.lastSeenAt) return ignore;
  return accept({ type: 'GatewayDisconnected', data: { ...gateway, lastSeenAt } });
}

// A clock may be put back: what was seen stays seen.
function newest(lastSeenAt: string, presence: GatewayPresence): string {
  return presence.status !== 'never_seen' && presence.lastSeenAt > lastSeenAt ? presence.lastSeenAt : lastSeenAt;
}

function decide(command: GatewayPresenceCommand, presence: GatewayPresence): PresenceDecision {
  switch (command.type) {
    case 'ConnectGateway':
      return connect(command, presence);
    case 'DisconnectGateway':
      return disconnect(command, presence);
    default:
      return unreachable(command.type);
  }
}

export const gatewayPresenceDecider: Decider<GatewayPresenceCommand, GatewayPresence, GatewayPresenceEvent> = {
  initial: { status: 'never_seen' },
  evolve,
  decide,
};
