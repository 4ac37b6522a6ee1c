import { connect } from 'node:net';
import pino from 'pino';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createMigratedDatabase, withClient } from '../../test/support/database.ts';
import { givenLog } from '../../test/support/given-log.ts';
import { GatewayId } from '../events/ids.ts';
import { createHttpServer, type HttpServer } from '../http/server.ts';
import type { Pool } from '../infrastructure/postgres.ts';
import { createPool, isUnavailable } from '../infrastructure/postgres.ts';
import { createProgress } from '../projections/progress.ts';
import { FactoryResource } from '../resources/factory.ts';
import { GatewayResource } from '../resources/gateway.ts';
import { OrganizationResource } from '../resources/organization.ts';
import { findGatewayPassword } from './gateways.ts';
import { queryRoutes } from './routes.ts';

const logger = pino({ level: 'silent' });
const scope = new AsyncDisposableStack();
let databaseUrl: string;
let pool: Pool;
let app: HttpServer;
const progress = createProgress();

beforeAll(async () => {
  databaseUrl = scope.use(await createMigratedDatabase()).url;
  pool = scope.adopt(createPool({ databaseUrl, logger }), (made) => made.end());
  app = await serve(pool);
});

afterAll(() => scope.disposeAsync());

const acme = id('a', 1);
const other = id('a', 2);
const gone = id('a', 3);
const berlin = id('b', 1);
const tokyo = id('b', 2);
const north = id('c', 1);
const south = id('c', 2);
const scrapped = id('c', 3);
const noOne = id('f', 9);

beforeEach(() =>
  run(`
    TRUNCATE organizations, gateway_presence CASCADE;
    INSERT INTO organizations (id, name, created_at, deleted_at, stream_revision) VALUES
      ('${acme}', 'Acme', '2026-01-01T00:00:00Z', NULL, 3),
      ('${other}', 'Other', '2026-01-02T00:00:00Z', NULL, 0),
      ('${gone}', 'Gone', '2026-01-03T00:00:00Z', now(), 1);
    INSERT INTO factories (id, organization_id, name, created_at, stream_revision) VALUES
      ('${berlin}', '${acme}', 'Berlin', '2026-01-01T00:00:00Z', 0),
      ('${tokyo}', '${other}', 'Tokyo', '2026-01-01T00:00:01Z', 0);
    INSERT INTO gateways
      (id, factory_id, organization_id, gateway_id, name, url, email, password_encrypted, created_at, last_seen_at, deleted_at, stream_revision)
    VALUES
      ('${north}', '${berlin}', '${acme}', 'GW-1', 'North', 'ws://1', '1@acme.example', 'secret 1', '2026-01-01T00:00:00.5Z', NULL, NULL, 7),
      ('${south}', '${berlin}', '${acme}', 'GW-2', 'South', 'ws://2', '2@acme.example', 'secret 2', '2026-01-01T00:00:00.5Z', '2026-02-01T00:00:00Z', NULL, 8),
      ('${scrapped}', '${berlin}', '${acme}', 'GW-3', 'Scrapped', 'ws://3', '3@acme.example', 'secret 3', '2026-01-01T00:00:00Z', NULL, now(), 9);`),
);

describe('a list', () => {
  it('has what is not deleted, in the order of creation, and says how much there is', async () => {
    const { statusCode, body } = await get('/api/organizations');
    expect(statusCode).toBe(200);
    expect(namesIn(body)).toEqual(['Acme', 'Other']);
    expect(body.pagination).toEqual({ total: 2, limit: 20, offset: 0, hasNext: false, hasPrev: false });
  });

  it('orders by id what was created at the same time', async () => {
    expect(namesIn((await get('/api/gateways')).body)).toEqual(['North', 'South']);
  });

  it('has the public shape and nothing else', async () => {
    for (const [path, resource] of [
      ['/api/organizations', OrganizationResource],
      ['/api/factories', FactoryResource],
      ['/api/gateways', GatewayResource],
    ] as const) {
      const { body } = await get(path);
      expect(body.data).not.toEqual([]);
      for (const item of body.data) expect(resource.strict().parse(item)).toEqual(item);
    }
  });

  it('comes in pages', async () => {
    const first = await get('/api/organizations?limit=1');
    expect(namesIn(first.body)).toEqual(['Acme']);
    expect(first.body.pagination).toEqual({
      ...{ total: 2, limit: 1, offset: 0, hasNext: true, hasPrev: false },
      nextCursor: expect.any(String),
    });
    const second = await get('/api/organizations?limit=1&offset=1');
    expect(namesIn(second.body)).toEqual(['Other']);
    expect(second.body.pagination).toEqual({ total: 2, limit: 1, offset: 1, hasNext: false, hasPrev: true });
  });

  it('is empty beyond its end, and still says how much there is', async () => {
    const { statusCode, body } = await get(`/api/organizations?offset=${Number.MAX_SAFE_INTEGER}`);
    expect(statusCode).toBe(200);
    expect(body.data).toEqual([]);
    expect(body.pagination).toMatchObject({ total: 2, hasNext: false, hasPrev: true });
  });

  it('is empty when there is nothing', async () => {
    await run('TRUNCATE organizations CASCADE');
    const { body } = await get('/api/organizations');
    expect(body).toEqual({ data: [], pagination: { total: 0, limit: 20, offset: 0, hasNext: false, hasPrev: false } });
  });

  it('can be that of one parent', async () => {
    expect(namesIn((await get(`/api/factories?organization_id=${acme}`)).body)).toEqual(['Berlin']);
    expect(namesIn((await get(`/api/gateways?factory_id=${berlin}&limit=1&offset=1`)).body)).toEqual(['South']);
    expect((await get(`/api/gateways?factory_id=${tokyo}`)).body.data).toEqual([]);
  });

  it('is empty for a parent that nobody knows', async () => {
    const { statusCode, body } = await get(`/api/factories?organization_id=${noOne}`);
    expect(statusCode).toBe(200);
    expect(body.pagination.total).toBe(0);
  });

  it.each([
    ['/api/organizations?limit=0', 'limit'],
    ['/api/organizations?limit=101', 'limit'],
    ['/api/gateways?offset=-1', 'offset'],
    ['/api/gateways?offset=99999999999999999999', 'offset'],
    ['/api/organizations?page=2', 'page'],
    ['/api/organizations?organization_id=x', 'organization_id'],
    ['/api/factories?organization_id=x', 'organization_id'],
    ['/api/gateways?factory_id=', 'factory_id'],
  ])('refuses %s and names the parameter', async (path, parameter) => {
    const { statusCode, body } = await get(path);
    expect(statusCode).toBe(400);
    expect(body.error.code).toBe('VALIDATION_ERROR');
    expect(body.error.details.map((detail: { path: string }) => detail.path)).toEqual([parameter]);
  });
});

describe('a single one', () => {
  it('has the revision of its stream as its ETag', async () => {
    const { statusCode, headers, body } = await get(`/api/organizations/${acme}`);
    expect(statusCode).toBe(200);
    expect(headers.etag).toBe('"3"');
    expect(body).toMatchObject({ id: acme, name: 'Acme', created_at: '2026-01-01T00:00:00.000Z' });
    expect((await get(`/api/factories/${berlin}`)).headers.etag).toBe('"0"');
  });

  it('has in its ETag when a gateway was last seen and how often it came or went, if ever', async () => {
    const seen = Date.parse('2026-02-01T00:00:00Z');
    expect((await get(`/api/gateways/${north}`)).headers.etag).toBe('"7"');
    expect((await get(`/api/gateways/${south}`)).headers.etag).toBe(`"8.${seen}-0"`);
    await run(presenceOf(south, 'offline', 3));
    expect((await get(`/api/gateways/${south}`)).headers.etag).toBe(`"8.${seen}-3"`);
    await run(presenceOf(north, 'online', 0));
    expect((await get(`/api/gateways/${north}`)).headers.etag).toBe('"7.0-0"');
  });

  it('says whether a gateway is there, also of a deleted one', async () => {
    expect((await get(`/api/gateways/${north}`)).body.status).toBe('never_seen');
    await run(presenceOf(north, 'online', 0), presenceOf(scrapped, 'offline', 1));
    expect((await get(`/api/gateways/${north}`)).body.status).toBe('online');
    expect((await get(`/api/gateways/${scrapped}?include_deleted=true`)).body.status).toBe('offline');
  });

  it('has the public shape and nothing else', async () => {
    const { body } = await get(`/api/gateways/${south}`);
    expect(GatewayResource.strict().parse(body)).toEqual(body);
  });

  it('is not sent again to who has it as it is', async () => {
    const seen = `"8.${Date.parse('2026-02-01T00:00:00Z')}-0"`;
    const known = await app.inject({ url: `/api/gateways/${south}`, headers: { 'if-none-match': `"1", W/${seen}` } });
    expect([known.statusCode, known.body, known.headers.etag]).toEqual([304, '', seen]);
    const head = { method: 'HEAD', url: `/api/organizations/${acme}`, headers: { 'if-none-match': '"3"' } } as const;
    expect((await app.inject(head)).statusCode).toBe(304);
  });

  it('is sent to who has it as it was, and be it that it was seen since', async () => {
    for (const [path, known] of [
      [`/api/organizations/${acme}`, '"2"'],
      [`/api/gateways/${south}`, '"8"'],
      [`/api/gateways/${south}`, 'anything'],
      ['/api/gateways', '*'],
    ] as const) {
      expect((await get(path, { 'if-none-match': known })).statusCode, path).toBe(200);
    }
    expect((await get(`/api/gateways/${scrapped}`, { 'if-none-match': '*' })).statusCode).toBe(404);
  });

  it('is found whatever the case of its id', async () => {
    expect((await get(`/api/organizations/${acme.toUpperCase()}`)).statusCode).toBe(200);
  });

  it.each([
    [`/api/organizations/${noOne}`, 'ORGANIZATION_NOT_FOUND'],
    [`/api/organizations/${gone}`, 'ORGANIZATION_NOT_FOUND'],
    [`/api/factories/${noOne}`, 'FACTORY_NOT_FOUND'],
    [`/api/gateways/${noOne}`, 'GATEWAY_NOT_FOUND'],
    [`/api/gateways/${scrapped}`, 'GATEWAY_NOT_FOUND'],
  ])('is not found when it is not there or deleted: %s', async (path, code) => {
    const { statusCode, headers, body } = await get(path);
    expect(statusCode).toBe(404);
    expect(body.error).toMatchObject({ code, statusCode: 404 });
    expect(headers.etag).toBeUndefined();
  });

  it.each(['/api/organizations/7', '/api/factories/acme', `/api/gateways/${north}?verbose=1`])(
    'refuses %s',
    async (path) => {
      expect((await get(path)).body.error.code).toBe('VALIDATION_ERROR');
    },
  );
});

describe('a query that is to show a position', () => {
  const each = ['organizations', 'factories', 'gateways'].map((kind) => [`/api/${kind}`] as const);
  const ones = [[`/api/organizations/${acme}`], [`/api/factories/${berlin}`], [`/api/gateways/${north}`]] as const;
  let epoch = 0n;

  // A new epoch: the tables start over.
  beforeEach(() => {
    epoch += 1n;
    show(1_000n);
  });

  it.each([...each, ...ones])('answers at once when the tables show it: %s', async (path) => {
    const { statusCode, headers } = await get(path, { 'x-min-position': '1000' });
    expect(statusCode).toBe(200);
    expect(headers).not.toHaveProperty('preference-applied');
  });

  it.each([...each, ...ones])('waits for the tables, and then answers: %s', async (path) => {
    const answer = get(path, { 'x-min-position': '1001', prefer: 'wait=20' });
    show(1_001n);
    const { statusCode, headers } = await answer;
    expect([statusCode, headers['preference-applied']]).toEqual([200, 'wait=20']);
  });

  it.each([...each, ...ones])('says that the tables are behind, and when to come back: %s', async (path) => {
    const { statusCode, headers, body } = await get(path, { 'x-min-position': '1001', prefer: 'wait=0' });
    expect([statusCode, body.error.code, headers['retry-after']]).toEqual([503, 'PROJECTION_BEHIND', '1']);
  });

  it.each(ones)('does not say of tables that are behind that they are as they were: %s', async (path) => {
    const headers = { 'x-min-position': '1001', prefer: 'wait=0', 'if-none-match': '*' };
    expect((await get(path, headers)).statusCode).toBe(503);
  });

  it('is not content with a checkpoint that stands just before the event', async () => {
    progress.announce({ epoch, position: { commit: 1_001n, prepare: 0n } });
    const { statusCode } = await get('/api/gateways', { 'x-min-position': '1001', prefer: 'wait=0' });
    expect(statusCode).toBe(503);
  });

  it('waits for a second when it does not say for how long', async () => {
    const before = performance.now();
    expect((await get('/api/gateways', { 'x-min-position': String(2n ** 64n - 1n) })).statusCode).toBe(503);
    expect(performance.now() - before).toBeGreaterThan(990);
  });

  it.each(['', '-1', '1.5', '0x10', 'abc', '1,2', String(2n ** 64n), '9'.repeat(1_000)])('refuses %j', async (text) => {
    const { statusCode, body } = await get('/api/gateways', { 'x-min-position': text });
    expect([statusCode, body.error.code]).toEqual([400, 'VALIDATION_ERROR']);
    expect(body.error.details).toEqual([{ path: 'X-Min-Position', message: expect.any(String) }]);
  });

  it('keeps nobody waiting who has gone away', async () => {
    const settled: boolean[] = [];
    const server = await createHttpServer({ logger, corsOrigins: [], isUnavailable });
    const waiting = Promise.withResolvers<void>();
    const ended = Promise.withResolvers<void>();
    const readModelReaches: typeof progress.reached = async (...wait) => {
      waiting.resolve();
      settled.push(await progress.reached(...wait));
      ended.resolve();
      return settled.length < 0;
    };
    queryRoutes(server, { pool, log: givenLog(), readModelReaches });
    const url = new URL(await server.listen({ host: '127.0.0.1', port: 0 }));
    const client = connect(Number(url.port), url.hostname);
    client.write('GET /api/gateways HTTP/1.1\r\nHost: x\r\nX-Min-Position: 9999\r\nPrefer: wait=30\r\n\r\n');
    await waiting.promise;
    client.destroy();
    await ended.promise;
    expect(settled).toEqual([false]);
    await server.close();
  });

  function show(commit: bigint): void {
    progress.announce({ epoch, position: { commit, prepare: commit } });
  }
});

describe('the password of a gateway', () => {
  it('is given encrypted within the process', async () => {
    expect(await findGatewayPassword(pool, GatewayId.parse(north))).toEqual({
      id: north,
      passwordEncrypted: 'secret 1',
    });
  });

  it('is not given of a gateway that is deleted or unknown', async () => {
    expect(await findGatewayPassword(pool, GatewayId.parse(scrapped))).toBeUndefined();
    expect(await findGatewayPassword(pool, GatewayId.parse(noOne))).toBeUndefined();
  });
});

describe('a query while Postgres is away', () => {
  it('is answered with 503 and when to come back', async () => {
    const nowhere = createPool({ databaseUrl: 'postgres://nobody@127.0.0.1:1/nothing', logger });
    const { statusCode, headers, json } = await (await serve(nowhere)).inject('/api/gateways');
    expect(statusCode).toBe(503);
    expect(json().error.code).toBe('SERVICE_UNAVAILABLE');
    expect(headers['retry-after']).toBeDefined();
  });
});

async function serve(from: Pool): Promise<HttpServer> {
  const server = await createHttpServer({ logger, corsOrigins: [], isUnavailable });
  queryRoutes(server, { pool: from, log: givenLog(), readModelReaches: progress.reached });
  return scope.adopt(server, (made) => made.close());
}

async function get(url: string, headersOfRequest: Readonly<Record<string, string>> = {}) {
  const { statusCode, headers, json } = await app.inject({ url, headers: headersOfRequest });
  return { statusCode, headers, body: json() };
}

function namesIn(body: { readonly data: readonly { readonly name: string }[] }): readonly string[] {
  return body.data.map(({ name }) => name);
}

function run(...statements: readonly string[]): Promise<unknown> {
  return withClient(databaseUrl, (client) => client.query(statements.join(';')));
}

function presenceOf(gateway: string, status: 'online' | 'offline', revision: number): string {
  const values = `'${gateway}', '${status}', '2026-02-02Z', '2026-02-01Z', ${revision}`;
  return `INSERT INTO gateway_presence (id, status, since, last_seen_at, stream_revision) VALUES (${values})`;
}

function id(kind: string, number: number): string {
  return `0194${kind}000-0000-7000-8000-${String(number).padStart(12, '0')}`;
}
