import { type AddressInfo, createConnection, createServer, type Socket } from 'node:net';
import pino from 'pino';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { startPostgres } from '../../embedded/postgres.ts';
import { withClient } from '../../test/support/database.ts';
import { createDatabase, type TestDatabase } from '../../test/support/servers.ts';
import { temporaryFolder } from '../../test/support/temporary-folder.ts';
import {
  connect,
  createPool,
  DatabaseUnavailable,
  isUnavailable,
  type Pool,
  type PoolOptions,
  sql,
} from './postgres.ts';

const logger = pino({ level: 'silent' });
const One = z.object({ one: z.int() });
const selectOne = sql.type(One)`SELECT 1 AS one`;

let scope: AsyncDisposableStack;
let database: TestDatabase;

beforeEach(async () => {
  scope = new AsyncDisposableStack();
  database = scope.use(await createDatabase());
});

afterEach(() => scope.disposeAsync());

describe('a row', () => {
  it('has times as ISO-8601 in UTC with milliseconds, and bigints', async () => {
    const Row = z.object({ at: z.iso.datetime(), revision: z.bigint(), tags: z.unknown() });
    const rows = await pool().any(sql.type(Row)`
      SELECT '2026-01-02 04:04:05.678+01'::timestamptz AS at, 9223372036854775807 AS revision, '{"a": [1]}'::jsonb AS tags
      UNION ALL SELECT '1999-12-31 23:59:59Z', -1, 'null'`);
    expect(rows).toEqual([
      { at: '2026-01-02T03:04:05.678Z', revision: 9223372036854775807n, tags: { a: [1] } },
      { at: '1999-12-31T23:59:59.000Z', revision: -1n, tags: null },
    ]);
  });

  it('has them whatever the time zone of the database', async () => {
    await withClient(database.url, (client) =>
      client.query(
        `DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET timezone = ''Asia/Kolkata''', current_database()); END $$`,
      ),
    );
    const rows = await pool().any(
      sql.type(z.object({ at: z.string() }))`SELECT '2026-01-02T03:04:05.678Z'::timestamptz AS at`,
    );
    expect(rows).toEqual([{ at: '2026-01-02T03:04:05.678Z' }]);
  });

  it('that has not the shape of its schema is an error, and no sign of a database that is away', async () => {
    const error = await pool()
      .any(sql.type(One)`SELECT 'one' AS one`)
      .catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(Error);
    expect(isUnavailable(error)).toBe(false);
  });

  it('is undefined when there is none', async () => {
    expect(await pool().maybeOne(sql.type(One)`SELECT 1 AS one WHERE false`)).toBeUndefined();
  });
});

describe('a pool', () => {
  it('can be made while its database is away, and works when it comes', async () => {
    const url = new URL(database.url);
    url.pathname = `${url.pathname}_late`;
    const late = pool({ databaseUrl: url.href });
    expect(await failureOf(late)).toBe('unavailable');
    await withClient(database.url, (client) => client.query(`CREATE DATABASE ${url.pathname.slice(1)}`));
    scope.defer(() =>
      withClient(database.url, (client) => client.query(`DROP DATABASE ${url.pathname.slice(1)} WITH (FORCE)`)).then(
        () => undefined,
      ),
    );
    expect(await late.any(selectOne)).toEqual([{ one: 1 }]);
  });

  it('outlives the sessions that the server ends, idle or at work', async () => {
    const cut = pool({ poolMin: 2 });
    await cut.any(selectOne);
    const sleeping = cut.any(sql.type(z.unknown())`SELECT pg_sleep(5)`).catch((error: unknown) => error);
    await expect.poll(() => sessions(`state = 'active'`)).toBe(1);
    await withClient(database.url, (client) =>
      client.query(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE ${othersHere}`),
    );
    expect(isUnavailable(await sleeping)).toBe(true);
    await expect.poll(() => cut.any(selectOne).catch(() => undefined)).toEqual([{ one: 1 }]);
  });

  it('says in time that it is unavailable when no connection is free', async () => {
    const small = pool({ poolMax: 1, timeoutMs: 300 });
    await small.any(selectOne);
    const first = small.any(sql.type(z.unknown())`SELECT pg_sleep(5)`).catch((error: unknown) => error);
    const second = await small.any(selectOne).catch((error: unknown) => error);
    expect(second).toBeInstanceOf(DatabaseUnavailable);
    expect(isUnavailable(await first)).toBe(true);
    await expect.poll(() => small.any(selectOne).catch(() => undefined)).toEqual([{ one: 1 }]);
  });

  it('is unavailable where nobody listens', async () => {
    expect(await failureOf(pool({ databaseUrl: 'postgres://nobody@127.0.0.1:1/nothing' }))).toBe('unavailable');
  });

  it('leaves no session behind when it ends, and answers no more', async () => {
    const ended = pool({ poolMin: 3 });
    await ended.any(selectOne);
    await ended.end();
    await expect.poll(() => sessions('true')).toBe(0);
    expect(await failureOf(ended)).toBe('unavailable');
  });

  it('works again after its server was restarted', async () => {
    const folder = scope.use(await temporaryFolder());
    let server = await startPostgres(folder.path, {}, { durable: false });
    scope.defer(() => server.stop());
    const restarted = pool({ databaseUrl: server.url, poolMin: 2 });
    expect(await restarted.any(selectOne)).toEqual([{ one: 1 }]);
    await server.stop();
    expect(await failureOf(restarted)).toBe('unavailable');
    server = await startPostgres(folder.path, { fixed: Number(new URL(server.url).port) }, { durable: false });
    await expect.poll(() => restarted.any(selectOne).catch(() => undefined)).toEqual([{ one: 1 }]);
  });
});

describe('a connection of its own', () => {
  it('tells when the server has ended it', async () => {
    const connection = scope.use(await connect({ databaseUrl: database.url, name: 'to be cut' }));
    const lost = new Promise((resolve) => {
      connection.lost.addEventListener('abort', () => resolve(connection.lost.reason));
    });
    await withClient(database.url, (client) =>
      client.query(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'to be cut'`),
    );
    expect(isUnavailable(await lost)).toBe(true);
  });

  it('closes although its server says nothing any more', async () => {
    await using proxy = await proxyTo(database.url);
    const connection = await connect({ databaseUrl: proxy.url, name: 'a-spec' });
    proxy.freeze();
    await expect(connection[Symbol.asyncDispose]()).resolves.toBeUndefined();
  });

  it('goes on for as long as was said when it is told to end, and no longer', async () => {
    const ending = new AbortController();
    await using connection = await connect({
      databaseUrl: database.url,
      name: 'test',
      signal: ending.signal,
      goodbye: 500,
    });
    ending.abort();
    expect((await connection.client.query('SELECT pg_sleep(0.1)')).rowCount).toBe(1);
    const begun = performance.now();
    await expect(connection.client.query('SELECT pg_sleep(10)')).rejects.toThrow(/terminated/);
    expect(performance.now() - begun).toBeLessThan(8_000);
  });

  it('does not call it a loss when it is closed', async () => {
    const connection = await connect({ databaseUrl: database.url, name: 'to be closed' });
    await connection[Symbol.asyncDispose]();
    expect(connection.lost.aborted).toBe(false);
  });
});

function pool(options: Partial<PoolOptions> = {}): Pool {
  return scope.adopt(createPool({ databaseUrl: database.url, logger, ...options }), (made) => made.end());
}

async function failureOf(failing: Pool): Promise<unknown> {
  return failing.any(selectOne).then(
    () => 'no failure',
    (error: unknown) => (isUnavailable(error) ? 'unavailable' : error),
  );
}

const othersHere = 'datname = current_database() AND pid <> pg_backend_pid()';

function sessions(condition: string): Promise<number | null> {
  return withClient(
    database.url,
    async (client) =>
      (await client.query(`SELECT FROM pg_stat_activity WHERE ${othersHere} AND ${condition}`)).rowCount,
  );
}

/** Passes on what client and server say to each other, until it is frozen. */
async function proxyTo(databaseUrl: string) {
  const target = new URL(databaseUrl);
  const sockets: Socket[] = [];
  const server = createServer((client) => {
    const upstream = createConnection({ host: target.hostname, port: Number(target.port) });
    client.pipe(upstream).pipe(client);
    for (const socket of [client, upstream]) socket.on('error', () => socket.destroy());
    sockets.push(client, upstream);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = new URL(databaseUrl);
  url.port = String((server.address() as AddressInfo).port);
  return {
    url: url.href,
    freeze: () => {
      for (const socket of sockets) socket.unpipe().pause();
    },
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
