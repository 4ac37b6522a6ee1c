// The rows that are queried: a registry whose organizations have 10 factories each, and its factories 200 gateways.
// They are the same in every run, so that whoever asks for them can name them without having seen them.
import pino from 'pino';
import { migrate } from '../src/database/migrate.ts';
import { connect } from '../src/infrastructure/postgres.ts';

export const gatewaysPerFactory = 200;
const factoriesPerOrganization = 10;

/** Makes the tables of a database that is there, and fills them. */
export async function fillDatabase(databaseUrl: string, gateways: number): Promise<void> {
  await migrate({ databaseUrl, logger: pino({ level: 'silent' }) });
  const factories = Math.ceil(gateways / gatewaysPerFactory);
  await using connection = await connect({ databaseUrl, name: 'bench' });
  const { client } = connection;
  await client.query(`SET synchronous_commit = off; SET registry.writer = 'on'`);
  await client.query(organizationRows(Math.ceil(factories / factoriesPerOrganization)));
  await client.query(factoryRows(factories));
  await client.query(gatewayRows(gateways, factories));
  // What a table at rest has: statistics, and pages that are known to be visible to everybody.
  await client.query('VACUUM ANALYZE');
  await client.query('CHECKPOINT');
}

/** The id of a gateway, by its number from 1 on. */
export function gatewayId(number: number): string {
  return idOf('c', number);
}

/** Whether the gateway of a number is deleted: one in fifty or so, spread over all factories. */
export function isDeleted(number: number): boolean {
  return number % 51 === 50;
}

function isDeletedIn(number: string): string {
  return `${number} % 51 = 50`;
}

/** The id of a factory, by its number from 1 on. */
export function factoryId(number: number): string {
  return idOf('b', number);
}

function idOf(kind: string, number: number): string {
  return `0194${kind}000-0000-7000-8000-${number.toString(16).padStart(12, '0')}`;
}

function organizationRows(count: number): string {
  return `
    INSERT INTO organizations (id, name, metadata, created_at, updated_at, stream_revision)
    SELECT ${idIn('a', 'i')}, 'Organization ' || i, '{}', ${timeIn('i * 1000')}, ${timeIn('i * 1000')}, 0
    FROM generate_series(1, ${count}) AS i`;
}

function factoryRows(count: number): string {
  return `
    INSERT INTO factories (id, organization_id, name, location, timezone, metadata, created_at, updated_at, stream_revision)
    SELECT ${idIn('b', 'i')}, ${idIn('a', `(i - 1) / ${factoriesPerOrganization} + 1`)}, 'Factory ' || i, 'Hall ' || i % 40,
      'Europe/Berlin', '{}', ${timeIn('i * 100')}, ${timeIn('i * 100')}, 0
    FROM generate_series(1, ${count}) AS i`;
}

// The gateways of a factory were not made in a row.
function gatewayRows(count: number, factories: number): string {
  return `
    INSERT INTO gateways (
      id, factory_id, organization_id, gateway_id, name, url, email, password_encrypted, model, firmware_version, metadata,
      last_seen_at, created_at, updated_at, deleted_at, stream_revision
    )
    SELECT ${idIn('c', 'i')}, ${idIn('b', 'factory')}, ${idIn('a', `(factory - 1) / ${factoriesPerOrganization} + 1`)},
      'GW-' || i, 'Gateway ' || random % 100000 || ' of hall ' || i % 40, 'wss://10.' || i % 250 || '.0.1:8443/sensors',
      'gateway-' || i || '@example.com', repeat(md5(i::text), 4), 'SG-' || i % 7 * 100, '1.' || i % 23 || '.0',
      jsonb_build_object('line', i % 9, 'floor', 'ground', 'installed_by', 'crew ' || i % 30),
      CASE WHEN i % 3 > 0 THEN ${timeIn('random % 100000000')} END, ${timeIn('i')}, ${timeIn('i + random % 5000')},
      CASE WHEN ${isDeletedIn('i')} THEN ${timeIn('i + 5000')} END, 1 + i % 5
    FROM (
      SELECT i, (i - 1) % ${factories} + 1 AS factory, abs(hashint4(i)::bigint) AS random FROM generate_series(1, ${count}) AS i
    ) AS numbered`;
}

function idIn(kind: string, number: string): string {
  return `('0194${kind}000-0000-7000-8000-' || lpad(to_hex(${number}), 12, '0'))::uuid`;
}

function timeIn(seconds: string): string {
  return `timestamptz '2025-01-01Z' + (${seconds}) * interval '1.000001 s'`;
}
