import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { createMigratedDatabase } from '../../test/support/database.ts';
import { advisoryLock, keepAwake } from './advisory-lock.ts';
import { connect } from './postgres.ts';

const lock = advisoryLock('a-spec');
const { signal: never } = new AbortController();

let scope: AsyncDisposableStack;
let databaseUrl: string;

beforeEach(async () => {
  scope = new AsyncDisposableStack();
  databaseUrl = scope.use(await createMigratedDatabase()).url;
});

afterEach(() => scope.disposeAsync());

describe('a lock', () => {
  it('is had by one connection, and by the next one when that has ended', async () => {
    const first = await connect({ databaseUrl, name: 'first' });
    const second = scope.use(await connect({ databaseUrl, name: 'second' }));
    expect(await lock.try(first.client)).toBe(true);
    expect(await lock.try(second.client)).toBe(false);
    const had = lock.wait(second, databaseUrl, never);
    await first[Symbol.asyncDispose]();
    expect(await had).toBe(true);
  });

  it('is none of those of another name', async () => {
    const first = scope.use(await connect({ databaseUrl, name: 'first' }));
    const second = scope.use(await connect({ databaseUrl, name: 'second' }));
    expect(await lock.try(first.client)).toBe(true);
    expect(await advisoryLock('another').try(second.client)).toBe(true);
  });

  it('is waited for no longer than one is told to', async () => {
    const first = scope.use(await connect({ databaseUrl, name: 'first' }));
    const second = scope.use(await connect({ databaseUrl, name: 'second' }));
    await lock.try(first.client);
    const stopping = new AbortController();
    const had = lock.wait(second, databaseUrl, stopping.signal);
    stopping.abort();
    expect(await had).toBe(false);
  });
});

describe('a session that is kept awake', () => {
  it('lives on as long as its process breathes', async () => {
    const connection = scope.use(await connect({ databaseUrl, name: 'awake' }));
    const asked = vi.spyOn(connection.client, 'query');
    using session = await keepAwake(connection, { everyMs: 20, longestSilenceMs: 300 });
    await vi.waitFor(() => expect(asked.mock.calls.length).toBeGreaterThan(25), 5_000);
    expect(session.lost.aborted).toBe(false);
  });

  it('is lost, and with it the lock, when its process falls silent', async () => {
    const connection = scope.use(await connect({ databaseUrl, name: 'asleep' }));
    await lock.try(connection.client);
    using session = await keepAwake(connection, { everyMs: 2 ** 31 - 1, longestSilenceMs: 50 });
    const other = scope.use(await connect({ databaseUrl, name: 'other' }));
    expect(await lock.wait(other, databaseUrl, never)).toBe(true);
    await vi.waitFor(() => expect(session.lost.aborted).toBe(true), 5_000);
  });
});
