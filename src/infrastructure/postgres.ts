// The way to Postgres: a slonik pool for queries, and single `pg` connections for what needs one session of its own
// (advisory lock, LISTEN, COPY), because slonik resets its connections and closes idle ones.
import { Socket } from 'node:net';
import pg from 'pg';
import type { Logger } from 'pino';
import {
  BackendTerminatedError,
  BackendTerminatedUnexpectedlyError,
  ConnectionError,
  createPool as createSlonikPool,
  type DatabasePool,
  type Interceptor,
  type QuerySqlToken,
  SchemaValidationError,
  StatementTimeoutError,
  sql,
} from 'slonik';
import type { z } from 'zod';
import { endsWithin } from './lifecycle.ts';

export { sql };

export interface PoolOptions {
  readonly databaseUrl: string;
  readonly logger: Logger;
  /** How many connections stay open, and how many there are at most. Default 0 and 10. */
  readonly poolMin?: number;
  readonly poolMax?: number;
  /** How long a query may wait for a connection and its answer together. Default 5 s. */
  readonly timeoutMs?: number;
  /** When it aborts, no query waits any longer. */
  readonly impatience?: AbortSignal;
}

/** What a query function asks Postgres through. Every method throws what `isUnavailable` tells apart. */
export interface Pool {
  /** All rows, parsed by the schema of the query. */
  any<Row>(query: QuerySqlToken<z.ZodType<Row>>): Promise<readonly Row[]>;
  /** The row, or undefined when there is none; more than one is an error. */
  maybeOne<Row>(query: QuerySqlToken<z.ZodType<Row>>): Promise<Row | undefined>;
  /** Waits for the queries that run, then closes every connection; not for long when the server is frozen. */
  end(): Promise<void>;
}

/** Postgres cannot be reached or has not answered in time, or the pool has no connection to spare. */
export class DatabaseUnavailable extends Error {
  override readonly name = 'DatabaseUnavailable';
}

/**
 * Makes a pool. It connects when it is first asked, so that a service can start while its database is away, and
 * again after the database has come back.
 */
export function createPool({
  databaseUrl,
  logger,
  poolMin = 0,
  poolMax = 10,
  timeoutMs = 5_000,
  impatience,
}: PoolOptions): Pool {
  let opening: Promise<DatabasePool> | undefined;
  let ended = false;

  return {
    any: (query) => inTime(async () => (await opened()).any(query)),
    maybeOne: (query) => inTime(async () => (await (await opened()).maybeOne(query)) ?? undefined),
    async end() {
      ended = true;
      const pool = await opening?.catch(() => undefined);
      if (pool) await endsWithin(goodbyeMs, pool.end());
    },
  };

  function opened(): Promise<DatabasePool> {
    if (ended) throw new DatabaseUnavailable('the pool has been closed');
    opening ??= open().catch((cause: unknown) => {
      opening = undefined;
      throw new DatabaseUnavailable('Postgres cannot be reached', { cause });
    });
    return opening;
  }

  async function open(): Promise<DatabasePool> {
    const pool = await createSlonikPool(databaseUrl, {
      minPoolSize: poolMin,
      maxPoolSize: poolMax,
      connectionTimeout: timeoutMs,
      // It retries at once, which helps nobody; whoever asked is told to come back.
      connectionRetryLimit: 1,
      statementTimeout: timeoutMs,
      idleTimeout: 60_000,
      // `DISCARD ALL` is a round trip more for each query, and no query here leaves anything in its session.
      resetConnection: () => Promise.resolve(),
      typeParsers: [
        { name: 'timestamptz', parse: isoTime },
        { name: 'int8', parse: BigInt },
      ],
      interceptors: [resultParser],
    });
    // Whoever sent the query gets the error too, but an emitter throws an 'error' event that nobody hears.
    pool.on('error', (error) => logger.debug({ err: error }, 'a query failed'));
    return pool;
  }

  // Slonik bounds a statement and a connect, but not the wait of a query for one of its connections.
  async function inTime<T>(query: () => Promise<T>): Promise<T> {
    const { promise, reject } = Promise.withResolvers<never>();
    const late = setTimeout(
      () => reject(new DatabaseUnavailable(`no answer from Postgres in ${timeoutMs} ms`)),
      timeoutMs,
    );
    const giveUp = () => reject(new DatabaseUnavailable('the pool is being closed'));
    if (impatience?.aborted) giveUp();
    impatience?.addEventListener('abort', giveUp, { once: true });
    try {
      return await Promise.race([query(), promise]);
    } finally {
      clearTimeout(late);
      impatience?.removeEventListener('abort', giveUp);
    }
  }
}

/**
 * A time as Postgres writes it, in ISO-8601 and milliseconds. In a session in UTC they are the same but for a few
 * characters; to parse a date and write it anew takes ten times as long, and a page of a list has 60 of them.
 */
export function isoTime(text: string): string {
  if (!inUtc.test(text)) return new Date(text).toISOString();
  const milliseconds = text.slice(20, -3).padEnd(3, '0').slice(0, 3);
  return `${text.slice(0, 10)}T${text.slice(11, 19)}.${milliseconds}Z`;
}

const inUtc = /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d{1,6})?\+00$/;

const resultParser: Interceptor = {
  name: 'result-parser',
  transformRow({ resultParser }, query, row) {
    if (resultParser === undefined) return row;
    const result = resultParser['~standard'].validate(row);
    if (result instanceof Promise) throw new TypeError('a row schema must not be asynchronous');
    if (result.issues) throw new SchemaValidationError(query, row, result.issues);
    return result.value as typeof row;
  },
};

export interface ConnectionOptions {
  readonly databaseUrl: string;
  /** What `pg_stat_activity` calls it. */
  readonly name: string;
  /** Sends queries without waiting for the answers to earlier ones. Not for COPY. */
  readonly pipeline?: boolean;
  /** How long a query may take that says nothing else; a connection whose query took longer is of no more use. */
  readonly timeoutMs?: number;
  /** When it aborts the session is to end, and is dropped, whatever it does, when that takes longer than a goodbye may. */
  readonly signal?: AbortSignal;
  /** How long the session may take to end then, in milliseconds; two seconds unless it is given. */
  readonly goodbye?: number;
}

/** How long a server may take to close a connection. */
const goodbyeMs = 2_000;

/** A session of its own; `lost` aborts, with the error as its reason, when the session has ended unasked. */
export interface Connection extends AsyncDisposable {
  readonly client: pg.Client;
  readonly lost: AbortSignal;
}

/**
 * Opens a connection outside of the pool, for a session whose state matters; disposing of it closes it.
 *
 * The client notices within half a minute that its server is gone, and the server within seconds that its client
 * is, so that what the session holds is free for another.
 *
 * @throws what `isUnavailable` tells apart
 */
export async function connect({
  databaseUrl,
  name,
  pipeline = false,
  timeoutMs,
  signal,
  goodbye = goodbyeMs,
}: ConnectionOptions): Promise<Connection> {
  const socket = new Socket();
  dropAfterGoodbye(socket, signal, goodbye);
  const client = new pg.Client({
    connectionString: databaseUrl,
    stream: () => socket,
    application_name: name,
    connectionTimeoutMillis: 5_000,
    keepAlive: true,
    keepAliveInitialDelayMillis: 10_000,
    idle_in_transaction_session_timeout: 5_000,
    pipeline,
    ...(timeoutMs !== undefined && { query_timeout: timeoutMs }),
  });
  const losing = new AbortController();
  client.on('error', (error) => losing.abort(error));
  await client.connect();
  const connection: Connection = {
    client,
    lost: losing.signal,
    [Symbol.asyncDispose]: close,
  };
  try {
    await client.query('SET tcp_keepalives_idle = 2; SET tcp_keepalives_interval = 1; SET tcp_keepalives_count = 2');
    return connection;
  } catch (error) {
    await close();
    throw error;
  }

  // A server that is frozen, or gone without a word, never says goodbye.
  async function close(): Promise<void> {
    const giveUp = setTimeout(() => socket.destroy(), goodbyeMs);
    await client.end();
    clearTimeout(giveUp);
  }
}

function dropAfterGoodbye(socket: Socket, signal: AbortSignal | undefined, goodbye: number): void {
  if (signal === undefined) return;
  let deadline: NodeJS.Timeout | undefined;
  const dropSoon = () => {
    deadline = setTimeout(() => socket.destroy(), goodbye);
  };
  socket.once('close', () => {
    signal.removeEventListener('abort', dropSoon);
    clearTimeout(deadline);
  });
  if (signal.aborted) dropSoon();
  else signal.addEventListener('abort', dropSoon, { once: true });
}

const unavailableClasses = [
  DatabaseUnavailable,
  ConnectionError,
  BackendTerminatedError,
  BackendTerminatedUnexpectedlyError,
  StatementTimeoutError,
];

// SQLSTATE classes 08 (connection) and 53 (resources), 57P01 to 57P05 (shutdown, crash, starting up, dropped, idle),
// 57014 (the statement timeout); and what the operating system says of sockets.
const unavailableCodes =
  /^(08...|53...|57P0.|57014|ECONNREFUSED|ECONNRESET|EPIPE|ETIMEDOUT|EHOSTUNREACH|ENETUNREACH|ENOTFOUND|EAI_AGAIN)$/;

// What pg and slonik say without a code when a connection ends under a query, or has just ended.
const unavailableMessages =
  /^(Connection terminated|timeout expired|Query read timeout|Client (has encountered a connection error|was closed|is (pending destroy|destroyed)|has already been)|Connection pool (has ended|is being))/;

/**
 * Tells whether an error means that Postgres is away, overloaded or going down, so that the same request may
 * succeed a little later; anything else is a bug. It looks at the causes of the error as well.
 */
export function isUnavailable(error: unknown): boolean {
  return causesOf(error).some(meansAway);
}

// Bounded, because a chain of causes may be a circle.
function causesOf(error: unknown, depth = 8): readonly Error[] {
  if (!(error instanceof Error) || depth === 0) return [];
  return [error, ...causesOf(error.cause, depth - 1)];
}

function meansAway(error: Error): boolean {
  if (unavailableClasses.some((unavailable) => error instanceof unavailable)) return true;
  const code = 'code' in error && typeof error.code === 'string' ? error.code : '';
  return unavailableCodes.test(code) || unavailableMessages.test(error.message);
}
