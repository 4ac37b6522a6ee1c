// One active instance of what must run once: whoever holds an advisory lock of Postgres. It lives and dies with the
// connection it was taken on, and whoever waits gets it from Postgres, without asking again. Postgres ends the session of
// a process that falls silent: frozen while it holds the lock, or while it waits, to be given it in its sleep.
import pg from 'pg';
import { type Connection, connect } from './postgres.ts';

export interface AdvisoryLock {
  /**
   * Takes the lock, however long that takes, and keeps it for as long as this process is awake.
   *
   * @returns undefined when `signal` has aborted first
   */
  take(connection: Connection, options: TakingOptions): Promise<KeptSession | undefined>;
}

export interface TakingOptions {
  /** What the connection was made to. */
  readonly databaseUrl: string;
  readonly signal: AbortSignal;
  /** Told when another session has the lock. */
  readonly standingBy: () => void;
  readonly breath?: Breath;
}

/** A session that holds the lock; `lost` aborts, with the reason, when it has ended unasked or does not answer. */
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
    async take(connection, { databaseUrl, signal, standingBy, breath = usualBreath }) {
      // Before the wait, which is no silence: who is given the lock while asleep cannot say this any more.
      await connection.client.query(`SET idle_session_timeout = ${breath.longestSilenceMs}`);
      if (!(await isFree(connection))) {
        standingBy();
        if (!(await wait(connection, databaseUrl, signal))) return undefined;
      }
      return breathe(connection, breath);
    },
  };

  async function isFree({ client }: Connection): Promise<boolean> {
    const text = `SELECT pg_try_advisory_lock${which} AS locked`;
    const { rows } = await client.query<{ locked: boolean }>(text, key);
    return rows[0]?.locked === true;
  }

  async function wait(connection: Connection, databaseUrl: string, signal: AbortSignal): Promise<boolean> {
    const { client } = connection;
    const { rows } = await client.query<{ pid: number }>('SELECT pg_backend_pid() AS pid');
    const waiting: pg.QueryConfig & pg.ClientConfig = {
      text: `SELECT pg_advisory_lock${which}`,
      values: key,
      query_timeout: forever,
    };
    const locked = client.query(waiting).then(
      () => true,
      (error: unknown) => {
        if (signal.aborted) return false;
        throw error;
      },
    );
    let cancelled: Promise<void> | undefined;
    const cancel = () => {
      cancelled = cancelBackend(databaseUrl, name, rows[0]?.pid, signal).catch(() => connection[Symbol.asyncDispose]());
    };
    signal.addEventListener('abort', cancel, { once: true });
    if (signal.aborted) cancel();
    try {
      return (await locked) && !signal.aborted;
    } finally {
      signal.removeEventListener('abort', cancel);
      await cancelled;
    }
  }
}

/** Lets Postgres hear of a session again and again. */
function breathe({ client, lost }: Connection, { everyMs }: Breath): KeptSession {
  const silent = new AbortController();
  const timer = setInterval(() => {
    client.query('SELECT').catch((error: unknown) => {
      if (!isAnswer(error)) silent.abort(error);
    });
  }, everyMs);
  return { lost: AbortSignal.any([lost, silent.signal]), [Symbol.dispose]: () => clearInterval(timer) };
}

/** Within a transaction that has failed Postgres refuses whatever is asked; that is of no concern here. */
function isAnswer(error: unknown): boolean {
  return error instanceof pg.DatabaseError && error.code === '25P02';
}

/** @param signal that has aborted: a server that is frozen is not asked for long */
async function cancelBackend(
  databaseUrl: string,
  name: string,
  pid: number | undefined,
  signal: AbortSignal,
): Promise<void> {
  await using connection = await connect({ databaseUrl, name: `registry ${name} (cancel)`, signal });
  await connection.client.query('SELECT pg_cancel_backend($1)', [pid]);
}
