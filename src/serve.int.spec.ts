import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { pino } from 'pino';
import { afterEach, expect, it, vi } from 'vitest';
import { eventually } from '../test/support/eventually.ts';
import { encodedKey } from '../test/support/key-rings.ts';
import { readConfig } from './config.ts';
import type { Context } from './context.ts';
import { parseKey, ringOf } from './infrastructure/key-ring.ts';
import { serve } from './serve.ts';

const printed = vi.spyOn(console, 'log').mockImplementation(() => undefined);
afterEach(() => printed.mockClear());

it('prints where it answers, and ends when it is told to', async () => {
  const stopping = new AbortController();
  const serving = serve(contextWith('postgres://me@127.0.0.1:1/registry', stopping.signal));

  await eventually(() => expect(printed).toHaveBeenCalledWith(expect.stringMatching(/^ready http:/)));
  stopping.abort();
  await serving;
});

it('is never ready when it is told to stop before that', async () => {
  const stopping = new AbortController();
  await using database = await connectable(() => stopping.abort());

  await serve(contextWith(database.url, stopping.signal));

  expect(stopping.signal.aborted).toBe(true);
  expect(printed).not.toHaveBeenCalled();
});

it('asks no database when it is told to stop before that', async () => {
  const asked = vi.fn();
  await using database = await connectable(asked);

  await serve(contextWith(database.url, AbortSignal.abort()));

  expect(asked).not.toHaveBeenCalled();
  expect(printed).not.toHaveBeenCalled();
});

/** Something that can be connected to, and hangs up at once: no database. */
async function connectable(onConnection: () => void) {
  const server = createServer((socket) => {
    onConnection();
    socket.destroy();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    url: `postgres://me@127.0.0.1:${port}/registry`,
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}

/** Nothing listens on port 1: all other servers are away. */
function contextWith(postgres: string, stopping: AbortSignal): Context {
  return {
    config: readConfig({ PORT: '0' }),
    logger: pino({ level: 'silent' }),
    urls: { eventStore: 'esdb://127.0.0.1:1?tls=false', postgres, nats: 'nats://127.0.0.1:1' },
    embedded: new Set(),
    stopping,
    encryptionKeys: async () => ringOf([parseKey(encodedKey(7))]),
    arguments: {},
  };
}
