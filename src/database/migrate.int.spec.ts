import { readdir } from 'node:fs/promises';
import pino from 'pino';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { up as addGatewayOrganization } from '../../migrations/1707345600007_add-gateway-organization.ts';
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

describe('the migration that gives gateways their organization', () => {
  it('fills it in for those that are there, and leaves the time of their last event alone', async () => {
    await migrate({ databaseUrl: database.url, logger });
    await withClient(database.url, async (client) => {
      // As it was then: a later migration counts gateways by the column that this one adds.
      await client.query(`
        DROP TRIGGER count_inserted_gateways ON gateways;
        DROP TRIGGER count_updated_gateways ON gateways;
        ALTER TABLE gateways DROP COLUMN organization_id;
        WITH organization AS (INSERT INTO organizations (name) VALUES ('Acme') RETURNING id),
          factory AS (INSERT INTO factories (organization_id, name) SELECT id, 'Berlin' FROM organization RETURNING id)
        INSERT INTO gateways (factory_id, gateway_id, name, url, email, password_encrypted, updated_at)
        SELECT id, 'GW-1', 'Hall', 'ws://gateway', 'gateway@acme.example', '', '2020-01-01Z' FROM factory`);
      await client.query('BEGIN');
      addGatewayOrganization({ sql: (statements: string) => client.query(statements) } as never);
      const { rows } = await client.query(`
        UPDATE organizations SET name = name RETURNING
          id = (SELECT organization_id FROM gateways) AS filled,
          (SELECT updated_at FROM gateways) = '2020-01-01Z' AS kept,
          updated_at = now() AS stamps_again`);
      expect(rows).toEqual([{ filled: true, kept: true, stamps_again: true }]);
    });
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
