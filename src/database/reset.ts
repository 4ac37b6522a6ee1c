// A new database in place of the old one, filled from the log. It is built beside the old one and takes its name when it
// is complete, so that a reset that fails half way leaves everything as it was, and queries are answered meanwhile.
import pg from 'pg';
import type { Logger } from 'pino';
import type { EventLog, Position } from '../events/event-log.ts';
import { pauseFor } from '../infrastructure/lifecycle.ts';
import { type Connection, connect } from '../infrastructure/postgres.ts';
import { countEvents } from '../projections/backlog.ts';
import { readPosition } from '../projections/checkpoint.ts';
import { rebuild } from '../projections/rebuild.ts';
import { dropSchema } from '../projections/schema.ts';
import { previousSchema } from '../projections/session.ts';
import { databaseNameOf, publicAddress, withDatabase } from './address.ts';
import { migrate } from './migrate.ts';
import { grouped, type ProgressBarOptions, progressBar } from './progress-bar.ts';

export interface ResetOptions {
  readonly databaseUrl: string;
  readonly eventLog: EventLog;
  /** Puts example data into a log that is empty. */
  readonly seed: () => Promise<void>;
  /** What NODE_ENV says. */
  readonly environment: string;
  /** The name of the database, from a person who knows what speaks against resetting it. */
  readonly force: string | undefined;
  readonly terminal: ProgressBarOptions['terminal'];
  readonly logger: Logger;
  /** Ends the reset; the old database is then as it was. */
  readonly signal: AbortSignal;
}

/** The reset is not allowed, or cannot be done; the message says why, and nothing was changed. */
export class ResetRefused extends Error {
  override readonly name = 'ResetRefused';
}

interface Names {
  readonly name: string;
  /** What is being built. */
  readonly draft: string;
  /** What it takes the place of, until it is dropped. */
  readonly retired: string;
}

/**
 * Makes the database anew: creates, migrates, seeds an empty log, replays the log, swaps. A service that runs is cut off
 * at the swap and comes back by itself.
 *
 * @throws ResetRefused
 */
export async function resetDatabase(options: ResetOptions): Promise<void> {
  const { databaseUrl, eventLog, logger } = options;
  const names = namesFor(databaseNameOf(databaseUrl));
  refuseOutsideDevelopment(options, names.name);

  await using admin = await connect({ databaseUrl: withDatabase(databaseUrl, 'postgres'), name: 'registry reset' });
  const signal = AbortSignal.any([options.signal, admin.lost]);
  const stopIfTold = () => {
    admin.lost.throwIfAborted();
    if (signal.aborted) throw new Error(`Interrupted. The database ${names.name} is as it was.`);
  };
  await lockOrRefuse(admin.client, names.name);
  await refuseForeign(admin.client, names.name);
  await refuseOtherLog(options, admin.client, names.name);
  await dropLeftovers(admin.client, names, logger);
  stopIfTold();

  await createDatabase(admin.client, names.draft, publicAddress(databaseUrl));
  logger.info(`Created ${names.draft}, to be built beside ${publicAddress(databaseUrl)}`);
  try {
    const draftUrl = withDatabase(databaseUrl, names.draft);
    await migrate({ databaseUrl: draftUrl, logger });
    stopIfTold();
    await seedIfEmpty(options);
    stopIfTold();
    await replay(draftUrl, eventLog, { ...options, signal });
    stopIfTold();
    await swap(admin.client, databaseUrl, names);
    logger.info(`${names.name} is the new database now`);
  } catch (error) {
    await dropOrLeave(admin.client, names.draft, logger);
    throw error;
  }
  await dropOrLeave(admin.client, names.retired, logger);
}

function namesFor(name: string): Names {
  if (['postgres', 'template0', 'template1'].includes(name)) {
    throw new ResetRefused(`The database ${name} belongs to Postgres itself; name another one in DATABASE_URL.`);
  }
  const names = { name, draft: `${name}_reset_new`, retired: `${name}_reset_old` };
  // Postgres would cut longer names off, and take one for the other.
  if (Buffer.byteLength(names.draft) > 63) {
    throw new ResetRefused(`The name of the database ${name} is too long to build another one beside it.`);
  }
  return names;
}

function refuseOutsideDevelopment({ environment, force }: ResetOptions, name: string): void {
  if (force !== undefined && force !== name) {
    throw new ResetRefused(`--force names ${force}, but the database is ${name}.`);
  }
  if (environment === 'development' || force === name) return;
  throw new ResetRefused(
    `NODE_ENV is ${environment}: the database ${name} is reset in development only. If you mean it: npm run db:reset -- --force=${name}`,
  );
}

async function lockOrRefuse(admin: pg.Client, name: string): Promise<void> {
  const { rows } = await admin.query<{ locked: boolean }>(
    `SELECT pg_try_advisory_lock(hashtext('gateway-registry reset'), hashtext($1)) AS locked`,
    [name],
  );
  if (rows[0]?.locked) return;
  throw new ResetRefused(`Another reset of ${name} is running. Wait until it has ended.`);
}

/** Found out before the work rather than after it. */
async function refuseForeign(admin: pg.Client, name: string): Promise<void> {
  const { rows } = await admin.query<{ me: string; owner: string; mine: boolean }>(
    `SELECT current_user AS me, pg_get_userbyid(datdba) AS owner, pg_has_role(datdba, 'USAGE') AS mine
     FROM pg_database WHERE datname = $1`,
    [name],
  );
  const [found] = rows;
  if (found === undefined || found.mine) return;
  throw new ResetRefused(
    `The database ${name} belongs to ${found.owner}, and ${found.me} may not replace it. Connect as ${found.owner}.`,
  );
}

/**
 * Tables that stand at a position which is none of the log's were made of another log, and most likely one of the two URLs
 * is not the one that was meant.
 */
async function refuseOtherLog({ databaseUrl, eventLog, force }: ResetOptions, admin: pg.Client, name: string) {
  if (force === name || !(await exists(admin, name))) return;
  await using connection = await connect({ databaseUrl, name: 'registry reset' });
  const checkpoint = await checkpointOf(connection.client);
  if (checkpoint === undefined || (await eventLog.reaches(checkpoint))) return;
  throw new ResetRefused(
    `The database ${name} was made of another event store: it stands at position ${checkpoint.commit}, which is none of ` +
      `this one's. Check EVENTSTORE_URL and DATABASE_URL. If you mean it: npm run db:reset -- --force=${name}`,
  );
}

async function checkpointOf(client: pg.Client): Promise<Position | undefined> {
  const { rows: tables } = await client.query(`SELECT to_regclass('public.projection_checkpoint') AS found`);
  if (tables[0]?.found === null) return undefined;
  return readPosition(client);
}

async function dropLeftovers(admin: pg.Client, { draft, retired }: Names, logger: Logger): Promise<void> {
  for (const name of [draft, retired]) {
    if (!(await exists(admin, name))) continue;
    await dropDatabase(admin, name);
    logger.info(`Dropped ${name}, which an interrupted reset had left behind`);
  }
}

async function createDatabase(admin: pg.Client, name: string, address: string): Promise<void> {
  try {
    await admin.query(`CREATE DATABASE ${pg.escapeIdentifier(name)}`);
  } catch (error) {
    if (!hasCode(error, '42501')) throw error;
    throw new ResetRefused(
      `The user of ${address} may not create databases. A superuser can allow it: ALTER ROLE … CREATEDB.`,
      { cause: error },
    );
  }
}

async function seedIfEmpty({ eventLog, environment, seed, logger }: ResetOptions): Promise<void> {
  if ((await countEvents(eventLog, 'start', 1)) > 0) return;
  if (environment === 'development') await seed();
  else logger.info('The log is empty, and is left so outside development');
}

async function replay(
  databaseUrl: string,
  eventLog: EventLog,
  { terminal, logger, signal }: Pick<ResetOptions, 'terminal' | 'logger' | 'signal'>,
): Promise<void> {
  const started = performance.now();
  const bar = progressBar({ head: await eventLog.head(), terminal, say: (line) => logger.info(line) });
  const quiet = logger.child({}, { level: 'warn' });
  let complete = false;
  try {
    const { events } = await rebuild({ databaseUrl, eventLog, logger: quiet, signal, onProgress: bar.update });
    complete = true;
    bar.end(complete);
    logger.info(`Replayed ${grouped(events)} events in ${((performance.now() - started) / 1_000).toFixed(1)} s`);
  } catch (error) {
    // Whoever told it to stop says what that means for the database.
    if (signal.aborted) return;
    throw error;
  } finally {
    if (!complete) bar.end(complete);
  }
  // The empty tables of the migrations: there is nothing to roll back to.
  await using connection = await connect({ databaseUrl, name: 'registry reset' });
  await dropSchema(connection.client, previousSchema);
}

/**
 * Both names change in one transaction, so that there is a database of that name at any moment. A rename waits up to
 * five seconds for the last session to end, and lets nobody in meanwhile; what is connected is cut off from outside.
 */
async function swap(admin: pg.Client, databaseUrl: string, { name, draft, retired }: Names): Promise<void> {
  const [current, fresh, former] = [name, draft, retired].map(pg.escapeIdentifier);
  await using other = await connect({ databaseUrl: withDatabase(databaseUrl, 'postgres'), name: 'registry reset' });
  const swapped = new AbortController();
  const cutting = cutOff(other, name, swapped.signal);
  try {
    await admin.query('BEGIN');
    if (await exists(admin, name)) await admin.query(`ALTER DATABASE ${current} RENAME TO ${former}`);
    await admin.query(`ALTER DATABASE ${fresh} RENAME TO ${current}`);
    await admin.query('COMMIT');
  } catch (error) {
    await admin.query('ROLLBACK').catch(() => undefined);
    if (!hasCode(error, '55006')) throw error;
    throw new Error(
      `Somebody stays connected to ${name}, so it could not be replaced, and is as it was. ` +
        `SELECT * FROM pg_stat_activity WHERE datname = '${name}' shows who it is; end that session, then try again.`,
      { cause: error },
    );
  } finally {
    swapped.abort();
    await cutting;
  }
}

/** A session of another user may be out of reach; the rename then says so. */
async function cutOff({ client }: Connection, name: string, signal: AbortSignal): Promise<void> {
  const statement = 'SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1';
  while (!signal.aborted) {
    await client.query(statement, [name]).catch(() => undefined);
    await pauseFor(50, signal);
  }
}

async function dropOrLeave(admin: pg.Client, name: string, logger: Logger): Promise<void> {
  try {
    await dropDatabase(admin, name);
  } catch (error) {
    logger.warn({ err: error }, `The database ${name} is left behind; the next reset drops it`);
  }
}

async function dropDatabase(admin: pg.Client, name: string): Promise<void> {
  await admin.query(`DROP DATABASE IF EXISTS ${pg.escapeIdentifier(name)} WITH (FORCE)`);
}

async function exists(admin: pg.Client, name: string): Promise<boolean> {
  const { rowCount } = await admin.query('SELECT FROM pg_database WHERE datname = $1', [name]);
  return rowCount !== 0;
}

function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code;
}
