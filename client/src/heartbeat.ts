import type { NatsConnection } from 'nats';

/**
 * Says that a gateway is alive. It returns at once; nobody answers. While the connection is lost it may be dropped without a word.
 *
 * @throws NatsError when the connection was closed, or was drained
 */
export function sendHeartbeat(
  nats: NatsConnection,
  { organization_id, id }: { readonly organization_id: string; readonly id: string },
): void {
  nats.publish(`mti.hb.v1.${organization_id}.${id}`);
}
