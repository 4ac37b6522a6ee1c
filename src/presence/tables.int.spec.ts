// What is noted of gateways in the tables, beside whoever else writes them.
import type pg from 'pg';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createMigratedDatabase, withClient } from '../../test/support/database.ts';
import { GatewayId } from '../events/ids.ts';
import { connect } from '../infrastructure/postgres.ts';
import { openPresenceTables, type PresenceTables } from './tables.ts';

const many = 2_500;
const seen = new Date('2026-03-02T09:00:00Z');
const later = new Date('2026-03-02T09:01:00Z');

let scope: AsyncDisposableStack;
let databaseUrl: string;
let tables: PresenceTables;

beforeEach(async () => {
  scope = new AsyncDisposableStack();
  ({ url: databaseUrl } = scope.use(await createMigratedDatabase()));
  const connection = scope.use(await connect({ databaseUrl, name: 'presence-spec', pipeline: true }));
  tables = await openPresenceTables(connection);
  await withClient(databaseUrl, addGateways);
});

afterEach(() => scope.disposeAsync());

describe('what the tables have lost of when gateways were seen', () => {
  it('is brought back of all of them, however many, and of nobody twice', async () => {
    await ask('UPDATE gateways SET last_seen_at = $1 WHERE id = $2', [later, gateway(2)]);
    const before = await ask('SELECT updated_at FROM gateways ORDER BY id');
    await tables.restoreFromPresence();
    expect(await ask('SELECT last_seen_at, count(*)::int FROM gateways GROUP BY 1 ORDER BY 1')).toEqual([
      { last_seen_at: seen, count: many - 1 },
      { last_seen_at: later, count: 1 },
    ]);
    expect(await ask('SELECT updated_at FROM gateways ORDER BY id')).toEqual(before);
  });

  it('is brought back though somebody is writing one of them', async () => {
    await writing(gateway(1), () => tables.restoreFromPresence());
    expect(await ask('SELECT id FROM gateways WHERE last_seen_at IS NULL')).toEqual([{ id: gateway(1) }]);
  });
});

describe('when gateways were seen', () => {
  it('is noted for all but those that somebody is writing, or that were seen later', async () => {
    await ask('UPDATE gateways SET last_seen_at = $1 WHERE id = $2', [later, gateway(2)]);
    const sightings = [1, 2, 3].map((number) => ({ id: gateway(number), at: seen.getTime() }));
    const noted = await writing(gateway(1), () => tables.note(sightings));
    expect(noted).toEqual([{ id: gateway(3), at: seen.getTime() }]);
    const rows = await ask('SELECT last_seen_at FROM gateways ORDER BY id LIMIT 3');
    expect(rows.map(({ last_seen_at }) => last_seen_at)).toEqual([null, later, seen]);
  });
});

/** Does it while somebody else holds the row. */
function writing<T>(id: string, work: () => Promise<T>): Promise<T> {
  return withClient(databaseUrl, async (client) => {
    await client.query('BEGIN');
    await client.query('SELECT FROM gateways WHERE id = $1 FOR UPDATE', [id]);
    return work();
  });
}

function ask(text: string, values: readonly unknown[] = []): Promise<readonly Record<string, unknown>[]> {
  return withClient(databaseUrl, async (client) => (await client.query(text, [...values])).rows);
}

/** Gateways that are all offline, and of which the tables do not say when they were seen. */
async function addGateways(client: pg.Client): Promise<void> {
  await client.query(`
    INSERT INTO organizations (id, name) VALUES ('0194a000-0000-7000-8000-000000000001', 'Acme');
    INSERT INTO factories (id, organization_id, name)
    VALUES ('0194b000-0000-7000-8000-000000000001', '0194a000-0000-7000-8000-000000000001', 'Berlin');
    INSERT INTO gateways (id, factory_id, organization_id, gateway_id, name, url, email, password_encrypted)
    SELECT ('0194c000-0000-7000-8000-' || lpad(to_hex(number), 12, '0'))::uuid, '0194b000-0000-7000-8000-000000000001',
      '0194a000-0000-7000-8000-000000000001', 'GW-' || number, 'North', 'ws://10.0.0.1', 'a@acme.example', ''
    FROM generate_series(1, ${many}) AS number;
    INSERT INTO gateway_presence (id, status, since, last_seen_at)
    SELECT id, 'offline', '${seen.toISOString()}', '${seen.toISOString()}' FROM gateways`);
}

function gateway(number: number): GatewayId {
  return GatewayId.parse(`0194c000-0000-7000-8000-${number.toString(16).padStart(12, '0')}`);
}
