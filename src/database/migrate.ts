import { readdir } from 'node:fs/promises';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { runner } from 'node-pg-migrate';
import type pg from 'pg';
import type { Logger } from 'pino';
import { connect } from '../infrastructure/postgres.ts';

export const migrationsDirectory = fileURLToPath(new URL('../../migrations', import.meta.url));
const table = 'pgmigrations';

/** The database has been migrated by a newer version of the service than this one. */
export class UnknownMigrations extends Error {
  override readonly name = 'UnknownMigrations';
}

/**
 * Brings the database to the schema of this version: all that is missing in one transaction. Whoever calls while
 * another migrates waits for it, and then finds nothing left to do.
 *
 * @returns the names of the migrations that were applied
 * @throws UnknownMigrations when the database has migrations that this version does not have
 */
export async function migrate({
  databaseUrl,
  logger,
}: {
  readonly databaseUrl: string;
  readonly logger: Logger;
}): Promise<readonly string[]> {
  // A client of our own, because the runner does not wait for the end of one that it opens itself.
  await using connection = await connect({ databaseUrl, name: 'migrate' });
  refuseUnknown((await compareMigrations(connection.client)).unknown);
  const say = (message: string) => logger.debug(message);
  const applied = await runner({
    dbClient: connection.client,
    dir: migrationsDirectory,
    direction: 'up',
    migrationsTable: table,
    migrationLoaderStrategies: [{ extensions: ['.ts'], loader: load }],
    singleTransaction: true,
    advisoryLockMode: 'wait',
    logger: { debug: say, info: say, warn: (message) => logger.warn(message), error: say },
  });
  const names = applied.map(({ name }) => name);
  if (names.length > 0)
    logger.info({ migrations: names }, `applied ${names.length} migration${names.length === 1 ? '' : 's'}`);
  return names;
}

/** The names of the migrations by what has become of them, each list in its order. */
export interface Migrations {
  readonly applied: readonly string[];
  readonly pending: readonly string[];
  /** Applied, and not of this version. */
  readonly unknown: readonly string[];
}

/** Compares what the database has with what this version has. */
export async function compareMigrations(client: pg.Client): Promise<Migrations> {
  const applied = await appliedMigrations(client);
  const known = await knownMigrations();
  return {
    applied,
    pending: known.filter((name) => !applied.includes(name)),
    unknown: applied.filter((name) => !known.includes(name)),
  };
}

/**
 * The names of the migrations that the database still lacks, in their order.
 *
 * @throws UnknownMigrations when the database has migrations that this version does not have
 */
export async function pendingMigrations(databaseUrl: string): Promise<readonly string[]> {
  await using connection = await connect({ databaseUrl, name: 'pending-migrations' });
  const { pending, unknown } = await compareMigrations(connection.client);
  refuseUnknown(unknown);
  return pending;
}

function refuseUnknown(unknown: readonly string[]): void {
  if (unknown.length === 0) return;
  throw new UnknownMigrations(
    `The database has migrations that this version does not know: ${unknown.join(', ')}. Run the version that made them, or a newer one.`,
  );
}

async function appliedMigrations(client: pg.Client): Promise<readonly string[]> {
  const { rows: tables } = await client.query<{ found: boolean }>(`SELECT to_regclass($1) IS NOT NULL AS found`, [
    `public.${table}`,
  ]);
  if (!tables[0]?.found) return [];
  const { rows } = await client.query<{ name: string }>(`SELECT name FROM public.${table} ORDER BY id`);
  return rows.map(({ name }) => name);
}

/** The names of the migrations of this version, in their order. */
export async function knownMigrations(): Promise<readonly string[]> {
  const files = await readdir(migrationsDirectory);
  return files
    .filter((file) => file.endsWith('.ts'))
    .map((file) => file.slice(0, -'.ts'.length))
    .sort();
}

// Node reads TypeScript by itself; the runner's own loader would compile each file once more.
function load(files: readonly string[]) {
  return Promise.all(
    files.map(async (file) => ({ id: file, filePaths: [file], actions: await import(pathToFileURL(file).href) })),
  );
}
