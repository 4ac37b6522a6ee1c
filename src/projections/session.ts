// One rebuild, rollback or comparison at a time: the session that holds the right to it, and clears up after those that
// were killed.
import type { Logger } from 'pino';
import { type Connection, connect } from '../infrastructure/postgres.ts';
import { dependentsOf, dropSchema, liveSchema, schemaExists, tablesIn } from './schema.ts';

/** Being built, to take the place of the live tables. */
export const nextSchema = 'registry_next';
/** What the live tables took the place of. */
export const previousSchema = 'registry_previous';
/** Built to be compared with the live tables. */
export const verifySchema = 'registry_verify';
/** On the way out. */
export const retiredSchema = 'registry_retired';

/** It cannot be done; the message says why, and nothing was changed. */
export class RebuildRefused extends Error {
  override readonly name = 'RebuildRefused';
}

/**
 * Takes the right to rebuild, and drops what an interrupted run has left behind.
 *
 * @throws RebuildRefused while another one runs
 */
export async function openSession(databaseUrl: string, logger: Logger): Promise<Connection> {
  const connection = await connect({ databaseUrl, name: 'registry rebuild' });
  const { client } = connection;
  try {
    const { rows } = await client.query<{ locked: boolean }>(
      `SELECT pg_try_advisory_lock(hashtext('gateway-registry'), hashtext('rebuild')) AS locked`,
    );
    if (!rows[0]?.locked) {
      throw new RebuildRefused('Another rebuild, rollback or verify works on this database. Wait until it has ended.');
    }
    if (!(await tablesIn(client, liveSchema)).includes('projection_checkpoint')) {
      throw new RebuildRefused('The database has no tables yet. Make them: npm run db:migrate');
    }
    for (const schema of [nextSchema, verifySchema, retiredSchema]) {
      if (!(await schemaExists(client, schema))) continue;
      await dropSchema(client, schema);
      logger.info(`Dropped ${schema}, which an interrupted run had left behind`);
    }
    return connection;
  } catch (error) {
    await connection[Symbol.asyncDispose]();
    throw error;
  }
}

/** @throws RebuildRefused when something would go on with the tables that are replaced */
export async function refuseDependents({ client }: Connection): Promise<void> {
  const dependents = await dependentsOf(client);
  if (dependents.length === 0) return;
  throw new RebuildRefused(
    `${dependents.join(', ')} refer to the tables themselves and would stay with the old ones. Drop them first, and make them again afterwards.`,
  );
}

/** Drops a schema whatever has happened; the next run does it when this one cannot. */
export async function dropOrLeave({ client }: Connection, schema: string, logger: Logger): Promise<void> {
  try {
    await client.query('ROLLBACK');
    await dropSchema(client, schema);
  } catch (error) {
    logger.warn(`${schema} is left behind (${error instanceof Error ? error.message : error}); the next run drops it`);
  }
}
