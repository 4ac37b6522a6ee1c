// The events of the benchmark: of the product's names and shape, and of a size.

import { randomUUID } from 'node:crypto';

/** JSON of about `bytes` bytes, with the metadata that a command stamps beside it. */
export function benchmarkEvent(bytes: number) {
  const data = { id: randomUUID(), factoryId: randomUUID(), organizationId: randomUUID(), name: '' };
  const padding = Math.max(0, bytes - JSON.stringify(data).length);
  return {
    id: randomUUID(),
    type: 'GatewayCreated',
    data: { ...data, name: 'x'.repeat(padding) },
    metadata: { $correlationId: randomUUID() },
  };
}

/** A name like that of a gateway's stream, which no stream has yet. */
export function benchmarkStream(): string {
  return `gateway-${randomUUID()}`;
}
