// given(events).when(events).thenRows(rows): what the tables hold after events. Each `when` is applied twice, because an
// event that is seen again must change nothing.
import type pg from 'pg';
import { afterAll, beforeAll, expect } from 'vitest';
import type { RegistryEvent } from '../../src/events/catalogue.ts';
import { decode, type Recorded } from '../../src/events/codec.ts';
import { type Connection, connect } from '../../src/infrastructure/postgres.ts';
import { applyChanges } from '../../src/projections/apply.ts';
import { changesOf } from '../../src/projections/fold.ts';
import { createMigratedDatabase } from './database.ts';
import { storedInOrder } from './examples.ts';
import type { TestDatabase } from './servers.ts';

export type Row = Readonly<Record<string, unknown>>;

interface Specification {
  given(...events: readonly RegistryEvent[]): {
    when(...events: readonly RegistryEvent[]): {
      /** The whole table, in its order; times as ISO strings, revisions as bigint. */
      thenRows(...rows: readonly Row[]): Promise<void>;
      thenFails(message: RegExp): Promise<void>;
    };
  };
}

/**
 * Specifications of one table. A specification leaves nothing in the database for the next one.
 *
 * @param order of the rows; that of creation where it is left out
 */
export function projectionSpecification(table: string, order = 'created_at, id'): Specification {
  let database: TestDatabase;
  let connection: Connection;

  beforeAll(async () => {
    database = await createMigratedDatabase();
    connection = await connect({ databaseUrl: database.url, name: 'projection specification' });
  });

  afterAll(async () => {
    await connection?.[Symbol.asyncDispose]();
    await database?.[Symbol.asyncDispose]();
  });

  return {
    given: (...before) => ({
      when: (...events) => {
        const recorded = storedInOrder(...before, ...events).map((event) => decode(event) as Recorded);
        const past = recorded.slice(0, before.length);
        const now = recorded.slice(before.length);
        const project = async (client: pg.Client) => {
          await apply(client, past);
          await apply(client, now);
          const once = await rowsOf(client, table, order);
          await apply(client, now);
          expect(await rowsOf(client, table, order), 'the same events once more').toEqual(once);
          return once;
        };
        return {
          thenRows: (...rows) =>
            rolledBack(connection.client, async (client) => {
              expect(await project(client)).toEqual(rows);
            }),
          thenFails: (message) =>
            rolledBack(connection.client, (client) => expect(project(client)).rejects.toThrow(message)),
        };
      },
    }),
  };
}

async function apply(client: pg.Client, events: readonly Recorded[]): Promise<void> {
  for (const changes of changesOf(events)) await applyChanges(client, changes);
}

async function rowsOf(client: pg.Client, table: string, order: string): Promise<readonly Row[]> {
  const { rows } = await client.query<Row>(`SELECT * FROM ${table} ORDER BY ${order}`);
  return rows.map((row) => ({
    ...Object.fromEntries(
      Object.entries(row).map(([column, value]) => [column, value instanceof Date ? value.toISOString() : value]),
    ),
    stream_revision: BigInt(String(row.stream_revision)),
  }));
}

async function rolledBack(client: pg.Client, use: (client: pg.Client) => Promise<void>): Promise<void> {
  await client.query(`BEGIN; SET LOCAL registry.writer = 'on'`);
  try {
    await use(client);
  } finally {
    await client.query('ROLLBACK');
  }
}
