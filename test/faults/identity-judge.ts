// What the log says of who had which device id, by a fold of its own that shares nothing with the rules.
import type { Recorded } from '../../src/events/codec.ts';

/** Which gateway had a device id when. */
export interface Holdings {
  /** The gateway that is active and has the device id now. */
  holderOf(device: string): string | undefined;
  /** Each place in the log after which a second active gateway had a device id. */
  readonly shared: readonly string[];
}

/** @param events of gateways, in the order of the log */
export function holdingsAfter(events: readonly Recorded[]): Holdings {
  const gateways = new Map<string, { device: string; isActive: boolean }>();
  const shared: string[] = [];
  for (const event of events) {
    const gateway = gateways.get(event.data.id);
    if (event.type === 'GatewayCreated') {
      gateways.set(event.data.id, { device: event.data.gatewayId, isActive: true });
    }
    if (event.type === 'GatewayUpdated' && gateway) gateway.device = event.data.gatewayId ?? gateway.device;
    if (event.type === 'GatewaySoftDeleted' && gateway) gateway.isActive = false;
    if (event.type === 'GatewayRestored' && gateway) gateway.isActive = true;
    const device = gateways.get(event.data.id)?.device;
    const holders = device === undefined ? [] : activeWith(device);
    if (holders.length > 1)
      shared.push(`${event.stream}@${event.revision} ${event.type}: ${holders.join()} have ${device}`);
  }
  return { holderOf: (device) => activeWith(device)[0], shared };

  function activeWith(device: string): readonly string[] {
    return [...gateways].filter(([, it]) => it.isActive && it.device === device).map(([id]) => id);
  }
}
