import fc from 'fast-check';
import type pg from 'pg';
import pino from 'pino';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createMigratedDatabase, withClient } from '../../test/support/database.ts';
import { givenLog } from '../../test/support/given-log.ts';
import { createHttpServer, type HttpServer } from '../http/server.ts';
import { createPool, isUnavailable, type Pool } from '../infrastructure/postgres.ts';
import { FactoriesQuery, listFactories } from './factories.ts';
import { GatewaysQuery, listGateways } from './gateways.ts';
import { listOrganizations, OrganizationsQuery } from './organizations.ts';
import { queryRoutes } from './routes.ts';

const logger = pino({ level: 'silent' });
const scope = new AsyncDisposableStack();
let databaseUrl: string;
let app: HttpServer;

beforeAll(async () => {
  databaseUrl = scope.use(await createMigratedDatabase()).url;
  const pool = scope.adopt(createPool({ databaseUrl, logger }), (made) => made.end());
  app = scope.adopt(await createHttpServer({ logger, corsOrigins: [], isUnavailable }), (made) => made.close());
  queryRoutes(app, { readModelReaches: async () => true, pool, log: givenLog() });
});

afterAll(() => scope.disposeAsync());

const acme = id('a', 1);
const other = id('a', 2);
const gone = id('a', 3);
const berlin = id('b', 1);
const tokyo = id('b', 2);
const closed = id('b', 3);

interface Gateway {
  readonly id: string;
  readonly factory_id: string;
  readonly organization_id: string;
  readonly gateway_id: string;
  readonly name: string;
  readonly model: string | null;
  readonly firmware_version: string | null;
  readonly last_seen_at: string | null;
  readonly created_at: string;
  readonly updated_at: string;
  readonly deleted_at: string | null;
}

beforeEach(() =>
  withClient(databaseUrl, (client) =>
    client.query(`
      TRUNCATE organizations, gateway_presence CASCADE;
      INSERT INTO organizations (id, name, created_at, updated_at, deleted_at) VALUES
        ('${acme}', 'Acme', '2026-01-01Z', '2026-01-09Z', NULL),
        ('${other}', 'acorn & Co', '2026-01-02Z', '2026-01-02Z', NULL),
        ('${gone}', 'Gone', '2026-01-03Z', '2026-01-03Z', '2026-01-04T05:06:07.089Z');
      INSERT INTO factories (id, organization_id, name, location, timezone, created_at, updated_at, deleted_at) VALUES
        ('${berlin}', '${acme}', 'Berlin', 'Spandau, Berlin', 'Europe/Berlin', '2026-01-01Z', '2026-01-09Z', NULL),
        ('${tokyo}', '${other}', 'Tōkyō', NULL, 'Asia/Tokyo', '2026-01-02Z', '2026-01-02Z', NULL),
        ('${closed}', '${acme}', 'aachen', 'AACHEN', 'Europe/Berlin', '2026-01-03Z', '2026-01-03Z', '2026-01-04Z')`),
  ),
);

describe('a list', () => {
  beforeEach(async () => {
    await insert([
      gateway(1, { name: 'North', model: 'SG-200', firmware_version: '1.4', last_seen_at: '2026-03-01Z' }),
      gateway(2, { name: 'northern light', model: 'SG-200', firmware_version: '1.5', updated_at: '2026-02-02Z' }),
      gateway(3, { name: 'SOUTH', model: 'sg-200', last_seen_at: '2026-03-02Z', ...inTokyo }),
      gateway(4, { name: 'West', model: null, firmware_version: '1.4', updated_at: '2026-02-04Z', ...inTokyo }),
      gateway(5, { name: 'A wreck', model: 'SG-200', deleted_at: '2026-02-03T04:05:06.789123Z' }),
    ]);
    await withClient(databaseUrl, (client) =>
      client.query(`
        INSERT INTO gateway_presence (id, status, since, last_seen_at, stream_revision) VALUES
          ('${id('c', 1)}', 'online', '2026-03-01Z', '2026-03-01Z', 4),
          ('${id('c', 3)}', 'offline', '2026-03-02Z', '2026-03-02Z', 4),
          ('${id('c', 5)}', 'offline', '2026-02-03Z', '2026-02-03Z', 4)`),
    );
  });

  it.each([
    ['gateways', `factory_id=${berlin}`, ['North', 'northern light']],
    ['gateways', `factory_id=${berlin.toUpperCase()}`, ['North', 'northern light']],
    ['gateways', `organization_id=${other}`, ['SOUTH', 'West']],
    ['gateways', `organization_id=${acme}&factory_id=${tokyo}`, []],
    ['gateways', 'gateway_id=GW-3', ['SOUTH']],
    ['gateways', 'gateway_id=gw-3', []],
    ['gateways', 'model=SG-200', ['North', 'northern light']],
    ['gateways', 'model=SG', []],
    ['gateways', 'firmware_version=1.4', ['North', 'West']],
    ['gateways', 'firmware_version=1.4&model=SG-200', ['North']],
    ['gateways', 'name=NORTH', ['North', 'northern light']],
    ['gateways', 'name=orth&firmware_version=1.5', ['northern light']],
    ['gateways', 'status=online', ['North']],
    ['gateways', 'status=offline', ['SOUTH']],
    ['gateways', 'status=offline&include_deleted=true', ['SOUTH', 'A wreck']],
    ['gateways', 'status=never_seen', ['northern light', 'West']],
    ['gateways', `status=never_seen&organization_id=${acme}`, ['northern light']],
    ['gateways', 'status=online&name=th', ['North']],
    ['gateways', 'name=wreck', []],
    ['gateways', 'name=wreck&include_deleted=true', ['A wreck']],
    ['gateways', `organization_id=${acme}&include_deleted=true`, ['North', 'northern light', 'A wreck']],
    ['gateways', 'include_deleted=false&name=th&limit=2', ['North', 'northern light']],
    ['factories', `organization_id=${acme}`, ['Berlin']],
    ['factories', `organization_id=${acme}&include_deleted=true`, ['Berlin', 'aachen']],
    ['factories', 'name=T%C5%8CKY%C5%8C', ['Tōkyō']],
    ['factories', 'location=spandau', ['Berlin']],
    ['factories', 'timezone=Asia/Tokyo', ['Tōkyō']],
    ['organizations', 'name=AC', ['Acme', 'acorn & Co']],
    ['organizations', 'name=%20%26%20', ['acorn & Co']],
    ['organizations', 'include_deleted=true', ['Acme', 'acorn & Co', 'Gone']],
  ])('of %s can be filtered by %s', async (list, query, names) => {
    const { statusCode, body } = await get(`/api/${list}?${query}`);
    expect(statusCode).toBe(200);
    expect(namesIn(body)).toEqual(names);
    if (!query.includes('limit')) expect(body.pagination.total).toBe(names.length);
  });

  it('of gateways says of each whether it is there', async () => {
    const { body } = await get('/api/gateways?include_deleted=true');
    expect(body.data.map(({ status }: { readonly status: string }) => status)).toEqual([
      'online',
      'never_seen',
      'offline',
      'never_seen',
      'offline',
    ]);
  });

  it.each([
    ['gateways', 'name', ['North', 'northern light', 'SOUTH', 'West']],
    ['gateways', '-name', ['West', 'SOUTH', 'northern light', 'North']],
    ['gateways', 'created_at', ['North', 'northern light', 'SOUTH', 'West']],
    ['gateways', '-created_at', ['West', 'SOUTH', 'northern light', 'North']],
    ['gateways', '-updated_at', ['West', 'northern light', 'SOUTH', 'North']],
    ['gateways', 'last_seen_at', ['northern light', 'West', 'North', 'SOUTH']],
    ['gateways', '-last_seen_at', ['SOUTH', 'North', 'West', 'northern light']],
    ['gateways', 'name&include_deleted=true', ['A wreck', 'North', 'northern light', 'SOUTH', 'West']],
    ['factories', '-name&include_deleted=true', ['Tōkyō', 'Berlin', 'aachen']],
    ['factories', '-updated_at', ['Berlin', 'Tōkyō']],
    ['organizations', 'name&include_deleted=true', ['Acme', 'acorn & Co', 'Gone']],
    ['organizations', 'updated_at', ['acorn & Co', 'Acme']],
  ])('of %s can be sorted by %s', async (list, sort, names) => {
    expect(namesIn((await get(`/api/${list}?sort=${sort}`)).body)).toEqual(names);
  });

  it.each([
    ['gateways?sort=email', 'sort'],
    ['gateways?status=asleep', 'status'],
    ['gateways?status=', 'status'],
    ['gateways?sort=', 'sort'],
    ['factories?sort=last_seen_at', 'sort'],
    ['gateways?sort=name&sort=created_at', 'sort'],
    ['gateways?model=a&model=b', 'model'],
    ['gateways?model=', 'model'],
    ['gateways?name=%00', 'name'],
    ['gateways?include_deleted=yes', 'include_deleted'],
    ['gateways?include_deleted', 'include_deleted'],
    ['gateways?cursor=', 'cursor'],
    ['gateways?cursor=e30', 'cursor'],
    ['organizations?location=x', 'location'],
  ])('refuses %s and names the parameter', async (path, parameter) => {
    expect(await refusalOf(path)).toMatchObject({ statusCode: 400, paths: [parameter] });
  });

  it('says of a parameter that stands twice that it may not', async () => {
    for (const query of ['sort=name&sort=name', `factory_id=${berlin}&factory_id=${berlin}`, 'limit=1&limit=2']) {
      expect((await get(`/api/gateways?${query}`)).body.error.details[0].message).toBe('may be given only once');
    }
  });

  it('shows when something was deleted only to who asks', async () => {
    const [first, last] = (await get('/api/gateways?include_deleted=true&sort=-created_at&limit=2')).body.data;
    expect([first.deleted_at, last.deleted_at]).toEqual(['2026-02-03T04:05:06.789Z', null]);
    for (const list of ['gateways', 'factories', 'organizations']) {
      for (const item of (await get(`/api/${list}`)).body.data) expect(item).not.toHaveProperty('deleted_at');
    }
  });

  it('shows the one that was deleted to who asks', async () => {
    for (const [path, deletedAt, etag] of [
      [`organizations/${gone}`, '2026-01-04T05:06:07.089Z', '"-1"'],
      [`factories/${closed}`, '2026-01-04T00:00:00.000Z', '"-1"'],
      [`gateways/${id('c', 5)}`, '2026-02-03T04:05:06.789Z', '"-1.0-4"'],
    ]) {
      expect((await get(`/api/${path}`)).statusCode).toBe(404);
      expect((await get(`/api/${path}?include_deleted=false`)).statusCode).toBe(404);
      const { statusCode, headers, body } = await get(`/api/${path}?include_deleted=true`);
      expect(statusCode).toBe(200);
      expect(headers.etag).toBe(etag);
      expect(body.deleted_at).toBe(deletedAt);
    }
    expect((await get(`/api/factories/${berlin}?include_deleted=true`)).body.deleted_at).toBeNull();
    expect((await get(`/api/factories/${berlin}`)).body).not.toHaveProperty('deleted_at');
  });
});

describe('what a name contains', () => {
  const alphabet = fc.string({
    unit: fc.constantFrom('%', '_', '\\', 'a', 'B', 'ä', 'Ä', "'", '%%', ' '),
    minLength: 1,
  });

  it('is taken as it stands, whatever the case', async () => {
    const names = fc.sample(alphabet, { numRuns: 60, seed: 1 });
    await insert(names.map((name, number) => gateway(number, { name })));
    await fc.assert(
      fc.asyncProperty(fc.oneof(alphabet, fc.constantFrom('%', '_', '\\', '\\%', '\\\\')), async (text) => {
        const { body } = await get(`/api/gateways?limit=100&name=${encodeURIComponent(text)}`);
        expect(namesIn(body)).toEqual(names.filter((name) => name.toLowerCase().includes(text.toLowerCase())));
      }),
      { numRuns: 100, seed: 2 },
    );
  });
});

describe('pages by cursor', () => {
  const time = fc
    .integer({ min: 0, max: 30 })
    .map((micros) => `2026-01-01T00:00:00.0000${String(micros).padStart(2, '0')}Z`);
  const rows = fc.array(
    fc.record({
      id: fc.uuid(),
      name: fc.string({ unit: fc.constantFrom('a', 'B', 'b', '-', '"'), minLength: 1, maxLength: 3 }),
      model: fc.constantFrom('A', 'B', null),
      last_seen_at: fc.option(time, { freq: 2 }),
      created_at: time,
      updated_at: time,
      deleted_at: fc.option(time, { freq: 5 }),
    }),
    { minLength: 150, maxLength: 200 },
  );
  const sorts = ['name', 'created_at', 'updated_at', 'last_seen_at'] as const;

  it('together are the list, for every order, in both directions', async () => {
    const limits = fc.record({
      rows,
      limit: fc.integer({ min: 20, max: 99 }),
      filter: fc.constantFrom('', '&model=A'),
    });
    await fc.assert(
      fc.asyncProperty(limits, async ({ rows, limit, filter }) => {
        const all = rows.map((row, number) => gateway(number, row));
        await withClient(databaseUrl, (client) => client.query('TRUNCATE gateways'));
        await insert(all);
        for (const key of sorts) {
          for (const includeDeleted of [false, true]) {
            const sorted = all
              .filter((row) => (includeDeleted || row.deleted_at === null) && (filter === '' || row.model === 'A'))
              .sort((a, b) => compare(keyOf(a, key), keyOf(b, key)) || compare(a.id, b.id))
              .map((row) => row.id);
            const query = `limit=${limit}${filter}&include_deleted=${includeDeleted}`;
            expect(await walk(`${query}&sort=${key}`), key).toEqual(sorted);
            expect(await walk(`${query}&sort=-${key}`), `-${key}`).toEqual(sorted.reverse());
          }
        }
      }),
      { numRuns: 6, seed: 3, endOnFailure: true },
    );
  });

  it('of factories and organizations together are the list as well', async () => {
    await withClient(databaseUrl, (client) =>
      client.query(`
        INSERT INTO organizations (name) SELECT 'O ' || i % 7 FROM generate_series(1, 40) AS i;
        INSERT INTO factories (organization_id, name, deleted_at)
        SELECT '${acme}', 'F ' || i % 7, CASE WHEN i % 5 = 0 THEN now() END FROM generate_series(1, 40) AS i`),
    );
    for (const list of ['organizations', 'factories']) {
      for (const query of ['sort=name', 'sort=-created_at&include_deleted=true', 'sort=-updated_at&name=%20']) {
        const { body } = await get(`/api/${list}?limit=100&${query}`);
        expect(body.data.length).toBeGreaterThan(30);
        const ids = body.data.map((item: { id: string }) => item.id);
        expect(await walk(`limit=7&${query}`, list)).toEqual(ids);
      }
    }
  });

  it('say where they are', async () => {
    await insert([1, 2, 3, 4, 5].map((number) => gateway(number)));
    const first = (await get('/api/gateways?limit=2&offset=1')).body.pagination;
    const second = (await get(`/api/gateways?limit=2&cursor=${first.nextCursor}`)).body.pagination;
    expect(first).toMatchObject({ total: 5, offset: 1, hasNext: true, hasPrev: true });
    expect(second).toEqual({ total: 5, limit: 2, offset: 3, hasNext: false, hasPrev: true });
  });

  it('neither skip nor repeat what stays, while others come and go', async () => {
    const staying = Array.from({ length: 60 }, (_, number) => gateway(number * 2, { name: `N${number % 9}` }));
    await insert(staying);
    let number = 0;
    for (const sort of ['name', '-created_at', 'last_seen_at']) {
      const ids = await walk(`limit=7&sort=${sort}`, 'gateways', async (page) => {
        number += 1;
        const passing = [1, 31, 61, 91, 117].map((place) => gateway(place, { gateway_id: `GW-${number}-${place}` }));
        await withClient(databaseUrl, (client) => client.query(`DELETE FROM gateways WHERE gateway_id LIKE 'GW-%-%'`));
        await insert(passing.map((row) => ({ ...row, name: `N${page}` })));
      });
      const stayed = ids.filter((seen) => staying.some((row) => row.id === seen));
      expect(stayed.toSorted(), sort).toEqual(staying.map((row) => row.id).toSorted());
    }
  });

  it('are refused for anything that is no cursor', async () => {
    await fc.assert(
      fc.asyncProperty(fc.oneof(fc.string({ unit: 'binary' }), fc.base64String(), fc.json()), async (text) => {
        const cursor = encodeURIComponent(Buffer.from(text).toString(text.length % 2 === 0 ? 'base64url' : 'utf8'));
        expect(await refusalOf(`gateways?cursor=${cursor}`)).toMatchObject({ statusCode: 400, paths: ['cursor'] });
      }),
      { numRuns: 100 },
    );
  });

  it('are refused with another order or other filters, or with an offset', async () => {
    await insert([1, 2, 3].map((number) => gateway(number, { model: 'A' })));
    const { nextCursor } = (await get('/api/gateways?limit=1&model=A')).body.pagination;
    expect((await get(`/api/gateways?limit=2&model=A&cursor=${nextCursor}`)).statusCode).toBe(200);
    for (const query of ['', 'model=B', 'model=A&sort=name', 'model=A&include_deleted=true', 'model=A&name=A']) {
      const refusal = await refusalOf(`gateways?${query}&cursor=${nextCursor}`);
      expect(refusal, query).toMatchObject({ code: 'VALIDATION_ERROR', paths: ['cursor'] });
    }
    expect((await refusalOf(`factories?cursor=${nextCursor}`)).paths).toEqual(['cursor']);
    expect((await refusalOf(`gateways?model=A&offset=0&cursor=${nextCursor}`)).paths).toEqual(['offset']);
  });
});

describe('items and total', () => {
  it('are asked for in one statement', async () => {
    expect(await statementsOf((pool) => listGateways(pool, GatewaysQuery.parse({ name: 'x' })))).toHaveLength(1);
  });

  it('are of one moment, while others write', async () => {
    await insert([gateway(0)]);
    const done = new AbortController();
    const writing = withClient(databaseUrl, async (client) => {
      while (!done.signal.aborted) {
        await client.query(`DELETE FROM gateways WHERE gateway_id <> 'GW-0'`);
        await insertWith(
          client,
          Array.from({ length: 30 }, (_, number) => gateway(number + 1)),
        );
      }
    });
    try {
      for (let round = 0; round < 60; round += 1) {
        const query = round % 2 === 0 ? 'limit=100' : 'limit=100&include_deleted=true&sort=name';
        const { body } = await get(`/api/gateways?${query}`);
        expect(body.data).toHaveLength(body.pagination.total);
      }
    } finally {
      done.abort();
      await writing;
    }
  });
});

describe('the page of a long list', () => {
  const many = new AsyncDisposableStack();
  let manyUrl: string;

  beforeAll(async () => {
    manyUrl = many.use(await createMigratedDatabase()).url;
    await withClient(manyUrl, (client) =>
      client.query(`
        INSERT INTO organizations (name, created_at, updated_at, deleted_at)
        SELECT 'O ' || hashint4(i), at, at, CASE WHEN i % 50 = 0 THEN at END
        FROM generate_series(1, 2000) AS i, LATERAL (SELECT timestamptz '2026-01-01Z' + i * interval '1s' AS at) AS moment;

        INSERT INTO factories (organization_id, name, created_at, updated_at, deleted_at)
        SELECT id, name, created_at, updated_at, deleted_at FROM organizations;

        INSERT INTO gateways (
          factory_id, organization_id, gateway_id, name, url, email, password_encrypted, model, firmware_version,
          created_at, updated_at, last_seen_at, deleted_at
        )
        SELECT factories.id, organization_id, i || name, name || i, '', '', '', 'M' || i * 200 / 20000, 'F' || i % 100,
          created_at, created_at, CASE WHEN i % 3 = 0 THEN created_at END, CASE WHEN i % 50 = 0 THEN created_at END
        FROM (SELECT *, row_number() OVER () AS number FROM factories) AS factories
        JOIN generate_series(1, 20000) AS i ON i % 40 = number;

        INSERT INTO gateway_presence (id, status, since, last_seen_at)
        SELECT id, CASE WHEN right(gateway_id, 2) = '77' THEN 'offline' ELSE 'online' END, created_at, created_at
        FROM gateways WHERE last_seen_at IS NOT NULL;

        ANALYZE`),
    );
  });

  afterAll(() => many.disposeAsync());

  it.each([
    ['organizations', 'created_at', 'idx_organizations_created_at_id'],
    ['organizations', 'name', 'idx_organizations_lower_name_id'],
    ['organizations', 'updated_at', 'idx_organizations_updated_at_id'],
    ['factories', 'created_at', 'idx_factories_created_at_id'],
    ['factories', 'name', 'idx_factories_lower_name_id'],
    ['factories', 'updated_at', 'idx_factories_updated_at_id'],
    ['gateways', 'created_at', 'idx_gateways_created_at_id'],
    ['gateways', 'name', 'idx_gateways_lower_name_id'],
    ['gateways', 'updated_at', 'idx_gateways_updated_at_id'],
    ['gateways', 'last_seen_at', 'idx_gateways_last_seen_id'],
  ] as const)('of %s by %s reads an index, at any depth and in both directions', async (list, sort, index) => {
    for (const asked of [{ sort }, { sort: `-${sort}` }]) {
      const first = await planOf(list, asked);
      expect(first.page).toEqual([`Index Scan on ${index}`]);
      const deep = await planOf(list, { ...asked, cursor: await cursorAfter(list, asked) });
      expect(deep.page).toEqual(first.page);
      expect(deep.conditions).toMatch(/^\(ROW\(.*\) [<>] ROW\(.*\)\)$/);
    }
  });

  it.each([
    ['factory_id', 'idx_gateways_factory_id_created_at_id'],
    ['organization_id', 'idx_gateways_organization_id_created_at_id'],
    ['model', 'idx_gateways_model_created_at_id'],
    ['firmware_version', 'idx_gateways_firmware_version_created_at_id'],
    ['gateway_id', 'idx_gateways_gateway_id'],
  ])('filtered by %s reads an index', async (column, index) => {
    const [row] = await withClient(
      manyUrl,
      async (client) =>
        (await client.query(`SELECT ${column} AS value FROM gateways WHERE deleted_at IS NULL LIMIT 1`)).rows,
    );
    expect((await planOf('gateways', { [column]: row.value })).page.join()).toContain(index);
  });

  it('of those that are offline, which are few, reads an index of them', async () => {
    expect((await planOf('gateways', { status: 'offline' })).page.join()).toContain('idx_gateway_presence_status');
  });

  it.each(['name', 'updated_at', 'last_seen_at'])('of an organization by %s reads an index', async (sort) => {
    const organization_id = await anOrganization();
    const { page } = await planOf('gateways', { organization_id, sort });
    expect(page.join()).toContain('idx_gateways_organization_id_');
  });

  it('tells its total without counting, of all and of one parent, and counts for other filters', async () => {
    const organization_id = await anOrganization();
    for (const query of [{}, { organization_id }, { include_deleted: 'true' }, { organization_id, sort: 'name' }]) {
      expect(await statementOf('gateways', query)).not.toContain('count(');
    }
    expect(await statementOf('gateways', { model: 'M1' })).toContain('count(');
    expect(await statementOf('gateways', { organization_id, factory_id: id('b', 1) })).toContain('count(');
  });

  it('is as long as its total, whatever the filter', async () => {
    const pool = createPool({ databaseUrl: manyUrl, logger });
    const organization_id = await anOrganization();
    for (const query of [{}, { organization_id }, { model: 'M1' }, { name: '77' }, { organization_id, name: '7' }]) {
      for (const include_deleted of ['false', 'true']) {
        const { total } = (await ask.gateways(pool, { ...query, include_deleted })).pagination;
        const past = await ask.gateways(pool, { ...query, include_deleted, offset: `${total}` });
        expect(past).toMatchObject({ data: [], pagination: { total, hasNext: false } });
        const last = await ask.gateways(pool, { ...query, include_deleted, offset: `${total - 1}` });
        expect(last).toMatchObject({ data: [{}], pagination: { total, hasNext: false } });
      }
    }
    await pool.end();
  });

  it('with the deleted merges them into the others', async () => {
    for (const list of ['organizations', 'factories', 'gateways'] as const) {
      const { page } = await planOf(list, { include_deleted: 'true' });
      expect(page).toEqual([
        'Merge Append',
        `Index Scan on idx_${list}_created_at_id`,
        `Index Scan on idx_${list}_deleted`,
      ]);
    }
  });

  async function anOrganization(): Promise<string> {
    const { rows } = await withClient(manyUrl, (client) =>
      client.query<{ id: string }>('SELECT organization_id AS id FROM gateways WHERE deleted_at IS NULL LIMIT 1'),
    );
    return rows[0]?.id ?? '';
  }

  async function statementOf(list: keyof typeof ask, query: Readonly<Record<string, string>>): Promise<string> {
    const [statement] = await statementsOf((pool) => ask[list](pool, query));
    return statement?.text ?? '';
  }

  /** How the page, and not the total, is read. */
  async function planOf(list: keyof typeof ask, query: Readonly<Record<string, string>>) {
    const [statement] = await statementsOf((pool) => ask[list](pool, query));
    const { rows } = await withClient(manyUrl, (client) =>
      client.query(`EXPLAIN (FORMAT JSON) ${statement?.text}`, [...(statement?.values ?? [])]),
    );
    const nodes = nodesUnder(firstLimit(rows[0]['QUERY PLAN'][0].Plan) ?? {});
    const telling = nodes.filter((node) => !/^(Limit|Subquery Scan|Result)$/.test(String(node['Node Type'])));
    return {
      page: telling.map((node) => [node['Node Type'], node['Index Name']].filter(Boolean).join(' on ')),
      conditions: telling.map((node) => node['Index Cond']).join(),
    };
  }

  async function cursorAfter(list: keyof typeof ask, query: Readonly<Record<string, string>>): Promise<string> {
    const pool = createPool({ databaseUrl: manyUrl, logger });
    try {
      return (await ask[list](pool, { ...query, offset: '1000' })).pagination.nextCursor ?? '';
    } finally {
      await pool.end();
    }
  }
});

const ask = {
  organizations: (pool: Pool, query: object) => listOrganizations(pool, OrganizationsQuery.parse(query)),
  factories: (pool: Pool, query: object) => listFactories(pool, FactoriesQuery.parse(query)),
  gateways: (pool: Pool, query: object) => listGateways(pool, GatewaysQuery.parse(query)),
};

interface Node {
  readonly Plans?: readonly Node[];
  readonly [property: string]: unknown;
}

function firstLimit(node: Node): Node | undefined {
  if (node['Node Type'] === 'Limit') return node;
  for (const child of node.Plans ?? []) {
    const limit = firstLimit(child);
    if (limit !== undefined) return limit;
  }
  return undefined;
}

function nodesUnder(node: Node): readonly Node[] {
  return [node, ...(node.Plans ?? []).flatMap(nodesUnder)];
}

/** What is sent to Postgres, as it is sent. */
async function statementsOf(use: (pool: Pool) => Promise<unknown>) {
  const statements: { readonly text: string; readonly values: readonly unknown[] }[] = [];
  await use({
    any: async (query) => {
      statements.push({ text: query.sql.replaceAll('$slonik_', '$'), values: query.values });
      return [];
    },
    maybeOne: () => Promise.reject(new Error('not asked here')),
    end: () => Promise.resolve(),
  });
  return statements;
}

async function walk(query: string, list = 'gateways', between?: (page: number) => Promise<void>): Promise<string[]> {
  const ids: string[] = [];
  let cursor: string | undefined;
  let page = 0;
  do {
    const { body } = await get(`/api/${list}?${query}${cursor === undefined ? '' : `&cursor=${cursor}`}`);
    expect(body.pagination.offset).toBe(ids.length);
    expect(page, 'a walk that ends').toBeLessThan(50);
    ids.push(...body.data.map((item: { id: string }) => item.id));
    cursor = body.pagination.nextCursor;
    page += 1;
    await between?.(page);
  } while (cursor !== undefined);
  return ids;
}

async function get(path: string) {
  const { statusCode, headers, json } = await app.inject(path);
  return { statusCode, headers, body: json() };
}

async function refusalOf(path: string) {
  const { statusCode, body } = await get(`/api/${path}`);
  const { code, details } = body.error;
  return { statusCode, code, paths: details.map((detail: { path: string }) => detail.path) };
}

function namesIn(body: { readonly data: readonly { readonly name: string }[] }): readonly string[] {
  return body.data.map(({ name }) => name);
}

function keyOf(row: Gateway, key: 'name' | 'created_at' | 'updated_at' | 'last_seen_at'): string {
  return key === 'name' ? row.name.toLowerCase() : (row[key] ?? '');
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

const inTokyo = { factory_id: id('b', 2), organization_id: id('a', 2) };

function gateway(number: number, fields: Partial<Gateway> = {}): Gateway {
  return {
    id: id('c', number),
    factory_id: berlin,
    organization_id: acme,
    gateway_id: `GW-${number}`,
    name: `Gateway ${number}`,
    model: null,
    firmware_version: null,
    last_seen_at: null,
    created_at: `2026-02-01T00:${String(number % 60).padStart(2, '0')}:00Z`,
    updated_at: '2026-02-01T00:00:00Z',
    deleted_at: null,
    ...fields,
  };
}

function insert(rows: readonly Gateway[]): Promise<void> {
  return withClient(databaseUrl, (client) => insertWith(client, rows));
}

async function insertWith(client: pg.Client, rows: readonly Gateway[]): Promise<void> {
  await client.query(
    `INSERT INTO gateways (
      id, factory_id, organization_id, gateway_id, name, url, email, password_encrypted, model, firmware_version,
      last_seen_at, created_at, updated_at, deleted_at
    )
    SELECT id, factory_id, organization_id, gateway_id, name, 'ws://1', '1@acme.example', '', model, firmware_version,
      last_seen_at, created_at, updated_at, deleted_at
    FROM jsonb_populate_recordset(NULL::gateways, $1)`,
    [JSON.stringify(rows)],
  );
}

function id(kind: string, number: number): string {
  return `0194${kind}000-0000-7000-8000-${String(number).padStart(12, '0')}`;
}
