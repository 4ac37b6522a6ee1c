import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createMigratedDatabase } from '../../test/support/database.ts';
import type { TestDatabase } from '../../test/support/servers.ts';
import { type Connection, connect } from '../infrastructure/postgres.ts';
import { advance, Fenced, takeOver } from './checkpoint.ts';

let scope: AsyncDisposableStack;
let database: TestDatabase;

beforeEach(async () => {
  scope = new AsyncDisposableStack();
  database = scope.use(await createMigratedDatabase());
});

afterEach(() => scope.disposeAsync());

describe('the checkpoint', () => {
  it('is at the start of the log in a new database', async () => {
    const { client } = await session();
    expect(await takeOver(client)).toEqual({ epoch: 1n, position: undefined });
  });

  it('moves on from where its owner left it', async () => {
    const { client } = await session();
    const first = await advance(client, await takeOver(client), at(5n));
    const second = await advance(client, first, at(2n ** 64n - 1n));
    expect(second).toEqual({ epoch: 1n, position: at(2n ** 64n - 1n) });
    expect(await takeOver(client)).toEqual({ epoch: 2n, position: at(2n ** 64n - 1n) });
  });

  it('does not move for one whom another has taken over from', async () => {
    const stale = await session();
    const fresh = await session();
    const held = await takeOver(stale.client);
    await takeOver(fresh.client);
    await expect(advance(stale.client, held, at(5n))).rejects.toThrow(Fenced);
  });

  it('does not move from a position that is not the stored one', async () => {
    const { client } = await session();
    const held = await takeOver(client);
    await advance(client, held, at(5n));
    await expect(advance(client, held, at(6n))).rejects.toThrow(Fenced);
  });

  it('holds off another writer until the transaction that moves it has ended', async () => {
    const stale = await session();
    const fresh = await session();
    const held = await takeOver(stale.client);
    await stale.client.query('BEGIN');
    await advance(stale.client, held, at(5n));
    const takenOver = takeOver(fresh.client);
    await stale.client.query('COMMIT');
    expect(await takenOver).toEqual({ epoch: 2n, position: at(5n) });
  });
});

async function session(): Promise<Connection> {
  return scope.use(await connect({ databaseUrl: database.url, name: 'checkpoint spec' }));
}

function at(commit: bigint) {
  return { commit, prepare: commit - 1n };
}
