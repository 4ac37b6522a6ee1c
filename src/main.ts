// The process: environment, servers, the command that was asked for, and an orderly end on a signal.
import { readFileSync } from 'node:fs';
import type { Logger } from 'pino';
import { startApp } from './app.ts';
import { type Config, readConfig } from './config.ts';
import { migrate, pendingMigrations } from './database/migrate.ts';
import { isStrayRejection } from './infrastructure/event-store.ts';
import { createLogger } from './infrastructure/logger.ts';
import { isUnavailable } from './infrastructure/postgres.ts';

type Server = 'eventStore' | 'postgres' | 'nats';

/** What a command is given to work with. */
interface Context {
  readonly config: Config;
  readonly logger: Logger;
  readonly urls: Readonly<Record<Server, string>>;
  /** Which of the servers this process or its neighbours run on this machine. */
  readonly embedded: ReadonlySet<Server>;
  /** Aborts when the process is told to stop. */
  readonly stopping: AbortSignal;
}

interface Command {
  readonly script: string;
  readonly help: string;
  readonly servers: readonly Server[];
  readonly run: (context: Context) => Promise<void>;
}

const serveCommand: Command = {
  script: 'npm start',
  help: 'Runs the gateway registry until it is interrupted. Prints "ready http://HOST:PORT" when it answers.',
  servers: ['eventStore', 'postgres', 'nats'],
  run: serve,
};

const commands: ReadonlyMap<string, Command> = new Map([
  ['serve', serveCommand],
  [
    'db:migrate',
    {
      script: 'npm run db:migrate',
      help: 'Brings the database to the schema of this version. Running it again changes nothing.',
      servers: ['postgres'],
      run: migrateDatabase,
    },
  ],
]);

const environmentHelp = `
Environment (a server without a variable is run here, its files in DATA_DIR):
  HOST, PORT                 where HTTP listens (127.0.0.1, 3000)
  EVENTSTORE_URL             esdb://localhost:2113?tls=false
  DATABASE_URL               postgres://user:password@localhost:5432/mti_wifi, or in parts:
  DATABASE_HOST, _PORT, _NAME, _USER, _PASSWORD
  DATABASE_POOL_MIN, _MAX    connections for queries (0, 10)
  NATS_URL                   nats://localhost:4222
  DATA_DIR                   where the embedded servers keep their files (.data)
  ENCRYPTION_KEY             32 bytes in base64; made once and kept in DATA_DIR when the event store is embedded
  CORS_ORIGINS               origins that may call the API from a page, separated by commas (none)
  LOG_LEVEL                  trace, debug, info, warn, error, fatal or silent (info)
  NODE_ENV                   production: one JSON object a log line; else lines for people`;

await main(process.argv.slice(2));

async function main([name = 'serve', ...rest]: readonly string[]): Promise<void> {
  if ([name, ...rest].some((argument) => argument === '--help' || argument === '-h')) {
    const { script, help } = commands.get(name) ?? serveCommand;
    console.log(`${script}\n\n${help}\n${environmentHelp}`);
    return;
  }
  const command = commands.get(name);
  if (command === undefined || rest.length > 0) {
    console.error(
      `Unknown: ${[name, ...rest].join(' ')}. Commands are ${[...commands.keys()].join(', ')}; --help explains.`,
    );
    process.exitCode = 1;
    return;
  }
  try {
    await run(command);
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    process.exitCode = 1;
  }
}

async function run(command: Command): Promise<void> {
  const config = readConfig(process.env);
  const logger = await createLogger({ level: config.logLevel, format: config.logFormat });
  const stopping = stopOnSignal(logger);
  endOnDefect(logger);

  const named: Readonly<Record<Server, string | undefined>> = {
    eventStore: config.eventStoreUrl,
    postgres: config.databaseUrl,
    nats: config.natsUrl,
  };
  const missing = command.servers.filter((server) => named[server] === undefined);
  await using stack = await embeddedServers(missing, config.dataDir, logger);
  const urls = { ...named, ...stack.urls } as Record<Server, string>;
  const context: Context = { config, logger, urls, embedded: new Set(missing), stopping };
  await Promise.race([command.run(context), stack.failure]);
}

async function serve({ config, logger, urls, embedded, stopping }: Context): Promise<void> {
  await prepareDatabase(urls.postgres, embedded.has('postgres'), logger);
  const encryptionKey = config.encryptionKey ?? (await embeddedKey(embedded, config.dataDir));
  const { host, port, corsOrigins, databasePool } = config;
  await using app = await startApp({
    host,
    port,
    eventStoreUrl: urls.eventStore,
    databaseUrl: urls.postgres,
    databasePool,
    natsUrl: urls.nats,
    encryptionKey,
    corsOrigins,
    version: version(),
    logger,
  });
  console.log(`ready ${app.url}`);
  await aborted(stopping);
}

async function migrateDatabase({ urls, logger }: Context): Promise<void> {
  const applied = await migrate({ databaseUrl: urls.postgres, logger });
  console.log(applied.length === 0 ? 'The database is up to date.' : `Applied: ${applied.join(', ')}`);
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

async function embeddedKey(embedded: ReadonlySet<Server>, dataDir: string): Promise<string> {
  if (!embedded.has('eventStore')) {
    throw new Error(
      'ENCRYPTION_KEY is not set. Gateway passwords are encrypted with it: 32 bytes in base64, kept safe.',
    );
  }
  const { encryptionKeyOf } = await import('../embedded/encryption-key.ts');
  return encryptionKeyOf(dataDir);
}

async function embeddedServers(servers: readonly Server[], dataDir: string, logger: Logger) {
  const none = { urls: {}, failure: new Promise<never>(() => undefined), [Symbol.asyncDispose]: async () => undefined };
  if (servers.length === 0) return none;
  const { useStack } = await import('../embedded/stack.ts');
  const stack = await useStack({ dataDir, servers, log: (message) => logger.info(message) });
  return { ...stack, [Symbol.asyncDispose]: () => stack.stop() };
}

/** The one place that handles signals: the first one asks for an orderly end, the second does not wait for it. */
function stopOnSignal(logger: Logger): AbortSignal {
  const stopping = new AbortController();
  const onSignal = (signal: NodeJS.Signals) => {
    if (stopping.signal.aborted) process.exit(1);
    logger.info(`${signal}: stopping; once more to stop at once`);
    stopping.abort();
  };
  process.on('SIGINT', onSignal);
  process.on('SIGTERM', onSignal);
  return stopping.signal;
}

function endOnDefect(logger: Logger): void {
  const end = (error: unknown) => {
    logger.fatal({ err: error }, 'a defect ended the process');
    process.exit(1);
  };
  process.on('uncaughtException', end);
  process.on('unhandledRejection', (error) => {
    if (isStrayRejection(error)) logger.debug({ err: error }, 'the event store client left a rejection behind');
    else end(error);
  });
}

async function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return;
  await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
}

function version(): string {
  const manifest = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as { version: string };
  return manifest.version;
}
