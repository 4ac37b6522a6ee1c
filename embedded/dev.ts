// `npm run dev`: the service, started again on every change. The servers belong to this process and stay up meanwhile;
// the service joins them.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { interruption, loadEnvironmentFile, runScript } from './script.ts';
import { type Server, useStack } from './stack.ts';
import { startInForeground } from './supervised-process.ts';

const usage = `npm run dev

Runs the gateway registry and starts it again whenever a file in src/ or migrations/ changes, or .env. The servers that no
variable names keep running meanwhile. The log is for people. Ctrl-C ends all of it.

The environment is that of npm start: npm start -- --help lists it. Changes in embedded/ need a new npm run dev.`;

const project = join(import.meta.dirname, '..');

await runScript(main);

async function main(): Promise<void> {
  const { values } = parseArgs({ options: { help: { type: 'boolean', short: 'h' } } });
  if (values.help) return console.log(usage);
  const interrupted = interruption();
  const inherited = { ...process.env };
  loadEnvironmentFile();
  const stack = await useStack({ dataDir: process.env.DATA_DIR || '.data', servers: serversToRun(), log: console.log });
  try {
    // With the environment as it was given to us: .env is read anew at each start.
    const service = await startInForeground({
      file: process.execPath,
      args: [...watching(), join(project, 'src', 'main.ts')],
      env: { ...inherited, NODE_ENV: 'development' },
    });
    try {
      await Promise.race([interrupted, stack.failure, service.ended]);
    } finally {
      await service.stop();
    }
  } finally {
    await stack.stop();
  }
}

function serversToRun(): readonly Server[] {
  const { EVENTSTORE_URL, DATABASE_URL, DATABASE_HOST, NATS_URL } = process.env;
  const named = { eventStore: EVENTSTORE_URL, postgres: DATABASE_URL || DATABASE_HOST, nats: NATS_URL };
  return (['eventStore', 'postgres', 'nats'] as const).filter((server) => !named[server]);
}

function watching(): readonly string[] {
  const paths = [join(project, 'src'), join(project, 'migrations'), ...(existsSync('.env') ? ['.env'] : [])];
  return ['--watch', '--watch-preserve-output', ...paths.map((path) => `--watch-path=${path}`)];
}
