import type { NatsConnection } from 'nats';
import { pino } from 'pino';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { natsClient } from '../../test/support/nats-client.ts';
import { natsServers, startNatsProcess } from '../../test/support/nats-process.ts';
import { StreamDiffers, type StreamSettings } from '../publishing/bus.ts';
import { connectNats, type Nats } from './nats.ts';

const log: StreamSettings = { name: 'SPEC', subjects: ['spec.>'], maxBytes: -1 };
const bucket: StreamSettings = { name: 'KV_spec', subjects: ['$KV.spec.>'], maxBytes: -1, keeps: 'bucket' };

type Setting = Readonly<Record<string, unknown>>;

const ofAnyServer: readonly Setting[] = [
  { no_ack: true },
  { deny_delete: true },
  { deny_purge: true },
  { allow_rollup_hdrs: true },
  { max_consumers: 1 },
  { max_msgs: 5 },
  { max_age: 600_000_000_000 },
  { max_msg_size: 1_000 },
  { retention: 'interest' },
  { storage: 'memory' },
  { discard: 'new' },
  { duplicate_window: 1_000_000_000 },
  { republish: { src: 'spec.>', dest: 'copy.>' } },
  { sources: [{ name: 'OTHER' }] },
];

/** Older servers take no notice of them. */
const ofNewServers: readonly Setting[] = [
  { subject_transform: { src: 'spec.a', dest: 'spec.b' } },
  { consumer_limits: { max_ack_pending: 1 } },
  { allow_msg_ttl: true },
  { allow_msg_counter: true },
  { allow_msg_schedules: true },
  { persist_mode: 'async' },
];

describe.each(natsServers())('the settings of a stream that is there, in %s,', (_, file) => {
  let server: Awaited<ReturnType<typeof startNatsProcess>>;
  let client: Awaited<ReturnType<typeof natsClient>>;
  let nats: Nats;

  beforeAll(async () => {
    server = await startNatsProcess(file);
    client = await natsClient(server.url);
    nats = connectNats({ url: server.url, name: 'settings-spec', logger: pino({ level: 'silent' }) });
    await nats.connected(5_000, new AbortController().signal);
  });

  afterEach(async () => {
    await client.deleteStreams(log.name, bucket.name, 'OTHER');
  });

  afterAll(async () => {
    await nats?.close();
    await client?.[Symbol.asyncDispose]();
    await server?.[Symbol.asyncDispose]();
  });

  it.each(ofAnyServer)('are refused for %j', refuses);

  it.for(ofNewServers)('are refused for %j', async (setting, { skip }) => {
    skip(!isNew(), 'the server does not know it');
    await refuses(setting);
  });

  it('are refused for a seal', async () => {
    await make(log, {});
    await request(client.connection, 'UPDATE', { ...(await configOf(log)), sealed: true });
    await expect(nats.stream(log).ensure()).rejects.toThrow('sealed is true and must be false');
  });

  it('are refused for a mirror of another', async () => {
    await request(client.connection, 'CREATE', { name: 'OTHER', subjects: ['spec.>'] });
    await request(client.connection, 'CREATE', { name: log.name, mirror: { name: 'OTHER' } });
    await expect(nats.stream(log).ensure()).rejects.toThrow('mirror is {"name":"OTHER"} and must be null');
  });

  it.each<Setting>([
    { no_ack: true },
    { discard_new_per_subject: true },
    { republish: { src: '$KV.spec.>', dest: 'copy.>' } },
  ])('are refused in a bucket for %j', async (setting) => {
    await make(bucket, setting);
    await expect(nats.stream(bucket).ensure()).rejects.toThrow(told(setting));
  });

  it('leave to the operator what changes no promise', async () => {
    const ofNew = {
      compression: 's2',
      first_seq: 7,
      metadata: { owner: 'us' },
      allow_atomic: true,
      allow_batched: true,
    };
    await make(log, { description: 'what happens', allow_direct: true, ...(isNew() ? ofNew : {}) });
    await nats.stream(log).ensure();
  });

  it('leave it to who creates a bucket whether its messages can be deleted', async () => {
    await make(bucket, { deny_delete: true });
    await nats.stream(bucket).ensure();
  });

  it.each([log, bucket])('are as they must be in $name when we have created it', async (settings) => {
    await nats.stream(settings).ensure();
    await nats.stream(settings).ensure();
  });

  function isNew(): boolean {
    const [major = 0, minor = 0] = (client.connection.info?.version ?? '').split('.').map(Number);
    return major > 2 || (major === 2 && minor >= 14);
  }

  async function refuses(setting: Setting): Promise<void> {
    await make(log, setting);
    const refusal = nats.stream(log).ensure();
    await expect(refusal).rejects.toThrow(StreamDiffers);
    await expect(refusal).rejects.toThrow(told(setting));
  }

  /** Makes the stream as we do, but for one thing; fails when the server takes no notice of it. */
  async function make(settings: StreamSettings, differing: Setting): Promise<void> {
    await nats.stream(settings).ensure();
    const ours = await configOf(settings);
    await client.deleteStreams(settings.name);
    await request(client.connection, 'CREATE', { ...ours, ...differing });
    expect(await configOf(settings)).toMatchObject(differing);
  }

  async function configOf({ name }: StreamSettings): Promise<object> {
    const { streams } = await client.connection.jetstreamManager();
    return (await streams.info(name)).config;
  }
});

function told(setting: Setting): string {
  const [[key, is]] = Object.entries(setting) as [[string, unknown]];
  return typeof is === 'object' ? `${key} is ` : `${key} is ${JSON.stringify(is)} and must be `;
}

/** Asks for what no type of the client library knows, as it is. */
async function request(connection: NatsConnection, verb: 'CREATE' | 'UPDATE', config: object): Promise<void> {
  const name = 'name' in config ? config.name : undefined;
  const answer = await connection.request(`$JS.API.STREAM.${verb}.${name}`, JSON.stringify(config), { timeout: 5_000 });
  expect(answer.json<{ readonly error?: unknown }>().error).toBeUndefined();
}
