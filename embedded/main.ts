// `npm run stack`: the servers alone, for an IDE, psql or a nats client. Serves until interrupted.
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { interruption, loadEnvironmentFile, runScript } from './script.ts';
import { type Server, type Stack, useStack } from './stack.ts';

const usage = `npm run stack -- [options]

Runs the event store, Postgres and NATS on this machine until interrupted (Ctrl-C), and prints their URLs.
Where another command runs them on the same data directory, it prints their URLs and ends.

  --event-store-port <port>   ports to use (default: those of the last run, else free ones)
  --postgres-port <port>
  --nats-port <port>
  --help

DATA_DIR, in the environment or the file .env, names the folder that keeps their files (default: .data).`;

const servers: readonly Server[] = ['eventStore', 'postgres', 'nats'];

await runScript(main);

async function main(): Promise<void> {
  const { values } = options();
  if (values.help) return console.log(usage);
  loadEnvironmentFile();
  const interrupted = interruption();
  const dataDir = process.env.DATA_DIR || '.data';
  const ports = {
    ...portOption('eventStore', values['event-store-port']),
    ...portOption('postgres', values['postgres-port']),
    ...portOption('nats', values['nats-port']),
  };
  const stack = await useStack({ dataDir, servers, ports, log: console.log });
  try {
    console.log(summary(stack, dataDir));
    // What another command runs ends with that command: there is nothing to stay for.
    if (stack.owned.length > 0) await Promise.race([interrupted, stack.failure]);
  } finally {
    await stack.stop();
  }
}

function options() {
  return parseArgs({
    options: {
      'event-store-port': { type: 'string' },
      'postgres-port': { type: 'string' },
      'nats-port': { type: 'string' },
      help: { type: 'boolean', short: 'h' },
    },
  });
}

function portOption(server: Server, text: string | undefined): Partial<Record<Server, number>> {
  if (text === undefined) return {};
  const port = Number(text);
  if (Number.isInteger(port) && port > 0 && port < 65_536) return { [server]: port };
  throw new Error(`"${text}" is no port: a whole number from 1 to 65535.`);
}

function summary({ urls, owned }: Stack, dataDir: string): string {
  return `
The servers are ready. Their files are in ${dataDir}, their logs in ${join(dataDir, 'logs')}.

  psql '${urls.postgres}'
  nats -s ${urls.nats} sub 'mti.evt.>'

For an IDE, or a registry started by hand:

EVENTSTORE_URL=${urls.eventStore}
DATABASE_URL=${urls.postgres}
NATS_URL=${urls.nats}

${ending(owned)}`;
}

function ending(owned: readonly Server[]): string {
  if (owned.length === 0) return 'Another command runs them; they end with it.';
  if (owned.length === servers.length) return 'Ctrl-C stops them.';
  return `Ctrl-C stops ${owned.join(' and ')}; the others belong to another command.`;
}
