import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { createMigratedDatabase } from '../../test/support/database.ts';
import { eventually } from '../../test/support/eventually.ts';
import { advisoryLock, type Breath, type KeptSession } from './advisory-lock.ts';
import { type Connection, connect } from './postgres.ts';

const lock = advisoryLock('a-spec');
const { signal: never } = new AbortController();
const neverBreathing = 2 ** 31 - 1;

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
    await take(first);
    const { taken, standingBy } = stand(await open('second'));
    await standingBy;
    await first[Symbol.asyncDispose]();
    expect(await taken).toBeDefined();
  });

  it('is none of those of another name', async () => {
    await take(await open('first'));
    const { taken } = stand(await open('second'), { of: advisoryLock('another') });
    expect(await taken).toBeDefined();
  });

  it('is waited for no longer than one is told to', async () => {
    await take(await open('first'));
    const stopping = new AbortController();
    const { taken, standingBy } = stand(await open('second'), { signal: stopping.signal });
    await standingBy;
    stopping.abort();
    expect(await taken).toBeUndefined();
  });
});

describe('a session that has the lock', () => {
  it('lives on as long as its process breathes', async () => {
    const connection = await open('awake');
    const asked = vi.spyOn(connection.client, 'query');
    const session = await take(connection, { everyMs: 20, longestSilenceMs: 300 });
    await eventually(() => expect(asked.mock.calls.length).toBeGreaterThan(25));
    expect(session.lost.aborted).toBe(false);
  });

  it('lives on through a transaction that fails', async () => {
    const connection = await open('failing');
    const session = await take(connection, { everyMs: 20, longestSilenceMs: 300 });
    await connection.client.query('BEGIN');
    await expect(connection.client.query('SELECT 1 / 0')).rejects.toThrow('division by zero');
    const asked = vi.spyOn(connection.client, 'query');
    await eventually(() => expect(asked.mock.calls.length).toBeGreaterThan(5));
    await connection.client.query('ROLLBACK');
    expect(session.lost.aborted).toBe(false);
  });

  it('is lost, and with it the lock, when its process falls silent', async () => {
    const session = await take(await open('asleep'), { everyMs: neverBreathing, longestSilenceMs: 50 });
    expect(await stand(await open('other')).taken).toBeDefined();
    await eventually(() => expect(session.lost.aborted).toBe(true));
  });

  it('had waited for it longer than it may be silent', async () => {
    const first = await connect({ databaseUrl, name: 'first' });
    await take(first);
    const { taken, standingBy } = stand(await open('patient'), { breath: { everyMs: 20, longestSilenceMs: 100 } });
    await standingBy;
    await first.client.query('SELECT pg_sleep(0.5)');
    await first[Symbol.asyncDispose]();
    expect((await taken)?.lost.aborted).toBe(false);
  });
});

async function open(name: string): Promise<Connection> {
  return scope.use(await connect({ databaseUrl, name }));
}

async function take(connection: Connection, breath?: Breath): Promise<KeptSession> {
  const session = await stand(connection, breath && { breath }).taken;
  if (session === undefined) throw new Error('there is no lock to be had');
  return session;
}

interface Standing {
  readonly of?: typeof lock;
  readonly signal?: AbortSignal;
  readonly breath?: Breath;
}

/** Asks for the lock; `standingBy` resolves when another session has it. */
function stand(connection: Connection, { of = lock, signal = never, breath }: Standing = {}) {
  const { promise: standingBy, resolve } = Promise.withResolvers<void>();
  const taken = of.take(connection, { databaseUrl, signal, standingBy: resolve, ...(breath && { breath }) });
  return { taken: taken.then((session) => session && scope.use(session)), standingBy };
}
