// The presence process among real servers: heartbeats come over NATS, events and rows come out.
import { setTimeout as delay } from 'node:timers/promises';
import { pino } from 'pino';
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { createMigratedDatabase, withClient } from '../../test/support/database.ts';
import { type NatsClient, natsClient } from '../../test/support/nats-client.ts';
import { type NatsProcess, startNatsProcess } from '../../test/support/nats-process.ts';
import { anId, type Registry, startRegistry } from '../../test/support/registry.ts';
import type { Loop } from '../infrastructure/lifecycle.ts';
import { connectNats } from '../infrastructure/nats.ts';
import { createProgress } from '../projections/progress.ts';
import { startProjector } from '../projections/projector.ts';
import { type PresenceTiming, startPresence } from './presence-process.ts';

const logger = pino({ level: 'silent' });
const patiently = { timeout: 20_000, interval: 20 };
const backoff = { first: 20, longest: 100 };
const timing: PresenceTiming = { tick: 20, refresh: 100, threshold: 0, debounce: 0, patience: 1_000 };

/** Seconds of silence after which the gateways here are offline: the shortest that there is. */
const timeout = 1;

const scope = new AsyncDisposableStack();
let registry: Registry;
let databaseUrl: string;
let nats: NatsProcess;
let client: NatsClient;
let organization: string;
let factory: string;
let gateway: string;

beforeAll(async () => {
  registry = scope.use(await startRegistry());
  databaseUrl = scope.use(await createMigratedDatabase()).url;
  nats = scope.use(await startNatsProcess());
  client = scope.use(await natsClient(nats.url));
  const eventLog = registry.log;
  scope.adopt(startProjector({ databaseUrl, eventLog, progress: createProgress(), logger }), (loop) => loop.stop());
  organization = anId();
  factory = anId();
  await registry.run('CreateOrganization', organization, { name: 'Acme' });
  await registry.run('CreateFactory', factory, { organization_id: organization, name: 'Berlin' });
});

afterAll(() => scope.disposeAsync());

beforeEach(async () => {
  gateway = await aGateway({ offline_after_seconds: timeout });
});

describe('a gateway', () => {
  it('is online from its first heartbeat on, and offline when it has been silent for its timeout', async () => {
    await using _presence = await listening();
    expect(await statusOf(gateway)).toBeUndefined();
    const before = Date.now();
    beat(gateway);
    await becomes(gateway, 'online');
    const { last_seen_at, updated_at, created_at } = await rowOf(gateway);
    expect(last_seen_at?.getTime()).toBeGreaterThanOrEqual(before);
    expect(updated_at).toEqual(created_at);
    await becomes(gateway, 'offline');
    expect(await lastEventOf(gateway)).toMatchObject({
      type: 'GatewayDisconnected',
      data: {
        id: gateway,
        factoryId: factory,
        organizationId: organization,
        lastSeenAt: last_seen_at?.toISOString(),
      },
    });
  });

  it('has of its presence one event in the log at a time, and each change is one', async () => {
    await using _presence = await listening();
    for (const [status, revision] of [
      ['online', 0n],
      ['offline', 1n],
      ['online', 2n],
      ['offline', 3n],
    ] as const) {
      if (status === 'online') beat(gateway);
      await becomes(gateway, status);
      const events = await registry.log.read(`gatewayPresence-${gateway}`);
      expect(events.map((event) => event.revision)).toEqual([revision]);
    }
  });

  it('stays online as long as it is heard of', async () => {
    await using _presence = await listening();
    const beating = beatOnAndOn(gateway);
    await becomes(gateway, 'online');
    const since = await sinceOf(gateway);
    await vi.waitFor(async () => {
      const { last_seen_at } = await rowOf(gateway);
      expect(last_seen_at?.getTime()).toBeGreaterThan(since.getTime() + 1_500 * timeout);
    }, patiently);
    expect(await revisionOf(gateway)).toBe(0n);
    beating.stop();
    await becomes(gateway, 'offline');
  });

  it('does not come and go more often than the debounce allows', async () => {
    await using _presence = await listening({ debounce: 1_500 });
    beat(gateway);
    await becomes(gateway, 'online');
    const came = await sinceOf(gateway);
    await becomes(gateway, 'offline');
    const went = await sinceOf(gateway);
    expect(went.getTime() - came.getTime()).toBeGreaterThanOrEqual(1_500);
    const beating = beatOnAndOn(gateway);
    await becomes(gateway, 'online');
    expect((await sinceOf(gateway)).getTime() - went.getTime()).toBeGreaterThanOrEqual(1_500);
    beating.stop();
  });

  it('is told of with the factory that it stands in now, and goes by the timeout that it has now', async () => {
    await using _presence = await listening();
    const beating = beatOnAndOn(gateway);
    await becomes(gateway, 'online');
    const elsewhere = anId();
    await registry.run('CreateFactory', elsewhere, { organization_id: organization, name: 'Spandau' });
    await registry.run('MoveGateway', gateway, { factory_id: elsewhere });
    await registry.run('UpdateGateway', gateway, { metadata: { offline_after_seconds: 2 } });
    await vi.waitFor(async () => expect((await rowOf(gateway)).stream_revision).toBe('2'), patiently);
    beating.stop();
    await becomes(gateway, 'offline');
    const event = await lastEventOf(gateway);
    expect(event?.data).toMatchObject({ factoryId: elsewhere });
    const { lastSeenAt = '' } = (event?.data ?? {}) as { readonly lastSeenAt?: string };
    expect((await sinceOf(gateway)).getTime() - Date.parse(lastSeenAt)).toBeGreaterThanOrEqual(2_000);
  });

  it('that is deleted goes offline however much is heard of it, and comes when it is restored', async () => {
    await using _presence = await listening();
    const beating = beatOnAndOn(gateway);
    await becomes(gateway, 'online');
    await registry.run('SoftDeleteGateway', gateway);
    await becomes(gateway, 'offline');
    await registry.run('RestoreGateway', gateway);
    await becomes(gateway, 'online');
    beating.stop();
  });

  it('is nobody else, and of no other organization', async () => {
    await using presence = await listening();
    client.connection.publish(`mti.hb.v1.${anId()}.${gateway}`);
    client.connection.publish(`mti.hb.v1.${organization}.${anId()}`);
    client.connection.publish(`mti.hb.v1.${organization}.nobody`);
    const another = await aGateway({});
    beat(another);
    await becomes(another, 'online');
    expect(await statusOf(gateway)).toBeUndefined();
    expect(presence.health().status).toBe('running');
  });
});

describe('many gateways', () => {
  it('are online after one heartbeat each, by one event each', async () => {
    const many = await Promise.all(Array.from({ length: 100 }, () => aGateway({})));
    await using _presence = await listening();
    for (let round = 0; round < 3; round++) many.forEach(beat);
    await vi.waitFor(async () => {
      const { rows } = await query('SELECT stream_revision FROM gateway_presence WHERE id = ANY ($1)', [many]);
      expect(rows.map(({ stream_revision }) => stream_revision)).toEqual(many.map(() => '0'));
    }, patiently);
  });
});

describe('the presence process', () => {
  it('calls nobody silent before one timeout has passed since it started', async () => {
    const presence = await listening();
    beat(gateway);
    await becomes(gateway, 'online');
    await presence[Symbol.asyncDispose]();
    await silenceIsOver();
    const started = Date.now();
    await using _again = await listening();
    await becomes(gateway, 'offline');
    expect((await sinceOf(gateway)).getTime() - started).toBeGreaterThanOrEqual(timeout * 1_000);
  });

  it('calls nobody silent who could not be heard because NATS was away', async () => {
    await using presence = await listening();
    const beating = beatOnAndOn(gateway);
    await becomes(gateway, 'online');
    await nats.kill();
    await vi.waitFor(() => expect(presence.health().status).toBe('failing'), patiently);
    await silenceIsOver();
    await nats.start();
    await heardAgain(gateway);
    expect(await revisionOf(gateway)).toBe(0n);
    beating.stop();
    await becomes(gateway, 'offline');
    await vi.waitFor(() => expect(presence.health().status).toBe('running'), patiently);
  });

  it('calls nobody silent who could not be heard because NATS was frozen', async () => {
    await using _presence = await listening();
    const beating = beatOnAndOn(gateway);
    await becomes(gateway, 'online');
    nats.freeze();
    await silenceIsOver();
    nats.thaw();
    await heardAgain(gateway);
    expect(await revisionOf(gateway)).toBe(0n);
    beating.stop();
    await becomes(gateway, 'offline');
  });

  it('stands by while another one is active, and takes over when that ends', async () => {
    const first = await listening();
    await using second = await listening();
    const beating = beatOnAndOn(gateway);
    await becomes(gateway, 'online');
    await first[Symbol.asyncDispose]();
    await heardAgain(gateway);
    expect(await revisionOf(gateway)).toBe(0n);
    beating.stop();
    await becomes(gateway, 'offline');
    expect(second.health().status).toBe('running');
  });

  it('brings back when gateways were seen, where the tables have lost it', async () => {
    const presence = await listening();
    beat(gateway);
    await becomes(gateway, 'offline');
    await presence[Symbol.asyncDispose]();
    const { last_seen_at } = await rowOf(gateway);
    await query('UPDATE gateways SET last_seen_at = NULL WHERE id = $1', [gateway]);
    await using _again = await listening();
    await vi.waitFor(async () => expect((await rowOf(gateway)).last_seen_at).toEqual(last_seen_at), patiently);
  });

  it('tells where it has failed, and goes on', async () => {
    let isAway = true;
    const log: typeof registry.log = {
      ...registry.log,
      append: async (...append) => {
        if (isAway) throw new Error('the event store is away');
        return registry.log.append(...append);
      },
    };
    await using presence = await listening({}, log);
    beat(gateway);
    await vi.waitFor(
      () => expect(presence.health()).toMatchObject({ status: 'failing', error: 'the event store is away' }),
      patiently,
    );
    isAway = false;
    await vi.waitFor(() => expect(presence.health().status).toBe('running'), patiently);
    const beating = beatOnAndOn(gateway);
    await becomes(gateway, 'online');
    beating.stop();
  });
});

async function listening(given: Partial<PresenceTiming> = {}, log = registry.log): Promise<Loop & AsyncDisposable> {
  const bus = connectNats({ url: nats.url, name: 'presence-test', logger });
  const presence = startPresence({ databaseUrl, log, bus, logger, timing: { ...timing, ...given }, backoff });
  await vi.waitFor(() => expect(presence.health().status).not.toBe('starting'), patiently);
  return {
    ...presence,
    async [Symbol.asyncDispose]() {
      await presence.stop();
      await bus.close();
    },
  };
}

async function aGateway(metadata: object): Promise<string> {
  const id = anId();
  const login = { url: 'wss://10.0.0.1/ws', email: 'a@acme.example', password: 'correct horse' };
  await registry.run('CreateGateway', id, { factory_id: factory, gateway_id: id, name: 'North', ...login, metadata });
  await vi.waitFor(async () => expect(await rowOf(id)).toBeDefined(), patiently);
  return id;
}

function beat(id: string): void {
  client.connection.publish(`mti.hb.v1.${organization}.${id}`);
}

function beatOnAndOn(id: string) {
  const timer = setInterval(() => beat(id), 50);
  return { stop: () => clearInterval(timer) };
}

/** Waits for so long that whoever was not heard would have been silent for its timeout twice. */
function silenceIsOver(): Promise<void> {
  return delay(2_000 * timeout);
}

async function heardAgain(id: string): Promise<void> {
  const since = Date.now();
  await vi.waitFor(async () => {
    expect((await rowOf(id)).last_seen_at?.getTime()).toBeGreaterThan(since + 1_500 * timeout);
  }, patiently);
}

async function becomes(id: string, status: 'online' | 'offline'): Promise<void> {
  await vi.waitFor(async () => expect(await statusOf(id)).toBe(status), patiently);
}

async function statusOf(id: string): Promise<string | undefined> {
  return (await presenceOf(id))?.status;
}

async function sinceOf(id: string): Promise<Date> {
  const presence = await presenceOf(id);
  if (presence === undefined) throw new Error(`${id} was never seen`);
  return presence.since;
}

async function revisionOf(id: string): Promise<bigint | undefined> {
  return (await lastEventOf(id))?.revision;
}

function lastEventOf(id: string) {
  return registry.log.readLast(`gatewayPresence-${id}`);
}

async function presenceOf(id: string): Promise<{ readonly status: string; readonly since: Date } | undefined> {
  return (await query('SELECT * FROM gateway_presence WHERE id = $1', [id])).rows[0];
}

interface GatewayRow {
  readonly last_seen_at: Date | null;
  readonly created_at: Date;
  readonly updated_at: Date;
  readonly stream_revision: string;
}

async function rowOf(id: string): Promise<GatewayRow> {
  return (await query('SELECT * FROM gateways WHERE id = $1', [id])).rows[0];
}

function query(text: string, values: readonly unknown[]) {
  return withClient(databaseUrl, (connection) => connection.query(text, [...values]));
}
