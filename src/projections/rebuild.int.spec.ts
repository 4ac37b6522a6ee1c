import pino from 'pino';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createMigratedDatabase, withClient } from '../../test/support/database.ts';
import {
  factoryCreated,
  gatewayCreated,
  gatewayIdReserved,
  organizationCreated,
  organizationUpdated,
  storedInOrder,
} from '../../test/support/examples.ts';
import { givenLog } from '../../test/support/given-log.ts';
import type { TestDatabase } from '../../test/support/servers.ts';
import { connect } from '../infrastructure/postgres.ts';
import { tryLock } from './checkpoint.ts';
import { type Rebuilt, rebuild } from './rebuild.ts';

const logger = pino({ level: 'silent' });
const { signal: never } = new AbortController();

let database: TestDatabase;

beforeEach(async () => {
  database = await createMigratedDatabase();
});

afterEach(() => database[Symbol.asyncDispose]());

describe('a rebuild', () => {
  it('writes all that the log holds, with the checkpoint, and ends at its live end', async () => {
    const log = givenLog(
      ...storedInOrder(organizationCreated(), factoryCreated(), gatewayIdReserved(), gatewayCreated()),
    );
    expect(await run(log)).toEqual({ events: 3, position: at(400n) });
    expect(await count('gateways')).toBe(1);
    expect(await sql('SELECT commit_position::int AS commit FROM projection_checkpoint')).toEqual([{ commit: 400 }]);
  });

  it('of nothing is done at once', async () => {
    expect(await run(givenLog())).toEqual({ events: 0, position: undefined });
  });

  it('tells how far it is after every commit', async () => {
    const updates = Array.from({ length: 1_200 }, (_, index) => organizationUpdated({ name: `name ${index}` }));
    const told: Rebuilt[] = [];
    const rebuilt = await run(givenLog(...storedInOrder(organizationCreated(), ...updates)), {
      onProgress: (progress) => told.push(progress),
    });
    expect(told.map(({ events }) => events)).toEqual([500, 1_000, 1_201, 1_201]);
    expect(told.at(-1)).toEqual(rebuilt);
  });

  it('fails with what the projector cannot take, instead of trying again', async () => {
    await expect(run(givenLog(...storedInOrder(organizationUpdated())))).rejects.toThrow(/has no row/);
  });

  it('ends when it is told to', async () => {
    const stopping = new AbortController();
    const log = givenLog(...storedInOrder(organizationCreated(), ...Array(1_200).fill(organizationUpdated())));
    const { events } = await run(log, { signal: stopping.signal, onProgress: () => stopping.abort() });
    expect(events).toBe(500);
  });

  it('does not wait for a projector that works on the same database', async () => {
    await using other = await connect({ databaseUrl: database.url, name: 'rebuild spec' });
    await tryLock(other.client);
    await expect(run(givenLog())).rejects.toThrow(/A projector works on the database/);
  });
});

function run(
  eventLog: ReturnType<typeof givenLog>,
  { signal = never, onProgress = (_: Rebuilt): void => undefined } = {},
): Promise<Rebuilt> {
  return rebuild({ databaseUrl: database.url, eventLog, logger, signal, onProgress });
}

function at(commit: bigint) {
  return { commit, prepare: commit };
}

async function count(table: string): Promise<unknown> {
  return (await sql(`SELECT count(*)::int AS count FROM ${table}`))[0]?.count;
}

function sql(statement: string): Promise<readonly Record<string, unknown>[]> {
  return withClient(database.url, async (client) => (await client.query(statement)).rows);
}
