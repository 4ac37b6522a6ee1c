import { pino } from 'pino';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startService } from '../test/e2e/service.ts';
import { createMigratedDatabase, withClient } from '../test/support/database.ts';
import { eventually } from '../test/support/eventually.ts';
import { encodedKey } from '../test/support/key-rings.ts';
import { startEventStore, startNats } from '../test/support/servers.ts';
import { temporaryFolder } from '../test/support/temporary-folder.ts';
import { type App, startApp } from './app.ts';
import { GatewayId } from './events/ids.ts';
import { DecryptionError } from './infrastructure/encryption.ts';
import { parseKey, ringOf } from './infrastructure/key-ring.ts';

const scope = new AsyncDisposableStack();
let servers: { readonly eventStoreUrl: string; readonly databaseUrl: string; readonly natsUrl: string };
let app: App;

beforeAll(async () => {
  const eventStore = scope.use(await startEventStore());
  const database = scope.use(await createMigratedDatabase());
  const nats = scope.use(await startNats());
  servers = { eventStoreUrl: eventStore.url, databaseUrl: database.url, natsUrl: nats.url };
  app = scope.use(await start(7));
});

afterAll(() => scope.disposeAsync());

describe('the password of a gateway', () => {
  it('is known inside of the process, as it was set last', async () => {
    const { id: organization_id } = await send('POST', '/api/organizations', { name: 'Acme' });
    const { id: factory_id } = await send('POST', '/api/factories', { organization_id, name: 'Berlin' });
    const fields = { factory_id, gateway_id: 'GW-1', name: 'Hall 1', url: 'ws://10.0.0.1', email: 'a@acme.example' };
    const { id } = await send('POST', '/api/gateways', { ...fields, password: 'correct horse' });
    const gateway = GatewayId.parse(id);

    expect(await app.gatewayPassword(gateway)).toBe('correct horse');
    await send('PUT', `/api/gateways/${id}`, { password: 'battery staple' });
    expect(await app.gatewayPassword(gateway)).toBe('battery staple');

    await using withAnotherKey = await start(8);
    await expect(withAnotherKey.gatewayPassword(gateway)).rejects.toThrow(DecryptionError);
  });

  it('is unknown of a gateway that does not exist', async () => {
    expect(await app.gatewayPassword(GatewayId.parse('0194c000-0000-7000-8000-000000000001'))).toBeUndefined();
  });
});

describe('a ring that lacks a key', () => {
  it('is warned of at the start, with the ids of keys and nothing of them', async () => {
    await createGateway();
    const lines: string[] = [];
    const logger = pino({ level: 'warn' }, { write: (line) => lines.push(line) });
    await using _ = await start(8, servers.databaseUrl, logger);
    const { id } = parseKey(encodedKey(7));
    await eventually(() => expect(lines.join('')).toContain(`Key ${id} is not here`));
    expect(lines.join('')).not.toContain(encodedKey(7).slice(0, 10));
  });

  async function createGateway(): Promise<void> {
    const { id: organization_id } = await send('POST', '/api/organizations', { name: 'Acme' });
    const { id: factory_id } = await send('POST', '/api/factories', { organization_id, name: 'Berlin' });
    const fields = { factory_id, gateway_id: 'GW-2', name: 'Hall 2', url: 'ws://10.0.0.1', email: 'a@acme.example' };
    await send('POST', '/api/gateways', { ...fields, password: 'correct horse' });
  }
});

describe('a factory that is deleted', () => {
  it('takes its gateways along and brings them back, unless somebody wants to be careful', async () => {
    const { id: organization_id } = await send('POST', '/api/organizations', { name: 'Acme' });
    const { id: factory_id } = await send('POST', '/api/factories', { organization_id, name: 'Berlin' });
    const fields = {
      factory_id,
      gateway_id: 'GW-CASCADE',
      name: 'Hall 1',
      url: 'ws://10.0.0.1',
      email: 'a@acme.example',
    };
    const { id } = await send('POST', '/api/gateways', { ...fields, password: 'correct horse' });

    for (const path of [`/api/factories/${factory_id}`, `/api/organizations/${organization_id}`]) {
      const refused = await ask(app, 'DELETE', `${path}?cascade=false`);
      expect(refused.status).toBe(409);
      expect(await refused.json()).toMatchObject({ error: { code: 'HAS_ACTIVE_CHILDREN' } });
    }
    expect((await ask(app, 'DELETE', `/api/organizations/${organization_id}`)).status).toBe(204);
    await eventually(async () => expect((await ask(app, 'GET', `/api/gateways/${id}`)).status).toBe(404));
    expect((await ask(app, 'GET', `/api/factories/${factory_id}`)).status).toBe(404);

    expect((await ask(app, 'POST', `/api/organizations/${organization_id}/restore`)).status).toBe(200);
    await eventually(async () => expect((await ask(app, 'GET', `/api/gateways/${id}`)).status).toBe(200));
    expect((await ask(app, 'DELETE', `/api/gateways/${id}`)).status).toBe(204);
    expect((await ask(app, 'DELETE', `/api/factories/${factory_id}?cascade=false`)).status).toBe(204);
  });
});

describe('a process that does not project', () => {
  it('answers as soon as the projector of another has the change, and goes on when that one is killed', async () => {
    await using others = new AsyncDisposableStack();
    const database = others.use(await createMigratedDatabase());
    const folder = others.use(await temporaryFolder());
    const environment = {
      DATABASE_URL: database.url,
      EVENTSTORE_URL: servers.eventStoreUrl,
      NATS_URL: servers.natsUrl,
      ENCRYPTION_KEY: Buffer.alloc(32, 7).toString('base64'),
    };
    const holder = others.use(await startService({ dataDir: folder.path, environment }));
    const standingBy = others.use(await start(7, database.url));
    await eventually(async () => expect(await waitingForLocks(database.url)).toBe(3));

    for (const _ of [1, 2, 3]) {
      const { headers } = await ask(standingBy, 'POST', '/api/organizations', { name: 'Acme' });
      expect(headers.get('x-projection')).toBe('current');
      const min = { 'x-min-position': headers.get('x-commit-position') ?? '' };
      expect((await ask(standingBy, 'GET', '/api/organizations', undefined, min)).status).toBe(200);
    }
    const ready = await ask(standingBy, 'GET', '/api/health/ready');
    expect(await ready.json()).toMatchObject({ status: 'ready', projecting: true, stalled: false });

    const killed = performance.now();
    await holder.end('SIGKILL');
    const answer = await ask(standingBy, 'POST', '/api/organizations', { name: 'New' }, { prefer: 'wait=5' });
    expect(answer.headers.get('x-projection')).toBe('current');
    expect(performance.now() - killed).toBeLessThan(5_000);
  });
});

/** One for the projector, one for the cascade, one for the presence of gateways. */
async function waitingForLocks(databaseUrl: string): Promise<number> {
  return withClient(databaseUrl, async (client) => {
    const { rows } = await client.query(`SELECT FROM pg_locks WHERE locktype = 'advisory' AND NOT granted
      AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`);
    return rows.length;
  });
}

function ask(
  { url }: App,
  method: string,
  path: string,
  body?: object,
  headers: Readonly<Record<string, string>> = {},
): Promise<Response> {
  if (body === undefined) return fetch(`${url}${path}`, { method, headers });
  const type = { 'content-type': 'application/json' };
  return fetch(`${url}${path}`, { method, headers: { ...type, ...headers }, body: JSON.stringify(body) });
}

function start(key: number, databaseUrl = servers.databaseUrl, logger = pino({ level: 'silent' })): Promise<App> {
  return startApp({
    ...servers,
    databaseUrl,
    host: '127.0.0.1',
    port: 0,
    databasePool: { min: 0, max: 5 },
    encryptionKeys: ringOf([parseKey(encodedKey(key))]),
    corsOrigins: [],
    version: '0.0.0',
    logger,
  });
}

async function send(method: string, path: string, body: object): Promise<{ readonly id: string }> {
  const answer = await ask(app, method, path, body);
  expect(answer.ok).toBe(true);
  return (await answer.json()) as { readonly id: string };
}
