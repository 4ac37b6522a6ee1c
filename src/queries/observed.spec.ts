import { describe, expect, it, vi } from 'vitest';
import { aGateway } from '../../test/support/examples.ts';
import { DatabaseUnavailable, type Pool } from '../infrastructure/postgres.ts';
import { createObserver } from './observed.ts';

const row = { status: 'online', last_seen_at: '2026-03-02T09:10:00.000Z', presence_revision: 4n };

describe('what is observed of a gateway, for the answer to a command', () => {
  it('is what the tables say, with a mark that changes when it does', async () => {
    expect(
      await createObserver(
        answering(async () => row),
        1_000,
      )(aGateway),
    ).toEqual({
      observations: { status: 'online', last_seen_at: row.last_seen_at },
      mark: `${Date.parse(row.last_seen_at)}-4`,
    });
  });

  it('is nothing where the tables do not have the gateway yet', async () => {
    expect(
      await createObserver(
        answering(async () => undefined),
        1_000,
      )(aGateway),
    ).toEqual({
      observations: { status: 'never_seen', last_seen_at: null },
      mark: undefined,
    });
  });

  it('is not known while Postgres is away', async () => {
    const away = answering(() => Promise.reject(new DatabaseUnavailable('away')));
    expect(await createObserver(away, 1_000)(aGateway)).toBeUndefined();
  });

  it('is not waited for any longer than there is patience, and leaves no timer when it comes sooner', async () => {
    vi.useFakeTimers();
    try {
      const frozen = createObserver(
        answering(() => new Promise(() => undefined)),
        1_000,
      )(aGateway);
      await vi.advanceTimersByTimeAsync(1_000);
      expect(await frozen).toBeUndefined();
      await createObserver(
        answering(async () => row),
        1_000,
      )(aGateway);
      expect(vi.getTimerCount()).toBe(0);
    } finally {
      vi.useRealTimers();
    }
  });

  it('is a defect where it cannot be asked for', async () => {
    const broken = answering(() => Promise.reject(new Error('no such table')));
    await expect(createObserver(broken, 1_000)(aGateway)).rejects.toThrow('no such table');
  });
});

function answering(maybeOne: () => Promise<unknown>): Pool {
  const never = () => Promise.reject(new Error('nobody asks for that'));
  return { any: never, maybeOne: maybeOne as Pool['maybeOne'], end: never };
}
