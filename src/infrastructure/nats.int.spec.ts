import { createServer } from 'node:net';
import { pino } from 'pino';
import { describe, expect, it, vi } from 'vitest';
import { eventually } from '../../test/support/eventually.ts';
import { natsClient } from '../../test/support/nats-client.ts';
import { natsServers, startNatsProcess } from '../../test/support/nats-process.ts';
import { type BusStream, BusUnavailable, type StoredMessage } from '../publishing/bus.ts';
import { openPipe, TailMoved } from '../publishing/pipe.ts';
import { connectNats, type Nats } from './nats.ts';

const settings = { name: 'SPEC', subjects: ['spec.>'], maxBytes: -1 };
const bucket = { name: 'KV_spec', subjects: ['$KV.spec.>'], maxBytes: -1, keeps: 'bucket' } as const;

describe('the connection to NATS', () => {
  it('comes up by itself when NATS does, and again after it went away', async () => {
    await using server = await startNatsProcess();
    await server.kill();
    await using nats = connection(server.url);
    await expect(nats.stream(settings).bounds()).rejects.toThrow(BusUnavailable);
    await server.start();
    await up(nats);
    await nats.stream(settings).ensure();
    await server.kill();
    await eventually(() => expect(nats.isConnected()).toBe(false));
    await expect(nats.stream(settings).bounds()).rejects.toThrow(BusUnavailable);
    await server.start();
    await up(nats);
    expect(await nats.stream(settings).bounds()).toEqual({ first: 1, last: 0 });
  });

  it('tells a channel that the connection is lost', async () => {
    await using server = await startNatsProcess();
    await using nats = connection(server.url);
    await up(nats);
    const lost = vi.fn();
    nats.stream(settings).openChannel({ replied: () => undefined, lost });
    await server.kill();
    await eventually(() => expect(lost).toHaveBeenCalledWith(expect.any(BusUnavailable)));
  });

  it('tells who listens that there is a gap, though the connection is back', async () => {
    await using server = await startNatsProcess();
    await using client = await natsClient(server.url);
    await using nats = connection(server.url);
    await up(nats);
    const heard: string[] = [];
    using listening = nats.listenTo('beat.*', (subject) => heard.push(subject));
    await listening.roundTrip(5_000);
    client.connection.publish('beat.one');
    client.connection.publish('other.two');
    await client.connection.flush();
    await listening.roundTrip(5_000);
    expect([heard, listening.lost.aborted]).toEqual([['beat.one'], false]);
    await server.kill();
    await server.start();
    await eventually(() => expect(listening.lost.reason).toBeInstanceOf(BusUnavailable));
    await up(nats);
    await expect(listening.roundTrip(5_000)).rejects.toThrow(BusUnavailable);
  });

  it('does not wait for ever for a round trip to a NATS that is frozen', async () => {
    await using server = await startNatsProcess();
    await using nats = connection(server.url);
    await up(nats);
    using listening = nats.listenTo('beat.*', () => undefined);
    server.freeze();
    await expect(listening.roundTrip(200)).rejects.toThrow('NATS has not answered for 200 ms');
    server.thaw();
    await listening.roundTrip(5_000);
  });

  it('closes within seconds while NATS is away or frozen', async () => {
    await using server = await startNatsProcess();
    await using nats = connection(server.url);
    await up(nats);
    server.freeze();
    const started = performance.now();
    await nats.close();
    await server.kill();
    await connection(server.url).close();
    expect(performance.now() - started).toBeLessThan(10_000);
  });

  it('shows neither user nor password in what it logs and throws', async () => {
    const lines: string[] = [];
    await using server = await refusingServer();
    await using nats = connection(`nats://its-user:its-password@127.0.0.1:${server.port}`, lines);
    await eventually(() => expect(lines.join()).toContain('NATS cannot be reached'));
    await expect(nats.stream(settings).ensure()).rejects.toThrow(`no connection to NATS at 127.0.0.1:${server.port}`);
    expect(server.heard()).toContain('its-password');
    expect(lines.join()).not.toMatch(/its-user|its-password/);
  });

  it('stores nothing of a pipe that starts from a stale tail, whatever the ids of its messages', async () => {
    await using server = await startNatsProcess();
    await using nats = connection(server.url);
    await up(nats);
    const stream = nats.stream(settings);
    await stream.ensure();
    const options = { after: 0, window: 256, patience: 2_000, signal: new AbortController().signal };
    const first = openPipe(stream, options);
    for (const id of ['a', 'b', 'c']) await first.send({ subject: 'spec.x', headers: { 'Nats-Msg-Id': id }, body: id });
    await first.settled();
    first.close();
    const stale = openPipe(stream, { ...options, after: 2 });
    for (const id of ['d', 'e']) await stale.send({ subject: 'spec.x', headers: { 'Nats-Msg-Id': id }, body: id });
    await expect(stale.settled()).rejects.toThrow(TailMoved);
    expect(await stream.bounds()).toEqual({ first: 1, last: 3 });
    expect(await stream.message(3)).toMatchObject({ subject: 'spec.x', headers: { 'Nats-Msg-Id': 'c' } });
    expect(await stream.message(4)).toBeUndefined();
  });

  it('has a stream created once, and says what differs in one that is there', async () => {
    await using server = await startNatsProcess();
    await using nats = connection(server.url);
    await up(nats);
    await nats.stream(settings).ensure();
    await nats.stream(settings).ensure();
    await expect(nats.stream({ ...settings, subjects: ['spec.a'], maxBytes: 1 }).ensure()).rejects.toThrow(
      'the NATS stream SPEC has other settings than ours: subjects is ["spec.>"] and must be ["spec.a"]; max_bytes is -1 and must be 1',
    );
    await expect(nats.stream({ ...settings, subjects: ['spec.a'] }).ensure()).rejects.toThrow(
      'must be ["spec.a"]. If nobody else needs that stream, delete it (nats stream rm SPEC)',
    );
  });
});

describe.each(natsServers())('a bucket, in %s,', (_, file) => {
  it('is what a client takes for one, whoever created it', async () => {
    await using server = await startNatsProcess(file);
    await using nats = connection(server.url);
    await using client = await natsClient(server.url);
    await up(nats);
    await nats.stream(bucket).ensure();
    const ours = await client.connection.jetstream().views.kv('spec');
    await ours.put('a', '1');
    expect((await ours.get('a'))?.string()).toBe('1');
    await ours.destroy();
    await client.connection.jetstream().views.kv('spec');
    await nats.stream(bucket).ensure();
  });

  it('holds the last message of each subject, and the mark of what was purged', async () => {
    await using server = await startNatsProcess(file);
    await using nats = connection(server.url);
    await up(nats);
    const stream = nats.stream(bucket);
    await stream.ensure();
    expect(await contentsOf(stream)).toEqual([]);
    const pipe = openPipe(stream, { after: 0, window: 8, patience: 2_000, signal: new AbortController().signal });
    const purge = { 'KV-Operation': 'PURGE' };
    await pipe.send({ subject: '$KV.spec.a', headers: { 'Nats-Msg-Id': '1' }, body: 'old' });
    await pipe.send({ subject: '$KV.spec.b', headers: { 'Nats-Msg-Id': '2' }, body: 'gone' });
    await pipe.send({ subject: '$KV.spec.a', headers: { 'Nats-Msg-Id': '3' }, body: 'new' });
    await pipe.send({ subject: '$KV.spec.b', headers: { 'Nats-Msg-Id': '4', ...purge }, body: '' });
    await pipe.settled();
    pipe.close();
    expect(await contentsOf(stream)).toMatchObject([
      { sequence: 3, subject: '$KV.spec.a', body: 'new' },
      { sequence: 4, subject: '$KV.spec.b', body: '', headers: purge },
    ]);
    expect(await stream.last('$KV.spec.a')).toMatchObject({
      sequence: 3,
      headers: { 'Nats-Msg-Id': '3' },
      body: 'new',
    });
    expect(await stream.last('$KV.spec.c')).toBeUndefined();
  });
});

function connection(url: string, lines: string[] = []): Nats & AsyncDisposable {
  const logger = pino({ level: 'trace' }, { write: (line: string) => void lines.push(line) });
  const nats = connectNats({ url, name: 'nats-spec', logger });
  return { ...nats, [Symbol.asyncDispose]: () => nats.close() };
}

async function contentsOf(stream: BusStream): Promise<readonly StoredMessage[]> {
  const messages: StoredMessage[] = [];
  for await (const message of stream.contents()) messages.push(message);
  return messages;
}

async function up(nats: Nats): Promise<void> {
  await eventually(() => expect(nats.isConnected()).toBe(true));
}

/** Speaks as much NATS as it takes to hear a password and to refuse it. */
async function refusingServer() {
  let heard = '';
  const server = createServer((socket) => {
    socket.on('error', () => undefined);
    socket.on('data', (data) => {
      heard += data.toString();
      if (heard.includes('PING')) socket.end("-ERR 'Authorization Violation'\r\n");
    });
    socket.write(
      `INFO ${JSON.stringify({ server_id: 'x', version: '2.9.10', max_payload: 1024, auth_required: true })}\r\n`,
    );
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  return {
    port: typeof address === 'object' && address !== null ? address.port : 0,
    heard: () => heard,
    [Symbol.asyncDispose]: () => new Promise<void>((resolve) => server.close(() => resolve())),
  };
}
