import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { expect, it } from 'vitest';
import { connectBus } from './bus.ts';

it('whoever is told to stop does not wait for long for a NATS that takes connections and says nothing', async () => {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const stopping = new AbortController();
  const connecting = connectBus(`nats://127.0.0.1:${port}`, () => undefined, stopping.signal);
  const [socket] = await once(server, 'connection');
  stopping.abort();
  const begun = performance.now();

  expect(await connecting).toBeUndefined();
  expect(performance.now() - begun).toBeLessThan(15_000);
  socket.destroy();
  server.close();
});
