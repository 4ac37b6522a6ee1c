import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { eventually } from '../../test/support/eventually.ts';
import { createDatabase, type TestDatabase } from '../../test/support/servers.ts';
import { whileActive } from './active-instance.ts';
import { isUnavailable } from './postgres.ts';

let database: TestDatabase;
let lines: string[];

beforeEach(async () => {
  lines = [];
  database = await createDatabase();
});

afterEach(() => database[Symbol.asyncDispose]());

describe('of several instances', () => {
  it('one works, on the session that holds the lock, until it is told to stop; then the next one does', async () => {
    const first = await instance();
    await first.works();
    const second = await instance();
    await second.standsBy();
    expect([first.alive, second.alive].map(({ mock }) => mock.calls.length)).toEqual([0, 1]);
    await first.stop();
    await second.works();
    await second.stop();
  });

  it('one that has failed as the active one is not well only because it stands by', async () => {
    const first = await instance();
    await first.works();
    const second = await instance({ hasFailed: true });
    await second.standsBy();
    expect(second.alive).not.toHaveBeenCalled();
    await second.stop();
    await first.stop();
  });

  it('one that has failed as the active one is well as a standby when another one has been active for a while', async () => {
    const first = await instance();
    await first.works();
    const second = await instance({ hasFailed: true, provenMs: 20 });
    await second.standsBy();
    await eventually(() => expect(second.alive).toHaveBeenCalled());
    await second.stop();
    await first.stop();
  });

  it('one ends with what its work throws, and leaves its place', async () => {
    const failing = await instance({ work: () => Promise.reject(new Error('no more')) });
    await expect(failing.ended).rejects.toThrow('no more');
    const next = await instance();
    await next.works();
    await next.stop();
  });

  it('none works where Postgres is away', async () => {
    const nowhere = 'postgres://postgres@127.0.0.1:1/nowhere';
    const ended = whileActive({ ...options(nowhere), hasFailed: false }, async () => undefined);
    await expect(ended).rejects.toSatisfy(isUnavailable);
  });
});

function options(databaseUrl: string) {
  const logger = pino({}, { write: (line) => lines.push(JSON.parse(line).msg) });
  return { name: 'example', databaseUrl, logger, signal: new AbortController().signal, alive: vi.fn() };
}

interface Given {
  readonly hasFailed?: boolean;
  readonly provenMs?: number;
  readonly work?: () => Promise<void>;
}

async function instance({ hasFailed = false, work, ...more }: Given = {}) {
  const stopping = new AbortController();
  const { signal } = stopping;
  const working = vi.fn();
  const given = { ...options(database.url), ...more, signal, hasFailed };
  const stood = lines.length;
  const ended = whileActive(given, async ({ client }, lost) => {
    working((await client.query('SELECT 1 AS one')).rows);
    if (work !== undefined) return work();
    const ending = AbortSignal.any([signal, lost]);
    await new Promise<void>((resolve) => ending.addEventListener('abort', () => resolve(), { once: true }));
  });
  // Whoever waits for it hears of it; until then nobody does.
  ended.catch(() => undefined);
  return {
    alive: given.alive,
    ended,
    works: () => eventually(() => expect(working).toHaveBeenCalledWith([{ one: 1 }])),
    standsBy: () => eventually(() => expect(lines.slice(stood)).toContain('another example is active; standing by')),
    stop: () => {
      stopping.abort();
      return ended;
    },
  };
}
