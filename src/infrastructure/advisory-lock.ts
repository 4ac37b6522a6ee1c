// One active instance of what must run once: whoever holds an advisory lock of Postgres. It lives and dies with the
// connection it was taken on, and whoever waits gets it from Postgres, without asking again.
import type pg from 'pg';
import { type Connection, connect } from './postgres.ts';

export interface AdvisoryLock {
  /** Takes the lock if nobody has it, without waiting. */
  try(client: pg.Client): Promise<boolean>;
  /**
   * Waits for the lock, for as long as it takes.
   *
   * @returns false when `signal` has aborted first
   */
  wait(connection: Connection, databaseUrl: string, signal: AbortSignal): Promise<boolean>;
}

/** A session that is kept; `lost` aborts, with the reason, when it has ended unasked or does not answer. */
export interface KeptSession extends Disposable {
  readonly lost: AbortSignal;
}

export interface Breath {
  /** How often Postgres hears of the session, in milliseconds. */
  readonly everyMs: number;
  /** After so long a silence Postgres ends it: whoever holds a lock on it sleeps or is gone. */
  readonly longestSilenceMs: number;
}

const usualBreath: Breath = { everyMs: 2_000, longestSilenceMs: 10_000 };

// The longest that a timer can take, in milliseconds: almost 25 days. Then the loop starts anew.
const forever = 2 ** 31 - 1;

/** The lock of a name. It belongs to the database that a connection is made to. */
export function advisoryLock(name: string): AdvisoryLock {
  const key = [name];
  const which = `(hashtext('gateway-registry'), hashtext($1))`;

  return {
    async try(client) {
      const text = `SELECT pg_try_advisory_lock${which} AS locked`;
      const { rows } = await client.query<{ locked: boolean }>(text, key);
      return rows[0]?.locked === true;
    },
    async wait(connection, databaseUrl, signal) {
      const { client, lost } = connection;
      const { rows } = await client.query<{ pid: number }>('SELECT pg_backend_pid() AS pid');
      const waiting: pg.QueryConfig & pg.ClientConfig = {
        text: `SELECT pg_advisory_lock${which}`,
        values: key,
        query_timeout: forever,
      };
      const locked = client.query(waiting).then(
        () => true,
        (error: unknown) => {
          if (signal.aborted && !lost.aborted) return false;
          throw error;
        },
      );
      let cancelled: Promise<void> | undefined;
      const cancel = () => {
        cancelled = cancelBackend(databaseUrl, name, rows[0]?.pid).catch(() => connection[Symbol.asyncDispose]());
      };
      signal.addEventListener('abort', cancel, { once: true });
      if (signal.aborted) cancel();
      try {
        return (await locked) && !signal.aborted;
      } finally {
        signal.removeEventListener('abort', cancel);
        await cancelled;
      }
    },
  };
}

/**
 * Keeps a session that does nothing but hold a lock, for as long as this process is awake. A process that is frozen loses it, and
 * with it the lock.
 */
export async function keepAwake(
  { client, lost }: Connection,
  { everyMs, longestSilenceMs } = usualBreath,
): Promise<KeptSession> {
  await client.query(`SET idle_session_timeout = ${longestSilenceMs}`);
  const silent = new AbortController();
  const timer = setInterval(() => {
    client.query('SELECT').catch((error: unknown) => silent.abort(error));
  }, everyMs);
  return { lost: AbortSignal.any([lost, silent.signal]), [Symbol.dispose]: () => clearInterval(timer) };
}

async function cancelBackend(databaseUrl: string, name: string, pid: number | undefined): Promise<void> {
  await using connection = await connect({ databaseUrl, name: `registry ${name} (cancel)` });
  await connection.client.query('SELECT pg_cancel_backend($1)', [pid]);
}
