// What the process can be asked to do: a row for each npm script that needs the configuration.
import type { Actions } from './actions.ts';
import type { Arguments, Context, Server } from './context.ts';
import { credentialsScript } from './credentials/script.ts';
import { createMigration } from './database/create-migration.ts';
import { migrate } from './database/migrate.ts';
import { resetDatabase } from './database/reset.ts';
import { seed, seededPassword } from './database/seed.ts';
import { complaintOf, readStatus, renderStatus } from './database/status.ts';
import { createEncryption } from './infrastructure/encryption.ts';
import { connectEventStore, type EventStore } from './infrastructure/event-store.ts';
import { keysScript } from './keys/script.ts';
import { projectionsScript } from './projections/script.ts';
import { publishingScript } from './publishing/script.ts';
import { watchEvents } from './publishing/watch.ts';

export interface Script {
  readonly usage: string;
  readonly help: string;
  /** The servers it needs, whatever is asked of it or depending on that. */
  readonly servers: readonly Server[] | ((args: Arguments) => readonly Server[]);
  readonly takes?: readonly (keyof Arguments)[];
  readonly run: (context: Context) => Promise<void>;
}

export const serveScript: Script = {
  usage: 'npm start',
  help: 'Runs the gateway registry until it is interrupted. Prints "ready http://HOST:PORT" when it answers.',
  servers: ['eventStore', 'postgres', 'nats'],
  // The other scripts need not wait until all that is behind HTTP has been loaded.
  run: async (context) => (await import('./serve.ts')).serve(context),
};

export const scripts: ReadonlyMap<string, Script> = new Map([
  ['serve', serveScript],
  [
    'db:migrate',
    {
      usage: 'npm run db:migrate',
      help: 'Brings the database to the schema of this version. Running it again changes nothing.',
      servers: ['postgres'],
      run: migrateDatabase,
    },
  ],
  [
    'db:migrate:create',
    {
      usage: 'npm run db:migrate:create -- <name-in-kebab-case>',
      help: 'Writes a new migration into migrations/, to be filled in. Migrations go forward only.',
      servers: [],
      takes: ['name'],
      run: writeMigration,
    },
  ],
  [
    'db:status',
    {
      usage: 'npm run db:status',
      help: `Shows how the database stands: migrations, how far the tables are behind the events, rows.
Ends with 1 when migrations are pending or a server cannot be reached.`,
      servers: ['eventStore', 'postgres'],
      run: showStatus,
    },
  ],
  [
    'db:seed',
    {
      usage: 'npm run db:seed',
      help: `Enters example data: an organization, three factories, six gateways. What is there already stays as it is.
It sends commands, so the data goes into the event store; the tables show it as soon as the service runs.
In development only (NODE_ENV). The password of each gateway is then: ${seededPassword}`,
      servers: ['eventStore'],
      run: seedExamples,
    },
  ],
  [
    'events:watch',
    {
      usage: "npm run events:watch [-- '<subject>']",
      help: `Prints what others hear of the registry over NATS, from now on, until it is interrupted: subject and body.
The subject may have wildcards; all events of gateways: 'mti.evt.v1.*.*.gateway.>' (all events by default).`,
      servers: ['nats'],
      takes: ['name'],
      run: ({ urls, logger, stopping, arguments: { name: subject = 'mti.evt.>' } }) =>
        watchEvents({ url: urls.nats, subject, logger }, stopping, console.log),
    },
  ],
  ['projections', scriptOf(projectionsScript)],
  ['publishing', scriptOf(publishingScript)],
  ['keys', scriptOf(keysScript)],
  ['credentials', scriptOf(credentialsScript)],
  [
    'db:reset',
    {
      usage: 'npm run db:reset [-- --force=<database>]',
      help: `Makes the database anew and fills it from the event store: creates, migrates, enters the example data if there
are no events, replays all events, and takes the place of the old database. That one is used, and left as it
was if anything fails, until then. A service that runs is cut off at the end and comes back by itself.
Meanwhile there are the databases <database>_reset_new and, for a moment, <database>_reset_old.

  --force=<database>  do it outside development (NODE_ENV) too, or to tables that another event store made`,
      servers: ['eventStore', 'postgres'],
      takes: ['force'],
      run: resetAll,
    },
  ],
]);

function scriptOf({ usage, help, servers, run }: Actions): Script {
  return {
    usage,
    help,
    servers,
    takes: ['words'],
    run: (context) => run(context, () => eventStoreAt(context.urls.eventStore)),
  };
}

async function migrateDatabase({ urls, logger }: Context): Promise<void> {
  const applied = await migrate({ databaseUrl: urls.postgres, logger });
  console.log(applied.length === 0 ? 'The database is up to date.' : `Applied: ${applied.join(', ')}`);
}

async function writeMigration({ arguments: { name = '' } }: Context): Promise<void> {
  console.log(`Wrote ${await createMigration({ name })}. Fill it in, then: npm run db:migrate`);
}

async function showStatus({ urls }: Context): Promise<void> {
  await using eventLog = eventStoreAt(urls.eventStore);
  const status = await readStatus({ databaseUrl: urls.postgres, eventStoreUrl: urls.eventStore, eventLog });
  console.log(renderStatus(status));
  const complaint = complaintOf(status);
  if (complaint !== undefined) throw new Error(complaint);
}

async function seedExamples(context: Context): Promise<void> {
  const { environment } = context.config;
  if (environment !== 'development') {
    throw new Error(
      `NODE_ENV is ${environment}: example data is entered in development only, because what is in the log stays there.`,
    );
  }
  await using log = eventStoreAt(context.urls.eventStore);
  await seedInto(log, context);
}

async function resetAll(context: Context): Promise<void> {
  const { config, logger, urls, stopping } = context;
  await using eventLog = eventStoreAt(urls.eventStore);
  await resetDatabase({
    databaseUrl: urls.postgres,
    eventLog,
    seed: () => seedInto(eventLog, context),
    environment: config.environment,
    force: context.arguments.force,
    terminal: process.stderr,
    logger,
    signal: stopping,
  });
}

async function seedInto(log: EventStore, { encryptionKeys, logger }: Context): Promise<void> {
  const { seal } = createEncryption(await encryptionKeys());
  await seed({ log, sealPassword: seal, logger });
}

function eventStoreAt(url: string): EventStore & AsyncDisposable {
  const store = connectEventStore({ url });
  return { ...store, [Symbol.asyncDispose]: () => store.close() };
}
