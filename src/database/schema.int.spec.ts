import type pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createMigratedDatabase, withClient } from '../../test/support/database.ts';
import type { TestDatabase } from '../../test/support/servers.ts';

let database: TestDatabase;

beforeAll(async () => {
  database = await createMigratedDatabase();
});

afterAll(() => database?.[Symbol.asyncDispose]());

const ofEachTable = {
  id: 'uuid not null default gen_random_uuid()',
  metadata: `jsonb not null default '{}'::jsonb`,
  created_at: 'timestamp with time zone not null default now()',
  updated_at: 'timestamp with time zone not null default now()',
  deleted_at: 'timestamp with time zone',
  stream_revision: `bigint not null default '-1'::integer`,
};

describe('the table organizations', () => {
  it('has its columns', async () => {
    expect(await columnsOf('organizations')).toEqual({ ...ofEachTable, name: 'character varying(255) not null' });
  });

  it('has its indexes', async () => {
    expect(await indexesOf('organizations')).toEqual({
      organizations_pkey: 'UNIQUE (id)',
      idx_organizations_name: '(name)',
      idx_organizations_deleted_at: '(deleted_at) WHERE (deleted_at IS NULL)',
      idx_organizations_created_at_id: '(created_at, id) WHERE (deleted_at IS NULL)',
      idx_organizations_lower_name_id: '(lower((name)::text), id) WHERE (deleted_at IS NULL)',
      idx_organizations_updated_at_id: '(updated_at, id) WHERE (deleted_at IS NULL)',
      idx_organizations_deleted: '(created_at, id) WHERE (deleted_at IS NOT NULL)',
    });
  });
});

describe('the table factories', () => {
  it('has its columns', async () => {
    expect(await columnsOf('factories')).toEqual({
      ...ofEachTable,
      organization_id: 'uuid not null',
      name: 'character varying(255) not null',
      location: 'character varying(500)',
      timezone: `character varying(100) not null default 'UTC'::character varying`,
    });
  });

  it('has its indexes', async () => {
    expect(await indexesOf('factories')).toEqual({
      factories_pkey: 'UNIQUE (id)',
      idx_factories_organization_id: '(organization_id)',
      idx_factories_name: '(name)',
      idx_factories_deleted_at: '(deleted_at) WHERE (deleted_at IS NULL)',
      idx_factories_created_at_id: '(created_at, id) WHERE (deleted_at IS NULL)',
      idx_factories_organization_id_created_at_id: '(organization_id, created_at, id) WHERE (deleted_at IS NULL)',
      idx_factories_lower_name_id: '(lower((name)::text), id) WHERE (deleted_at IS NULL)',
      idx_factories_updated_at_id: '(updated_at, id) WHERE (deleted_at IS NULL)',
      idx_factories_deleted: '(created_at, id) WHERE (deleted_at IS NOT NULL)',
      idx_factories_timezone_created_at_id: '(timezone, created_at, id) WHERE (deleted_at IS NULL)',
    });
  });

  it('belongs to an organization', async () => {
    expect(await foreignKeysOf('factories')).toEqual({
      factories_organization_id_fkey: 'FOREIGN KEY (organization_id) REFERENCES organizations(id) ON DELETE CASCADE',
    });
  });
});

describe('the table gateways', () => {
  it('has its columns', async () => {
    expect(await columnsOf('gateways')).toEqual({
      ...ofEachTable,
      factory_id: 'uuid not null',
      organization_id: 'uuid not null',
      gateway_id: 'character varying(255) not null',
      name: 'character varying(255) not null',
      url: 'character varying(500) not null',
      email: 'character varying(255) not null',
      password_encrypted: 'text not null',
      model: 'character varying(100)',
      firmware_version: 'character varying(50)',
      last_seen_at: 'timestamp with time zone',
    });
  });

  it('has its indexes, and none on metadata', async () => {
    expect(await indexesOf('gateways')).toEqual({
      gateways_pkey: 'UNIQUE (id)',
      idx_gateways_factory_id: '(factory_id)',
      idx_gateways_gateway_id: 'UNIQUE (gateway_id) WHERE (deleted_at IS NULL)',
      idx_gateways_last_seen_at: '(last_seen_at)',
      idx_gateways_deleted_at: '(deleted_at) WHERE (deleted_at IS NULL)',
      idx_gateways_created_at_id: '(created_at, id) WHERE (deleted_at IS NULL)',
      idx_gateways_factory_id_created_at_id: '(factory_id, created_at, id) WHERE (deleted_at IS NULL)',
      idx_gateways_organization_id_created_at_id: '(organization_id, created_at, id) WHERE (deleted_at IS NULL)',
      idx_gateways_lower_name_id: '(lower((name)::text), id) WHERE (deleted_at IS NULL)',
      idx_gateways_updated_at_id: '(updated_at, id) WHERE (deleted_at IS NULL)',
      idx_gateways_last_seen_id: `(COALESCE(last_seen_at, '-infinity'::timestamp with time zone), id) WHERE (deleted_at IS NULL)`,
      idx_gateways_model_created_at_id: '(model, created_at, id) WHERE (deleted_at IS NULL)',
      idx_gateways_firmware_version_created_at_id: '(firmware_version, created_at, id) WHERE (deleted_at IS NULL)',
      idx_gateways_deleted: '(created_at, id) WHERE (deleted_at IS NOT NULL)',
      idx_gateways_organization_id_lower_name_id:
        '(organization_id, lower((name)::text), id) WHERE (deleted_at IS NULL)',
      idx_gateways_organization_id_updated_at_id: '(organization_id, updated_at, id) WHERE (deleted_at IS NULL)',
      idx_gateways_organization_id_last_seen_id: `(organization_id, COALESCE(last_seen_at, '-infinity'::timestamp with time zone), id) WHERE (deleted_at IS NULL)`,
      idx_gateways_deleted_lower_name_id: '(lower((name)::text), id) WHERE (deleted_at IS NOT NULL)',
      idx_gateways_deleted_updated_at_id: '(updated_at, id) WHERE (deleted_at IS NOT NULL)',
      idx_gateways_deleted_last_seen_id: `(COALESCE(last_seen_at, '-infinity'::timestamp with time zone), id) WHERE (deleted_at IS NOT NULL)`,
      idx_gateways_deleted_factory_id: '(factory_id, created_at, id) WHERE (deleted_at IS NOT NULL)',
      idx_gateways_deleted_organization_id: '(organization_id, created_at, id) WHERE (deleted_at IS NOT NULL)',
      idx_gateways_deleted_gateway_id: '(gateway_id) WHERE (deleted_at IS NOT NULL)',
      idx_gateways_deleted_model: '(model, created_at, id) WHERE (deleted_at IS NOT NULL)',
      idx_gateways_deleted_firmware_version: '(firmware_version, created_at, id) WHERE (deleted_at IS NOT NULL)',
    });
  });

  it('belongs to a factory', async () => {
    expect(await foreignKeysOf('gateways')).toEqual({
      gateways_factory_id_fkey: 'FOREIGN KEY (factory_id) REFERENCES factories(id) ON DELETE CASCADE',
    });
  });
});

describe.each(['organizations', 'factories', 'gateways'])('the trigger on %s', (table) => {
  const then = '2020-01-01T00:00:00.000Z';

  it('stamps the time of an update', () =>
    withRows(async (client) => {
      const { rows } = await client.query(
        `UPDATE ${table} SET updated_at = $1 RETURNING updated_at = now() AS stamped`,
        [then],
      );
      expect(rows).toEqual([{ stamped: true }]);
    }));

  it('keeps the time that the projector sets', () =>
    withRows(async (client) => {
      await client.query(`SET LOCAL registry.writer = 'on'`);
      const { rows } = await client.query<{ updated_at: Date }>(
        `UPDATE ${table} SET updated_at = $1 RETURNING updated_at`,
        [then],
      );
      expect(rows[0]?.updated_at.toISOString()).toBe(then);
    }));

  it('stamps again in the session of a projector whose transaction has ended', () =>
    withRows(async (client) => {
      await client.query(`SAVEPOINT batch; SET LOCAL registry.writer = 'on'; ROLLBACK TO batch`);
      const { rows } = await client.query(
        `UPDATE ${table} SET updated_at = $1 RETURNING updated_at = now() AS stamped`,
        [then],
      );
      expect(rows).toEqual([{ stamped: true }]);
    }));
});

describe('the checkpoint', () => {
  it('is one row, and cannot be two', () =>
    withRows(async (client) => {
      const { rows } = await client.query('SELECT commit_position, prepare_position, epoch FROM projection_checkpoint');
      expect(rows).toEqual([{ commit_position: null, prepare_position: null, epoch: '0' }]);
      await expect(client.query('INSERT INTO projection_checkpoint (singleton) VALUES (false)')).rejects.toThrow(
        /projection_checkpoint_one_row/,
      );
    }));
});

describe('the table of parked events', () => {
  it('has its columns', async () => {
    expect(await columnsOf('projection_parked')).toEqual({
      stream: 'text not null',
      revision: 'bigint not null',
      commit_position: 'numeric(20,0) not null',
      prepare_position: 'numeric(20,0) not null',
      type: 'text not null',
      event: 'text not null',
      sqlstate: 'text',
      error: 'text',
      behind: 'text',
      parked_at: 'timestamp with time zone not null default now()',
      skipped_at: 'timestamp with time zone',
    });
  });

  it('has its indexes', async () => {
    expect(await indexesOf('projection_parked')).toEqual({
      projection_parked_pkey: 'UNIQUE (stream, revision)',
      idx_projection_parked_waiting: '(commit_position, prepare_position) WHERE (skipped_at IS NULL)',
    });
  });
});

describe('the table of totals', () => {
  it('has its columns, and is empty as the tables are', async () => {
    expect(await columnsOf('projection_totals')).toEqual({
      list: 'text not null',
      parent: 'uuid not null',
      live: 'bigint not null',
      deleted: 'bigint not null',
    });
    expect(await withClient(database.url, (client) => client.query('SELECT FROM projection_totals'))).toMatchObject({
      rowCount: 0,
    });
  });
});

/** A session in a transaction that is rolled back, with one row in each table. */
function withRows(use: (client: pg.Client) => Promise<void>): Promise<void> {
  return withClient(database.url, async (client) => {
    await client.query('BEGIN');
    await client.query(`
      WITH organization AS (INSERT INTO organizations (name) VALUES ('Acme') RETURNING id),
        factory AS (INSERT INTO factories (organization_id, name) SELECT id, 'Berlin' FROM organization RETURNING *)
      INSERT INTO gateways (factory_id, organization_id, gateway_id, name, url, email, password_encrypted)
      SELECT id, organization_id, 'GW-1', 'Hall', 'ws://gateway', 'gateway@acme.example', '' FROM factory`);
    await use(client);
    await client.query('ROLLBACK');
  });
}

function columnsOf(table: string): Promise<Record<string, string>> {
  return definitions(`
    SELECT attname AS name, concat(
      format_type(atttypid, atttypmod),
      CASE WHEN attnotnull THEN ' not null' END,
      ' default ' || pg_get_expr(adbin, adrelid)
    ) AS definition
    FROM pg_attribute LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
    WHERE attrelid = '${table}'::regclass AND attnum > 0 AND NOT attisdropped`);
}

function indexesOf(table: string): Promise<Record<string, string>> {
  return definitions(`
    SELECT indexname AS name,
      regexp_replace(indexdef, '^CREATE (UNIQUE )?INDEX .* USING btree ', '\\1') AS definition
    FROM pg_indexes WHERE schemaname = 'public' AND tablename = '${table}'`);
}

function foreignKeysOf(table: string): Promise<Record<string, string>> {
  return definitions(`
    SELECT conname AS name, pg_get_constraintdef(oid) AS definition
    FROM pg_constraint WHERE conrelid = '${table}'::regclass AND contype = 'f'`);
}

function definitions(query: string): Promise<Record<string, string>> {
  return withClient(database.url, async (client) => {
    const { rows } = await client.query<{ name: string; definition: string }>(query);
    return Object.fromEntries(rows.map(({ name, definition }) => [name, definition]));
  });
}
