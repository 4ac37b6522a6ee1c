// Rebuilds of a log that is written meanwhile, under queries that do not stop, with the real servers.
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import pino from 'pino';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { createMigratedDatabase, withClient } from '../../test/support/database.ts';
import { anOrganization, factoryCreated, gatewayCreated, organizationCreated } from '../../test/support/examples.ts';
import { startEventStore, type TestDatabase, type TestServer } from '../../test/support/servers.ts';
import type { RegistryEvent } from '../events/catalogue.ts';
import { encode } from '../events/codec.ts';
import { DeviceId, GatewayId } from '../events/ids.ts';
import { connectEventStore, type EventStore } from '../infrastructure/event-store.ts';
import { connect, createPool } from '../infrastructure/postgres.ts';
import { openPresenceTables } from '../presence/tables.ts';
import { GatewaysQuery, listGateways } from '../queries/gateways.ts';
import { createProgress, type Progress } from './progress.ts';
import { startProjector } from './projector.ts';
import { type RebuildOptions, rebuild, rollback } from './rebuild.ts';
import { verify } from './verify.ts';

const seeded = 4_000;
/** So many that most are not seen again after the last swap: that would hide that a time was lost. */
const seen = 1_000;
const logger = pino({ level: 'silent' });
const { signal: never } = new AbortController();

let scope: AsyncDisposableStack;
let database: TestDatabase;
let server: TestServer;
let log: EventStore;
let progress: Progress;
let failures: string[];
let gateways: number;

beforeEach(async () => {
  scope = new AsyncDisposableStack();
  gateways = 0;
  failures = [];
  database = scope.use(await createMigratedDatabase());
  server = scope.use(await startEventStore());
  log = scope.adopt(connectEventStore({ url: server.url }), (store) => store.close());
  progress = createProgress();
  const telling = pino({ level: 'warn' }, { write: (line) => failures.push(JSON.parse(line).msg) });
  const projector = startProjector({ databaseUrl: database.url, eventLog: log, progress, logger: telling });
  scope.defer(() => projector.stop());
  await append(organizationCreated(), `organization-${anOrganization}`);
  await append(factoryCreated(), `factory-${factoryCreated().data.id}`);
});

afterEach(() => scope.disposeAsync());

describe('while gateways are created without a pause', () => {
  it('rebuilds, swaps and rolls back, and no query fails, or sees fewer gateways than one before it', async () => {
    await createGateways(seeded);
    await projected();
    const stop = new AbortController();
    scope.defer(() => stop.abort());
    const queries = [1, 2].map(() => queryOnAndOn(stop.signal));
    const writing = writeOnAndOn(stop.signal);
    await rebuild(options());
    await rollback(options());
    stop.abort();
    await writing;
    const lists = await Promise.all(queries);
    expect(Math.min(...lists.map((totals) => totals.length))).toBeGreaterThan(10);
    for (const totals of lists) {
      expect(totals[0]).toBeGreaterThanOrEqual(seeded);
      expect(totals).toEqual(totals.toSorted((a, b) => a - b));
    }
    await projected();
    expect(gateways).toBeGreaterThan(seeded);
    expect(await count()).toBe(gateways);
    expect(failures).toEqual([]);
    expect(await verify(options())).toMatchObject({ differences: [] });
  }, 240_000);

  it('rebuilds after a rebuild that was killed, whose tables are dropped', async () => {
    await createGateways(2_000);
    await projected();
    for (const pause of [150, 400, 700]) {
      const child = fork(join(import.meta.dirname, '../../test/support/rebuild-process.ts'), [
        server.url,
        database.url,
      ]);
      await once(child, 'message');
      await new Promise((resolve) => setTimeout(resolve, pause));
      await killed(child);
      expect(await count()).toBe(gateways);
      await createGateways(10);
    }
    // The server may need a moment to see that its client is gone.
    await vi.waitFor(() => rebuild(options()), { timeout: 10_000, interval: 200 });
    await projected();
    expect(await count()).toBe(gateways);
    expect(await schemas()).toEqual(['registry_previous']);
  }, 120_000);
});

describe('while it is noted without a pause when gateways were seen', () => {
  it('rebuilds, and loses no time', async () => {
    await createGateways(seen);
    await projected();
    const stop = new AbortController();
    scope.defer(() => stop.abort());
    const noting = noteOnAndOn(stop.signal);
    await rebuild(options());
    await rebuild(options());
    stop.abort();
    const noted = await noting;
    expect(noted.size).toBeGreaterThan(100);
    expect(await timesSeen()).toEqual(noted);
    expect(failures).toEqual([]);
  }, 120_000);
});

describe('when a server goes away in the middle', () => {
  it('the live tables stay, and the next rebuild clears up', async () => {
    await createGateways(3_000);
    await projected();
    const cut = () =>
      withClient(database.url, (client) =>
        client.query(
          `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'registry rebuild' AND datname = current_database()`,
        ),
      );
    let told = false;
    const onProgress = () => {
      if (!told) void cut();
      told = true;
    };
    await expect(rebuild({ ...options(), onProgress })).rejects.toThrow(/terminat/i);
    expect(await count()).toBe(gateways);
    await vi.waitFor(() => rebuild(options()), { timeout: 10_000, interval: 200 });
    expect(await count()).toBe(gateways);
  }, 120_000);
});

/** What each list of gateways said that there are, in the order of the answers. */
async function queryOnAndOn(signal: AbortSignal): Promise<number[]> {
  const pool = createPool({ databaseUrl: database.url, logger, poolMax: 2 });
  const totals: number[] = [];
  const query = GatewaysQuery.parse({ limit: '5' });
  while (!signal.aborted) {
    const { data, pagination } = await listGateways(pool, query);
    if (data.length !== 5) throw new Error(`a list of ${data.length}`);
    totals.push(pagination.total);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  await pool.end();
  return totals;
}

async function writeOnAndOn(signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    await createGateways(5);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

/** One gateway after the other. Resolves to when each was seen, as far as it was noted, in milliseconds since 1970. */
async function noteOnAndOn(signal: AbortSignal): Promise<ReadonlyMap<string, number>> {
  await using connection = await connect({ databaseUrl: database.url, name: 'registry presence', timeoutMs: 15_000 });
  const tables = await openPresenceTables(connection);
  const noted = new Map<string, number>();
  for (let number = 0; !signal.aborted; number++) {
    const sighting = { id: idOf(number % seen), at: Date.now() };
    for (const { id, at } of await tables.note([sighting])) noted.set(id, at);
  }
  return noted;
}

async function timesSeen(): Promise<ReadonlyMap<string, number>> {
  return withClient(database.url, async (client) => {
    const { rows } = await client.query<{ id: string; last_seen_at: Date }>(
      'SELECT id, last_seen_at FROM gateways WHERE last_seen_at IS NOT NULL',
    );
    return new Map(rows.map(({ id, last_seen_at }) => [id, last_seen_at.getTime()]));
  });
}

async function createGateways(count: number): Promise<void> {
  const first = gateways;
  for (let done = 0; done < count; done += 500) {
    await Promise.all(
      Array.from({ length: Math.min(500, count - done) }, (_, index) => createGateway(first + done + index)),
    );
  }
  gateways += count;
}

function createGateway(number: number): Promise<void> {
  const id = idOf(number);
  return append(gatewayCreated({ id, gatewayId: DeviceId.parse(`GW-${number}`) }), `gateway-${id}`);
}

function idOf(number: number): GatewayId {
  return GatewayId.parse(`0194c000-0000-7000-8000-${(number + 100).toString(16).padStart(12, '0')}`);
}

async function append(event: RegistryEvent, stream: string): Promise<void> {
  const metadata = {
    $correlationId: 'a-correlation',
    $causationId: 'a-command',
    actor: 'a-tester',
    commandId: 'a-command',
    occurredAt: '2026-01-02T03:04:05.678Z',
  };
  const outcome = await log.append(stream, 'no_stream', [encode(crypto.randomUUID(), event, metadata)]);
  if (outcome.status === 'conflict') throw new Error(`${stream} is there already`);
}

async function projected(): Promise<void> {
  const head = await log.head();
  if (head) expect(await progress.reached(head, 60_000)).toBe(true);
}

async function count(): Promise<number> {
  return withClient(database.url, async (client) => {
    const { rows } = await client.query<{ count: number }>('SELECT count(*)::int AS count FROM gateways');
    return rows[0]?.count ?? 0;
  });
}

async function schemas(): Promise<readonly string[]> {
  return withClient(database.url, async (client) => {
    const { rows } = await client.query<{ nspname: string }>(
      `SELECT nspname FROM pg_namespace WHERE nspname LIKE 'registry%'`,
    );
    return rows.map(({ nspname }) => nspname);
  });
}

async function killed(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exit = once(child, 'exit');
  child.kill('SIGKILL');
  await exit;
}

function options(): RebuildOptions {
  return { databaseUrl: database.url, eventLog: log, logger, signal: never, onProgress: () => undefined };
}
