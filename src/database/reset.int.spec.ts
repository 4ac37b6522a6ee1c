import pino from 'pino';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createMigratedDatabase, withClient } from '../../test/support/database.ts';
import { factoryUpdated, organizationCreated, storedInOrder } from '../../test/support/examples.ts';
import { type GivenLog, givenLog } from '../../test/support/given-log.ts';
import type { TestDatabase } from '../../test/support/servers.ts';
import { databaseNameOf, withDatabase } from './address.ts';
import { type ResetOptions, resetDatabase } from './reset.ts';

let database: TestDatabase;
let name: string;

beforeEach(async () => {
  database = await createMigratedDatabase();
  name = databaseNameOf(database.url);
});

afterEach(async () => {
  await administer(`CREATE DATABASE ${name}`).catch(() => undefined);
  await database[Symbol.asyncDispose]();
});

describe('a reset', () => {
  it('replaces the database by one that shows what the log says', async () => {
    await sql(`INSERT INTO organizations (name) VALUES ('of no event')`);
    const steps = await reset(aLog());
    expect(await sql('SELECT name FROM organizations')).toEqual([{ name: 'Acme' }]);
    expect(await databases()).toEqual([name]);
    expect(steps).toEqual([
      expect.stringMatching(/^Created /),
      expect.stringMatching(/^applied \d+ migrations$/),
      expect.stringMatching(/^Replayed 1 events in /),
      `${name} is the new database now`,
    ]);
  });

  it('makes a database that is missing', async () => {
    await administer(`DROP DATABASE ${name}`);
    await reset(aLog());
    expect(await sql('SELECT name FROM organizations')).toEqual([{ name: 'Acme' }]);
  });

  it('seeds an empty log first, and no other', async () => {
    const empty = givenLog();
    await reset(empty, { seed: async () => empty.add(...storedInOrder(organizationCreated({ name: 'Seeded' }))) });
    expect(await sql('SELECT name FROM organizations')).toEqual([{ name: 'Seeded' }]);
    await reset(empty, { seed: () => Promise.reject(new Error('seeded twice')) });
  });

  it('cuts off who uses the old database', () =>
    withClient(database.url, async (client) => {
      const cut = new Promise((resolve) => client.on('error', resolve));
      await reset(aLog());
      expect(await cut).toMatchObject({ code: '57P01' });
    }));

  it('clears away what an interrupted one has left', async () => {
    await administer(`CREATE DATABASE ${name}_reset_new`);
    await administer(`CREATE DATABASE ${name}_reset_old`);
    await reset(aLog());
    expect(await databases()).toEqual([name]);
  });
});

describe('a reset that fails', () => {
  it('leaves the old database as it was, and nothing beside it', async () => {
    await sql(`INSERT INTO organizations (name) VALUES ('still here')`);
    const orphan = givenLog(...storedInOrder(factoryUpdated()));
    await expect(reset(orphan)).rejects.toThrow(/has no row/);
    expect(await sql('SELECT name FROM organizations')).toEqual([{ name: 'still here' }]);
    expect(await databases()).toEqual([name]);
  });

  it('does so when it is interrupted', async () => {
    await sql(`INSERT INTO organizations (name) VALUES ('still here')`);
    const stopping = new AbortController();
    const seed = async () => stopping.abort();
    await expect(reset(givenLog(), { seed, signal: stopping.signal })).rejects.toThrow(/Interrupted.*as it was/);
    expect(await sql('SELECT name FROM organizations')).toEqual([{ name: 'still here' }]);
    expect(await databases()).toEqual([name]);
  });
});

describe('a reset is refused', () => {
  it('in production, unless the flag names the database; an empty log stays empty then', async () => {
    await expect(reset(aLog(), { environment: 'production' })).rejects.toThrow(`npm run db:reset -- --force=${name}`);
    const seed = () => Promise.reject(new Error('examples in production'));
    await reset(givenLog(), { environment: 'production', force: name, seed });
    expect(await databases()).toEqual([name]);
  });

  it('while another one runs', async () => {
    const { promise: done, resolve: finish } = Promise.withResolvers<void>();
    const { promise: begun, resolve: begin } = Promise.withResolvers<void>();
    const seed = () => {
      begin();
      return done;
    };
    const first = reset(givenLog(), { seed });
    await begun;
    await expect(reset(aLog())).rejects.toThrow(`Another reset of ${name} is running`);
    finish();
    await first;
  });

  it('when the tables were made of another log, unless it is forced', async () => {
    await sql('UPDATE projection_checkpoint SET commit_position = 101, prepare_position = 101');
    await expect(reset(aLog())).rejects.toThrow(/another event store.*EVENTSTORE_URL and DATABASE_URL/);
    await reset(aLog(), { force: name });
    expect(await sql('SELECT name FROM organizations')).toEqual([{ name: 'Acme' }]);
  });

  describe('to a user', () => {
    const password = 'not-a-secret';

    it('who may not create databases', async () => {
      await using role = await createRole();
      await administer(`ALTER DATABASE ${name} OWNER TO ${role.name}`);
      await sql('DROP TABLE projection_checkpoint');
      await expect(reset(aLog(), { databaseUrl: role.url })).rejects.toThrow(/may not create databases.*CREATEDB/);
      expect(await databases()).toEqual([name]);
    });

    it('whose the database is not', async () => {
      await using role = await createRole();
      await expect(reset(aLog(), { databaseUrl: role.url })).rejects.toThrow(/belongs to postgres.*may not replace it/);
    });

    async function createRole() {
      const role = `${name}_user`;
      await administer(`CREATE ROLE ${role} LOGIN PASSWORD '${password}'`);
      const url = new URL(database.url);
      Object.assign(url, { username: role, password });
      return {
        name: role,
        url: url.href,
        [Symbol.asyncDispose]: async () => {
          await administer(`ALTER DATABASE ${name} OWNER TO postgres`);
          await administer(`DROP ROLE ${role}`);
        },
      };
    }
  });
});

/** Resets, and tells what was logged. */
async function reset(eventLog: GivenLog, options: Partial<ResetOptions> = {}): Promise<readonly string[]> {
  const lines: string[] = [];
  await resetDatabase({
    databaseUrl: database.url,
    eventLog,
    seed: async () => undefined,
    environment: 'development',
    force: undefined,
    terminal: { write: () => undefined },
    logger: pino({}, { write: (line) => lines.push(JSON.parse(line).msg) }),
    signal: new AbortController().signal,
    ...options,
  });
  return lines;
}

function aLog(): GivenLog {
  return givenLog(...storedInOrder(organizationCreated()));
}

async function databases(): Promise<readonly unknown[]> {
  const rows = await administer(`SELECT datname FROM pg_database WHERE datname LIKE '${name}%' ORDER BY datname`);
  return rows.map(({ datname }) => datname);
}

function sql(statement: string): Promise<readonly Record<string, unknown>[]> {
  return withClient(database.url, async (client) => (await client.query(statement)).rows);
}

function administer(statement: string): Promise<readonly Record<string, unknown>[]> {
  return withClient(withDatabase(database.url, 'postgres'), async (client) => (await client.query(statement)).rows);
}
