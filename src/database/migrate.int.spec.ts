import { readdir } from 'node:fs/promises';
import pino from 'pino';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { withClient } from '../../test/support/database.ts';
import { createDatabase, type TestDatabase } from '../../test/support/servers.ts';
import { migrate, pendingMigrations, UnknownMigrations } from './migrate.ts';

const logger = pino({ level: 'silent' });

let database: TestDatabase;

beforeEach(async () => {
  database = await createDatabase();
});

afterEach(() => database[Symbol.asyncDispose]());

describe('migrate', () => {
  it('applies everything to an empty database, in order', async () => {
    const pending = await pendingMigrations(database.url);
    expect(pending.slice(0, 3)).toEqual([
      '1707345600001_create-organizations',
      '1707345600002_create-factories',
      '1707345600003_create-gateways',
    ]);
    expect(await migrate({ databaseUrl: database.url, logger })).toEqual(pending);
    expect(await pendingMigrations(database.url)).toEqual([]);
  });

  it('does nothing the second time', async () => {
    await migrate({ databaseUrl: database.url, logger });
    expect(await migrate({ databaseUrl: database.url, logger })).toEqual([]);
  });

  it('lets several start at once: one migrates, the others wait for it', async () => {
    const pending = await pendingMigrations(database.url);
    const applied = await Promise.all([1, 2, 3].map(() => migrate({ databaseUrl: database.url, logger })));
    expect(applied.toSorted((a, b) => a.length - b.length)).toEqual([[], [], pending]);
  });

  it('refuses a database that a newer version has migrated, and names what it does not know', async () => {
    await migrate({ databaseUrl: database.url, logger });
    await withClient(database.url, (client) =>
      client.query(`INSERT INTO pgmigrations (name, run_on) VALUES ('1807345600001_from-the-future', now())`),
    );
    await expect(migrate({ databaseUrl: database.url, logger })).rejects.toThrow(UnknownMigrations);
    await expect(pendingMigrations(database.url)).rejects.toThrow(/1807345600001_from-the-future/);
  });

  it('leaves no session behind', async () => {
    await migrate({ databaseUrl: database.url, logger });
    await expect
      .poll(() =>
        withClient(database.url, async (client) => {
          const { rowCount } = await client.query(
            'SELECT FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()',
          );
          return rowCount;
        }),
      )
      .toBe(0);
  });
});

describe('a migration', () => {
  it('goes forward only', async () => {
    const directory = new URL('../../migrations/', import.meta.url);
    const files = await readdir(directory);
    expect(files.length).toBeGreaterThan(0);
    for (const file of files) {
      const migration: unknown = await import(new URL(file, directory).href);
      expect(Object.keys(migration as object), file).toEqual(['up']);
    }
  });
});
