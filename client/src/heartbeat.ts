import type { NatsConnection } from 'nats';

/** Says that a gateway is alive. It returns at once; nobody answers. */
export function sendHeartbeat(
  nats: NatsConnection,
  { organization_id, id }: { readonly organization_id: string; readonly id: string },
): void {
  nats.publish(`mti.hb.v1.${organization_id}.${id}`);
}
