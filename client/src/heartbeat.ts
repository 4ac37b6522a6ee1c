import type { NatsConnection } from 'nats';
import { tokenOf } from './subject.ts';

/**
 * Says that a gateway is alive. It returns at once; nobody answers. While the connection is lost it may be dropped without a word.
 *
 * @param gateway as the registry has it: both are ids of the registry, none is what the device calls itself
 * @throws NatsError when the connection was closed, or was drained
 * @throws SubscriptionFailed when one of them is no id
 */
export function sendHeartbeat(
  nats: NatsConnection,
  { organization_id, id }: { readonly organization_id: string; readonly id: string },
): void {
  nats.publish(`mti.hb.v1.${tokenOf('organization_id', organization_id)}.${tokenOf('id', id)}`);
}
