// What a connector needs to know of a gateway, from the gateway's own stream: tables may be behind, and need not be there.
import { type Gateway, type GatewayIds, gatewayDecider, gatewayStream } from '../domain/gateway.ts';
import { decode, type Recorded } from '../events/codec.ts';
import type { EventLog } from '../events/event-log.ts';
import type { GatewayEvent } from '../events/gateway.ts';
import type { GatewayId } from '../events/ids.ts';

export interface Credential {
  readonly ids: GatewayIds;
  readonly isActive: boolean;
  readonly url: string;
  readonly email: string;
  readonly passwordEncrypted: string;
  /** The revision of the event that set the password, as the events on NATS have it. */
  readonly version: number;
}

/**
 * The credential of a gateway, deleted or not; undefined when there never was one of this id.
 *
 * @throws EventLogUnavailable
 * @throws Error when the stream holds an event that this version does not know
 */
export async function findCredential(log: EventLog, id: GatewayId): Promise<Credential | undefined> {
  let gateway: Gateway = gatewayDecider.initial;
  let version = 0n;
  for (const stored of await log.read(gatewayStream(id))) {
    const event = decode(stored) as Recorded<GatewayEvent> | undefined;
    if (event === undefined)
      throw new Error(`${stored.stream} holds a ${stored.type}, which this version does not know`);
    gateway = gatewayDecider.evolve(gateway, event);
    if (event.type === 'GatewayCreated' || event.type === 'GatewayPasswordChanged') version = event.revision;
  }
  if (gateway.status === 'none') return undefined;
  const { ids, fields, passwordEncrypted, status } = gateway;
  const { url, email } = fields;
  return { ids, isActive: status === 'active', url, email, passwordEncrypted, version: Number(version) };
}
