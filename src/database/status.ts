// What a developer asks first when tables and events do not seem to fit together.
import type pg from 'pg';
import { type EventLog, EventLogUnavailable, type Position } from '../events/event-log.ts';
import { connect, isUnavailable } from '../infrastructure/postgres.ts';
import { readPosition } from '../projections/checkpoint.ts';
import { describeLag, type Lag, measureLag } from '../projections/lag.ts';
import { publicAddress } from './address.ts';
import { compareMigrations, type Migrations } from './migrate.ts';
import { grouped } from './progress-bar.ts';

export interface StatusOptions {
  readonly databaseUrl: string;
  readonly eventStoreUrl: string;
  readonly eventLog: EventLog;
}

/** What was found; what could not be asked is missing. */
export interface Status {
  readonly database: {
    readonly address: string;
    readonly away?: string;
    readonly version?: string;
    readonly migrations?: Migrations;
    readonly tables?: Tables;
  };
  readonly eventStore: { readonly address: string; readonly away?: string; readonly head?: Position | undefined };
  /** How far the tables are behind the events. */
  readonly lag?: Lag;
}

type WithoutAddress<Server> = Omit<Server, 'address'>;

export interface Tables {
  readonly rows: readonly { readonly table: string; readonly active: number; readonly deleted: number }[];
  readonly checkpoint: Position | undefined;
  /** Whether a projector holds the right to write. */
  readonly projecting: boolean;
}

const missing = 'does not exist';

/** Asks the database and the event store how they stand; one that is away is part of the answer. */
export async function readStatus({ databaseUrl, eventStoreUrl, eventLog }: StatusOptions): Promise<Status> {
  const [database, log]: [WithoutAddress<Status['database']>, WithoutAddress<Status['eventStore']>] = await Promise.all(
    [askDatabase(databaseUrl).catch(awayOrThrow), askHead(eventLog).catch(awayOrThrow)],
  );
  const checkpoint = database.tables?.checkpoint ?? 'start';
  const known = database.tables !== undefined && log.away === undefined;
  return {
    database: { ...database, address: publicAddress(databaseUrl) },
    eventStore: { ...log, address: publicAddress(eventStoreUrl) },
    ...(known && { lag: await measureLag(eventLog, checkpoint) }),
  };
}

type Line = readonly [label: string, text: string];

/** The status as a small table for people. */
export function renderStatus({ database, eventStore, lag }: Status): string {
  const { migrations, tables } = database;
  const lines: Line[] = [
    ['Database', `${database.address}: ${database.away ?? `PostgreSQL ${database.version}`}`],
    ...(migrations ? describeMigrations(migrations) : []),
    ['Event store', `${eventStore.address}: ${eventStore.away ?? describeHead(eventStore.head)}`],
  ];
  if (tables) {
    lines.push(['Projector', tables.projecting ? 'running' : 'not running']);
    lines.push(['Checkpoint', describeCheckpoint(tables.checkpoint, lag)]);
    for (const { table, active, deleted } of tables.rows) {
      lines.push([table, `${grouped(active)}${deleted > 0 ? `, and ${grouped(deleted)} deleted` : ''}`]);
    }
  }
  const width = Math.max(...lines.map(([label]) => label.length)) + 2;
  return lines.map(([label, text]) => `${label.padEnd(width)}${text}`).join('\n');
}

/** What is to be done about a status, if something is. */
export function complaintOf({ database: { away, migrations }, eventStore }: Status): string | undefined {
  if (away === missing) return 'Create the database with: npm run db:reset';
  if (away) return 'Postgres cannot be asked: start it, or correct DATABASE_URL.';
  if (migrations && migrations.unknown.length > 0) {
    return 'A newer version has migrated the database: run that version, or a newer one.';
  }
  if (migrations && migrations.pending.length > 0) return 'Bring the database up to date with: npm run db:migrate';
  if (eventStore.away) return 'The event store cannot be asked: start it, or correct EVENTSTORE_URL.';
  return undefined;
}

async function askDatabase(databaseUrl: string) {
  await using connection = await connect({ databaseUrl, name: 'registry status', timeoutMs: 30_000 });
  const { client } = connection;
  const { rows } = await client.query<{ version: string }>(`SELECT current_setting('server_version') AS version`);
  const migrations = await compareMigrations(client);
  const version = rows[0]?.version ?? 'of an unknown version';
  // Tables that are not complete yet can tell nothing.
  return migrations.pending.length > 0 ? { version, migrations } : { version, migrations, tables: await ask(client) };
}

async function ask(client: pg.Client): Promise<Tables> {
  // One statement, so that the counts belong together.
  const tables = ['organizations', 'factories', 'gateways'];
  const counts = tables.map(
    (table) => `
      SELECT '${table}' AS table, count(*) FILTER (WHERE deleted_at IS NULL)::float8 AS active,
        count(deleted_at)::float8 AS deleted FROM ${table}`,
  );
  const { rows } = await client.query<Tables['rows'][number]>(counts.join(' UNION ALL '));
  const checkpoint = await readPosition(client);
  const { rowCount: projectors } = await client.query(`
    SELECT FROM pg_locks JOIN pg_stat_activity USING (pid)
    WHERE locktype = 'advisory' AND granted AND application_name = 'registry projector' AND datname = current_database()`);
  return { rows, checkpoint, projecting: projectors !== 0 };
}

async function askHead(eventLog: EventLog) {
  return { head: await eventLog.head() };
}

function awayOrThrow(error: unknown): { readonly away: string } {
  if (isMissing(error)) return { away: missing };
  if (isUnavailable(error) || error instanceof EventLogUnavailable) return { away: 'cannot be reached' };
  throw error;
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === '3D000';
}

function describeMigrations({ applied, pending, unknown }: Migrations): readonly Line[] {
  const counts = [`${applied.length} applied`, `${pending.length || 'none'} pending`];
  return [
    ['Migrations', counts.join(', ')],
    ...pending.map((name): Line => ['', `pending: ${name}`]),
    ...unknown.map((name): Line => ['', `unknown to this version: ${name}`]),
  ];
}

function describeHead(head: Position | undefined): string {
  return head === undefined ? 'nothing in it' : `ends at ${head.commit}`;
}

function describeCheckpoint(checkpoint: Position | undefined, lag: Lag | undefined): string {
  const at = checkpoint === undefined ? 'at the start' : `at ${checkpoint.commit}`;
  return lag === undefined ? at : `${at}, ${describeLag(lag)}`;
}
