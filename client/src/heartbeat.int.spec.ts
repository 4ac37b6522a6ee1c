import { expect, it } from 'vitest';
import { natsClient } from '../../test/support/nats-client.ts';
import { startNats } from '../../test/support/servers.ts';
import { sendHeartbeat } from './heartbeat.ts';

it('a heartbeat says whose it is, and nothing else', async () => {
  await using nats = await startNats();
  await using client = await natsClient(nats.url);
  const heard = client.connection.subscribe('mti.hb.v1.>', { max: 1 });
  await client.connection.flush();
  sendHeartbeat(client.connection, { organization_id: 'an-organization', id: 'a-gateway' });

  for await (const { subject, data } of heard) {
    expect([subject, data.length]).toEqual(['mti.hb.v1.an-organization.a-gateway', 0]);
  }
  expect(heard.getProcessed()).toBe(1);
});

it('a heartbeat that would be of others, too, is not sent', async () => {
  await using nats = await startNats();
  await using client = await natsClient(nats.url);
  for (const [organization_id, id] of [
    ['*', 'a-gateway'],
    ['an-organization', 'a.gateway'],
    ['', 'a-gateway'],
  ] as const) {
    expect(() => sendHeartbeat(client.connection, { organization_id, id })).toThrow('must be an id');
  }
});
