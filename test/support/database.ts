// A database with the schema of this version, made quickly: the migrations run once, into a template.
import pg from 'pg';
import pino from 'pino';
import { inject } from 'vitest';
import { migrate } from '../../src/database/migrate.ts';
import { createDatabase, type TestDatabase } from './servers.ts';

const template = 'registry_template';
const unfinished = 'registry_template_unfinished';

/** A migrated database without rows, in the Postgres of this run, dropped with its connections at the end. */
export async function createMigratedDatabase(): Promise<TestDatabase> {
  await makeTemplate();
  return createDatabase({ template });
}

let made: Promise<void> | undefined;

// Test files run in processes of their own: the first one makes the template, the others wait for it.
function makeTemplate(): Promise<void> {
  made ??= withClient(inject('postgresUrl'), async (client) => {
    await client.query(`SELECT pg_advisory_lock(hashtext('${template}'))`);
    const { rowCount } = await client.query('SELECT FROM pg_database WHERE datname = $1', [template]);
    if (rowCount !== 0) return;
    await client.query(`DROP DATABASE IF EXISTS ${unfinished} WITH (FORCE)`);
    await client.query(`CREATE DATABASE ${unfinished}`);
    const url = new URL(inject('postgresUrl'));
    url.pathname = `/${unfinished}`;
    await migrate({ databaseUrl: url.href, logger: pino({ level: 'silent' }) });
    await client.query(`ALTER DATABASE ${unfinished} RENAME TO ${template}`);
  });
  return made;
}

/** Runs statements by hand, on a connection of its own. */
export async function withClient<T>(databaseUrl: string, use: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: databaseUrl });
  await client.connect();
  try {
    return await use(client);
  } finally {
    await client.end();
  }
}
