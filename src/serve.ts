// `npm start`: the service, until it is told to stop.
import { readFileSync } from 'node:fs';
import type { Logger } from 'pino';
import { startApp } from './app.ts';
import type { Context } from './context.ts';
import { migrate, pendingMigrations } from './database/migrate.ts';
import { isUnavailable } from './infrastructure/postgres.ts';

/** Serves until it is told to stop, and prints where as soon as requests are answered; who is told before opens nothing. */
export async function serve({ config, logger, urls, embedded, encryptionKeys, stopping }: Context): Promise<void> {
  if (stopping.aborted) return;
  await prepareDatabase(urls.postgres, embedded.has('postgres'), logger);
  if (stopping.aborted) return;
  const { host, port, corsOrigins, databasePool } = config;
  await using app = await startApp({
    host,
    port,
    eventStoreUrl: urls.eventStore,
    databaseUrl: urls.postgres,
    databasePool,
    natsUrl: urls.nats,
    natsStreamMaxBytes: config.natsStreamMaxBytes,
    encryptionKeys: await encryptionKeys(),
    credentials: config.credentials,
    corsOrigins,
    version: version(),
    logger,
  });
  if (!stopping.aborted) console.log(`ready ${app.url}`);
  await aborted(stopping);
}

/** Migrates a database of our own; a database of somebody else's is migrated by somebody, with a command. */
async function prepareDatabase(databaseUrl: string, own: boolean, logger: Logger): Promise<void> {
  if (own) {
    await migrate({ databaseUrl, logger });
    return;
  }
  try {
    const pending = await pendingMigrations(databaseUrl);
    if (pending.length === 0) return;
    throw new Error(`The database lacks ${pending.join(', ')}. Bring it up to date with: npm run db:migrate`);
  } catch (error) {
    if (!isUnavailable(error)) throw error;
    logger.warn({ err: error }, 'Postgres is away: commands are taken, queries are not until it is back');
  }
}

async function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return;
  await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
}

function version(): string {
  const manifest = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as { version: string };
  return manifest.version;
}
