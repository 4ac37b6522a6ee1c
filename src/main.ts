// The process: environment, servers, the script that was asked for, and an orderly end on a signal.
import { parseArgs } from 'node:util';
import type { Logger } from 'pino';
import { type Config, loadEnvironmentFile, readConfig } from './config.ts';
import type { Arguments, Server } from './context.ts';
import { explained } from './explained.ts';
import { isStrayRejection } from './infrastructure/event-store-errors.ts';
import { type KeyRing, parseKey, ringOf } from './infrastructure/key-ring.ts';
import { createLogger } from './infrastructure/logger.ts';
import { type Script, scripts, serveScript } from './scripts.ts';

const environmentHelp = `
Environment, or the file .env (a server without a variable is run here, its files in DATA_DIR):
  HOST, PORT                 where HTTP listens (127.0.0.1, 3000)
  EVENTSTORE_URL             esdb://localhost:2113?tls=false
  DATABASE_URL               postgres://user:password@localhost:5432/mti_wifi, or in parts:
  DATABASE_HOST, _PORT, _NAME, _USER, _PASSWORD
  DATABASE_POOL_MIN, _MAX    connections for queries (0, 10)
  NATS_URL                   nats://localhost:4222
  NATS_STREAM_MAX_BYTES      how many bytes of events NATS keeps, 2097152 (2 MiB) at least (no bound)
  DATA_DIR                   where the embedded servers keep their files (.data)
  ENCRYPTION_KEYS            id:key,id:key with keys of 32 bytes in base64: the first encrypts, all decrypt
  ENCRYPTION_KEY             one key more, which decrypts, or the only one; with neither and an embedded event store a
                             key is made once and kept in DATA_DIR
  CREDENTIALS_PUBLIC_KEYS    id:key,id:key of who may sign tokens: has connectors told passwords over NATS (nobody)
  CREDENTIALS_SUBJECT_RATE, CREDENTIALS_GATEWAY_RATE
                             how often in a minute, for one connector and for one gateway (600, 10)
  CORS_ORIGINS               origins that may call the API from a page, separated by commas (none)
  LOG_LEVEL                  trace, debug, info, warn, error, fatal or silent (info)
  NODE_ENV                   production: one JSON object a log line, no example data; else lines for people`;

/** Ctrl-C in a terminal comes twice where npm runs us: npm hears it as well, and passes it on. */
const echoMs = 500;

await main(process.argv.slice(2));
endSoon();

async function main([name = 'serve', ...rest]: readonly string[]): Promise<void> {
  if ([name, ...rest].some((argument) => argument === '--help' || argument === '-h')) {
    const { usage, help } = scripts.get(name) ?? serveScript;
    console.log(`${usage}\n\n${help}\n${environmentHelp}`);
    return;
  }
  try {
    const script = scripts.get(name);
    if (script === undefined) {
      throw new Error(`Unknown: ${name}. There are ${[...scripts.keys()].join(', ')}; --help explains.`);
    }
    await run(script, readArguments(script, rest));
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    process.exitCode = 1;
  }
}

/** All is done: what hangs on a server that is frozen keeps nobody. */
function endSoon(): void {
  setTimeout(() => process.exit(), 500).unref();
}

function readArguments({ usage, takes = [] }: Script, args: readonly string[]): Arguments {
  try {
    const { values, positionals } = parseArgs({
      args: [...args],
      options: takes.includes('force') ? { force: { type: 'string' } } : {},
      allowPositionals: takes.includes('name') || takes.includes('words'),
    });
    if (takes.includes('words')) return { words: positionals };
    const [name, ...more] = positionals;
    if (more.length > 0) throw new Error(`One name is enough: ${positionals.join(' ')}`);
    return { name, force: typeof values.force === 'string' ? values.force : undefined };
  } catch (error) {
    throw new Error(`${error instanceof Error ? error.message : error}\nUsage: ${usage}`);
  }
}

async function run(script: Script, args: Arguments): Promise<void> {
  loadEnvironmentFile();
  const config = readConfig(process.env);
  const logger = await createLogger({ level: config.logLevel, format: config.logFormat });
  const stopping = stopOnSignal(logger);
  endOnDefect(logger);

  const named: Readonly<Record<Server, string | undefined>> = {
    eventStore: config.eventStoreUrl,
    postgres: config.databaseUrl,
    nats: config.natsUrl,
  };
  const needed = typeof script.servers === 'function' ? script.servers(args) : script.servers;
  const missing = needed.filter((server) => named[server] === undefined);
  await using stack = await embeddedServers(missing, config.dataDir, script === serveScript, logger);
  const urls = { ...named, ...stack.urls } as Record<Server, string>;
  const embedded: ReadonlySet<Server> = new Set(missing);
  const encryptionKeys = () => keyRing(config, embedded);
  try {
    // A server of ours that dies ends the script in order, like a signal: what it has open is closed before the rest.
    const failing = new AbortController();
    stack.failure.catch((error: unknown) => failing.abort(error));
    const ending = AbortSignal.any([stopping, failing.signal]);
    await script.run({ config, logger, urls, embedded, stopping: ending, encryptionKeys, arguments: args });
    failing.signal.throwIfAborted();
  } catch (error) {
    throw explained(error, urls);
  }
}

/** The keys that are named, and that of the embedded event store: as long as its file is there, it opens what it sealed. */
async function keyRing({ encryptionKeys, dataDir }: Config, embedded: ReadonlySet<Server>): Promise<KeyRing> {
  if (embedded.has('eventStore')) {
    const { encryptionKeyOf, presentEncryptionKeyOf } = await import('../embedded/encryption-key.ts');
    const kept = encryptionKeys.length === 0 ? encryptionKeyOf(dataDir) : presentEncryptionKeyOf(dataDir);
    return ringOf(kept === undefined ? encryptionKeys : [...encryptionKeys, parseKey(kept)]);
  }
  if (encryptionKeys.length > 0) return ringOf(encryptionKeys);
  throw new Error(
    'ENCRYPTION_KEYS is not set, nor is ENCRYPTION_KEY. Gateway passwords are encrypted with them: make a key with ' +
      'npm run keys -- generate, and keep it safe.',
  );
}

/** @param takesOver whether it is to stay up when a command ends whose servers it has joined */
async function embeddedServers(servers: readonly Server[], dataDir: string, takesOver: boolean, logger: Logger) {
  const none = { urls: {}, failure: new Promise<never>(() => undefined), [Symbol.asyncDispose]: async () => undefined };
  if (servers.length === 0) return none;
  const { useStack } = await import('../embedded/stack.ts');
  const stack = await useStack({ dataDir, servers, takesOver, log: (message) => logger.info(message) });
  return { ...stack, [Symbol.asyncDispose]: () => stack.stop() };
}

/** The one place that handles signals: the first one asks for an orderly end, the second does not wait for it. */
function stopOnSignal(logger: Logger): AbortSignal {
  const stopping = new AbortController();
  let asked = 0;
  const onSignal = (signal: NodeJS.Signals) => {
    if (stopping.signal.aborted) {
      if (performance.now() - asked > echoMs) process.exit(1);
      return;
    }
    asked = performance.now();
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
