// The bucket of the mirror, as whoever watches it knows it.
import type { NatsClient } from './nats-client.ts';

/** What is under each key now, as text. */
export async function readBucket({ connection }: NatsClient): Promise<ReadonlyMap<string, string>> {
  const values = new Map<string, string>();
  const { streams } = await connection.jetstreamManager({ checkAPI: false, timeout: 1_000 });
  const { state } = await streams.info('KV_gateways');
  if (state.messages === 0) return values;
  const consumer = await connection.jetstream({ timeout: 1_000 }).consumers.get('KV_gateways');
  for await (const message of await consumer.consume({ max_messages: 2_000 })) {
    const key = message.subject.replace('$KV.gateways.', '');
    if (message.headers?.has('KV-Operation')) values.delete(key);
    else values.set(key, message.string());
    if (message.seq >= state.last_seq) break;
  }
  return values;
}

/** Where two buckets differ, in sentences. */
export function differences(
  found: ReadonlyMap<string, string>,
  expected: ReadonlyMap<string, string>,
): readonly string[] {
  return [...new Set([...found.keys(), ...expected.keys()])]
    .filter((key) => found.get(key) !== expected.get(key))
    .map((key) => `${key} is ${found.get(key) ?? 'not there'} and must be ${expected.get(key) ?? 'purged'}`);
}
