import { pino } from 'pino';
import { describe, expect, it } from 'vitest';
import { eventually } from '../../test/support/eventually.ts';
import { natsServers, startNatsProcess } from '../../test/support/nats-process.ts';
import { BusUnavailable, type StreamSettings } from '../publishing/bus.ts';
import { openPipe } from '../publishing/pipe.ts';
import { connectNats } from './nats.ts';

const settings: StreamSettings = { name: 'SPEC', subjects: ['spec.>'], maxBytes: -1 };

const users = `authorization {
  users: [
    { user: nobody, password: secret, permissions: { publish: "other.>", subscribe: ">" } }
    { user: reader, password: secret, permissions: { publish: "$JS.API.>", subscribe: ">" } }
  ]
}`;

const accounts = `accounts {
  WITHOUT { users: [{ user: nobody, password: secret }] }
  WITH { jetstream: enabled, users: [{ user: reader, password: secret }] }
}`;

describe.each(natsServers())('a user whom NATS does not let do what publishing takes, with %s,', (_, file) => {
  it('is told what it may not ask', async () => {
    await using server = await startNatsProcess(file, users);
    await using nats = await connected(server.url, 'nobody');
    await expect(nats.stream(settings).ensure()).rejects.toThrow(
      'NATS does not let this user ask: \'Permissions Violation for Publish to "$JS.API.STREAM.INFO.SPEC"\'',
    );
  });

  it('is told in words that the account has no JetStream', async () => {
    await using server = await startNatsProcess(file, accounts);
    await using nats = await connected(server.url, 'nobody');
    const asked = nats.stream(settings).ensure();
    await expect(asked).rejects.toThrow('NATS cannot answer: JetStream not enabled for account');
    await expect(asked).rejects.toThrow(BusUnavailable);
  });

  it('has it in the log, once, on which subject it may not publish', async () => {
    await using server = await startNatsProcess(file, users);
    await using nats = await connected(server.url, 'reader');
    const stream = nats.stream(settings);
    await stream.ensure();
    const { signal } = new AbortController();
    const pipe = openPipe(stream, { after: 0, window: 8, patience: 500, signal });
    for (const id of ['a', 'b', 'c']) {
      await pipe.send({ subject: `spec.${id}`, headers: { 'Nats-Msg-Id': id }, body: '' });
    }
    await expect(pipe.settled()).rejects.toThrow('NATS has acknowledged no message for 500 ms');
    expect(nats.lines.map((line) => JSON.parse(line))).toEqual([
      expect.objectContaining({
        msg: 'NATS reports an error',
        permission: { operation: 'publish', subject: 'spec.a' },
      }),
    ]);
  });
});

async function connected(url: string, user: string) {
  const lines: string[] = [];
  const logger = pino({ level: 'error' }, { write: (line: string) => void lines.push(line) });
  const address = url.replace('nats://', `nats://${user}:secret@`);
  const nats = connectNats({ url: address, name: 'permissions-spec', logger });
  await eventually(() => expect(nats.isConnected()).toBe(true));
  return { ...nats, lines, [Symbol.asyncDispose]: () => nats.close() };
}
