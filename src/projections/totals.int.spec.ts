import fc from 'fast-check';
import pino from 'pino';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createMigratedDatabase, withClient } from '../../test/support/database.ts';
import {
  factoryCreated,
  factorySoftDeleted,
  gatewayCreated,
  organizationCreated,
  storedInOrder,
} from '../../test/support/examples.ts';
import { givenLog } from '../../test/support/given-log.ts';
import type { TestDatabase } from '../../test/support/servers.ts';
import { type RebuildOptions, rebuild, rollback } from './rebuild.ts';

let database: TestDatabase;

beforeEach(async () => {
  database = await createMigratedDatabase();
});

afterEach(() => database?.[Symbol.asyncDispose]());

const organizations = [1, 2].map((number) => id('a', number));
const factories = [1, 2, 3].map((number) => id('b', number));

const parents = `
  INSERT INTO organizations (id, name) SELECT id, '' FROM unnest('{${organizations}}'::uuid[]) AS id
    ON CONFLICT DO NOTHING;
  INSERT INTO factories (id, organization_id, name, stream_revision)
    SELECT id, '${organizations[0]}', '', number FROM unnest('{${factories}}'::uuid[]) WITH ORDINALITY AS made (id, number)
    ON CONFLICT DO NOTHING`;

describe('the totals', () => {
  it('are what a count would tell, after any changes', { timeout: 60_000 }, async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(change, { minLength: 1, maxLength: 20 }), async (changes) => {
        await someParents();
        for (const statement of changes) await sql(statement);
        expect(await totals()).toEqual(await counts());
      }),
      { numRuns: 25 },
    );
  });

  it('are what they were when a transaction is rolled back', async () => {
    await someParents();
    const before = await totals();
    await sql(`BEGIN; ${inserting(5, factories[0])}; UPDATE gateways SET deleted_at = now(); ROLLBACK`);
    expect(await totals()).toEqual(before);
  });

  it('are right when several write at once, and none of them fails', { timeout: 60_000 }, async () => {
    await someParents();
    await Promise.all(
      [0, 1, 2].map((writer) =>
        withClient(database.url, async (client) => {
          for (let round = 0; round < 40; round++) {
            const mine = `gateway_id LIKE 'GW-${writer}-%'`;
            await client.query(inserting(3, factories[(writer + round) % 3], `${writer}-${round}`));
            await client.query(`UPDATE gateways SET deleted_at = now() WHERE ${mine} AND random() < 0.3`);
            await client.query(`UPDATE gateways SET factory_id = '${factories[round % 3]}' WHERE ${mine}`);
            await client.query(`DELETE FROM gateways WHERE ${mine} AND random() < 0.5`);
          }
        }),
      ),
    );
    expect(await totals()).toEqual(await counts());
  });

  it('are left alone by what moves no row', async () => {
    await someParents();
    await sql(inserting(3, factories[0]));
    const versions = () => sql('SELECT list, parent, xmin FROM projection_totals ORDER BY list, parent');
    const before = await versions();
    await sql(`UPDATE gateways SET last_seen_at = now(), name = 'another'`);
    expect(await versions()).toEqual(before);
  });

  it('are kept for who may change rows and not totals', async () => {
    await someParents();
    await sql(`
      CREATE ROLE totals_editor; GRANT SELECT, INSERT, UPDATE ON gateways, factories TO totals_editor;
      SET ROLE totals_editor; ${inserting(3, factories[0])}`);
    expect(await totals()).toEqual(await counts());
    await sql('DROP OWNED BY totals_editor; DROP ROLE totals_editor');
  });

  it('are those of the rows after a rebuild, and after a roll-back to tables that went on', async () => {
    const { signal } = new AbortController();
    const log = givenLog(...storedInOrder(organizationCreated(), factoryCreated(), gatewayCreated()));
    const options: RebuildOptions = {
      databaseUrl: database.url,
      eventLog: log,
      logger: pino({ level: 'silent' }),
      signal,
      onProgress: () => undefined,
    };
    await rebuild(options);
    expect(await totals()).toEqual(await counts());
    expect(await totals()).toHaveLength(6);
    await rebuild(options);
    log.add(...storedInOrder(organizationCreated(), factoryCreated(), gatewayCreated(), factorySoftDeleted()).slice(3));
    await rollback(options);
    expect(await totals()).toEqual(await counts());
    expect(await totals()).toContainEqual(expect.objectContaining({ list: 'factories', live: '0', deleted: '1' }));
  });
});

const some = fc.integer({ min: 0, max: 4 }).map((remainder) => `stream_revision % 5 = ${remainder}`);

const change = fc.oneof(
  fc.tuple(fc.integer({ min: 0, max: 5 }), fc.constantFrom(...factories)).map(([count, at]) => inserting(count, at)),
  fc.tuple(fc.constantFrom('factories', 'gateways'), some).map(([table, which]) => deleting(table, which, 'now()')),
  fc.tuple(fc.constantFrom('factories', 'gateways'), some).map(([table, which]) => deleting(table, which, 'NULL')),
  fc
    .tuple(fc.constantFrom(...factories), fc.constantFrom(...organizations), some)
    .map(([to, of, which]) => `UPDATE gateways SET factory_id = '${to}', organization_id = '${of}' WHERE ${which}`),
  some.map((which) => `DELETE FROM gateways WHERE ${which}`),
  some.map((which) => `DELETE FROM factories WHERE ${which}; ${parents}`),
  some.map((which) => `UPDATE gateways SET last_seen_at = now() WHERE ${which}`),
  fc.constantFrom('TRUNCATE gateways', `TRUNCATE organizations CASCADE; ${parents}`),
);

function deleting(table: string, which: string, at: string): string {
  return `UPDATE ${table} SET deleted_at = ${at} WHERE ${which}`;
}

function inserting(count: number, factory = '', mark = 'x'): string {
  return `INSERT INTO gateways (
      factory_id, organization_id, gateway_id, name, url, email, password_encrypted, stream_revision, deleted_at
    )
    SELECT id, organization_id, concat('GW-${mark}-', gen_random_uuid()), '', '', '', '', number,
      CASE WHEN number % 3 = 0 THEN now() END
    FROM factories, generate_series(1, ${count}) AS number WHERE id = '${factory}'`;
}

async function someParents(): Promise<void> {
  await sql(`TRUNCATE organizations CASCADE; ${parents}`);
}

function totals() {
  return sql('SELECT * FROM projection_totals ORDER BY list, parent');
}

function counts() {
  const zeros = `'00000000-0000-0000-0000-000000000000'::uuid`;
  const of = (list: string, table: string, parent: string) =>
    `SELECT '${list}' AS list, ${parent} AS parent, count(*) FILTER (WHERE deleted_at IS NULL) AS live,
      count(deleted_at) AS deleted FROM ${table} GROUP BY 2`;
  return sql(`
    ${of('organizations', 'organizations', zeros)} UNION ALL ${of('factories', 'factories', zeros)} UNION ALL
    ${of('gateways', 'gateways', zeros)} UNION ALL
    ${of('factories.organization_id', 'factories', 'organization_id')} UNION ALL
    ${of('gateways.organization_id', 'gateways', 'organization_id')} UNION ALL
    ${of('gateways.factory_id', 'gateways', 'factory_id')} ORDER BY list, parent`);
}

function sql(statement: string): Promise<readonly Record<string, unknown>[]> {
  return withClient(database.url, async (client) => (await client.query(statement)).rows);
}

function id(kind: string, number: number): string {
  return `0194${kind}000-0000-7000-8000-${String(number).padStart(12, '0')}`;
}
