import { describe, expect, it } from 'vitest';
import { createMigratedDatabase, withClient } from '../../test/support/database.ts';
import { organizationCreated, organizationUpdated, storedInOrder } from '../../test/support/examples.ts';
import { givenLog } from '../../test/support/given-log.ts';
import { createDatabase } from '../../test/support/servers.ts';
import { EventLogUnavailable } from '../events/event-log.ts';
import { advisoryLock } from '../infrastructure/advisory-lock.ts';
import { connect } from '../infrastructure/postgres.ts';
import { complaintOf, readStatus } from './status.ts';

const log = givenLog(...storedInOrder(organizationCreated(), organizationUpdated(), organizationUpdated()));

describe('the status of a database', () => {
  it('tells rows, checkpoint and what is missing', async () => {
    await using database = await createMigratedDatabase();
    await withClient(database.url, async (client) => {
      await client.query(`INSERT INTO organizations (name, deleted_at) VALUES ('one', NULL), ('two', now())`);
      await client.query('UPDATE projection_checkpoint SET commit_position = 100, prepare_position = 100');
    });
    const { database: found, lag, eventStore } = await statusOf(database.url);
    expect(found.migrations).toMatchObject({ pending: [], unknown: [] });
    expect(found.tables).toEqual({
      checkpoint: { commit: 100n, prepare: 100n },
      projecting: false,
      rows: [
        { table: 'organizations', active: 1, deleted: 1 },
        { table: 'factories', active: 0, deleted: 0 },
        { table: 'gateways', active: 0, deleted: 0 },
      ],
    });
    expect(lag).toMatchObject({ events: 2, atLeast: false });
    expect(eventStore.head?.commit).toBe(300n);
  });

  it('tells whether a projector works on it', async () => {
    await using database = await createMigratedDatabase();
    await using projector = await connect({ databaseUrl: database.url, name: 'registry projector' });
    using _session = await advisoryLock('projector').take(projector, {
      databaseUrl: database.url,
      signal: new AbortController().signal,
      standingBy: () => expect.fail('nobody else has the lock'),
    });
    expect((await statusOf(database.url)).database.tables?.projecting).toBe(true);
  });

  it('tells what is pending when it is empty', async () => {
    await using database = await createDatabase();
    const { database: found, lag } = await statusOf(database.url);
    expect(found.migrations?.applied).toEqual([]);
    expect(found.migrations?.pending.length).toBeGreaterThan(0);
    expect(found.tables).toBeUndefined();
    expect(lag).toBeUndefined();
  });

  it('tells that it does not exist', async () => {
    const database = await createDatabase();
    await database[Symbol.asyncDispose]();
    const status = await statusOf(database.url);
    expect(status.database.away).toBe('does not exist');
    expect(complaintOf(status)).toContain('npm run db:reset');
  });

  it('tells what cannot be reached, and never a password', async () => {
    const gone = () => Promise.reject(new EventLogUnavailable('gone'));
    const status = await readStatus({
      databaseUrl: 'postgres://me:hunter2@127.0.0.1:1/mti_wifi',
      eventStoreUrl: 'esdb://admin:hunter2@127.0.0.1:1?tls=false',
      eventLog: { ...log, head: gone },
    });
    expect(status).toEqual({
      database: { address: 'postgres://me@127.0.0.1:1/mti_wifi', away: 'cannot be reached' },
      eventStore: { address: 'esdb://admin@127.0.0.1:1', away: 'cannot be reached' },
    });
  });
});

function statusOf(databaseUrl: string) {
  return readStatus({ databaseUrl, eventStoreUrl: 'esdb://store', eventLog: log });
}
