// npm run docker:up, docker:down and docker:reset: what docker-compose.yml describes, started, stopped, started anew.
// Plain JavaScript for Node 20, without dependencies: whoever has Docker need not install ours first.
import { spawnSync } from 'node:child_process';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const project = dirname(dirname(fileURLToPath(import.meta.url)));

const serviceOption =
  '  --service   also builds and runs the registry itself, in production mode; ENCRYPTION_KEY or ENCRYPTION_KEYS has to be set';

const commands = {
  up: {
    options: { service: { type: 'boolean' } },
    usage: `npm run docker:up [-- --service]

Runs EventStoreDB, Postgres and NATS in containers, waits until they are healthy, and prints their URLs.

${serviceOption}`,
    run: up,
  },
  down: {
    options: {},
    usage: `npm run docker:down

Stops and removes the containers. What they stored stays, for the next docker:up.`,
    run: () => compose('--profile', 'service', 'down'),
  },
  reset: {
    options: { service: { type: 'boolean' } },
    usage: `npm run docker:reset [-- --service]

Removes the containers with ALL THEY STORED, the events included, and starts them anew, empty.

${serviceOption}`,
    run: reset,
  },
};

const environmentHelp = `
Ports and passwords come from the environment or .env: see "Containers" in .env.example.
Docker with Compose is needed. npm start needs neither: it runs the servers on this machine without containers.`;

try {
  main(process.argv.slice(2));
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}

function main([name, ...args]) {
  const command = Object.hasOwn(commands, name) ? commands[name] : undefined;
  if (command === undefined) throw new Error(`Commands are ${Object.keys(commands).join(', ')}; --help explains.`);
  const help = { type: 'boolean', short: 'h' };
  const { values } = parseArgs({ args, options: { ...command.options, help } });
  if (values.help) return console.log(`${command.usage}\n${environmentHelp}`);
  refuseWithoutDocker();
  command.run(values);
}

function up({ service = false }) {
  if (service) refuseWithoutKey();
  compose(...profile(service), 'up', '--detach', '--wait');
  console.log(summary(service));
}

function reset(options) {
  // Before anything is thrown away, not after it.
  if (options.service) refuseWithoutKey();
  compose('--profile', 'service', 'down', '--volumes');
  up(options);
}

/** Each of the three is missed in its own way, and Docker's own words for it name no way on. */
function refuseWithoutDocker() {
  const client = docker(['--version']);
  if (client.error !== undefined) throw new Error(waysOn('Docker is not installed: there is no docker on PATH.'));
  if (docker(['compose', 'version']).status !== 0) throw new Error(waysOn('This Docker has no Compose plugin.'));
  const engine = docker(['version', '--format', '{{.Server.Version}}']);
  if (engine.status !== 0) throw new Error(waysOn(`Docker's engine does not answer: ${engine.stderr.trim()}`));
}

function waysOn(reason) {
  return `${reason}
Either install and start Docker with Compose (https://docs.docker.com/get-started/get-docker/), or use what needs none:
  npm start        the registry and its servers on this machine
  npm run stack    the servers alone`;
}

/** docker-compose.yml refuses as well, but only when everything is built and running, and in a log. */
function refuseWithoutKey() {
  const { ENCRYPTION_KEYS, ENCRYPTION_KEY } = resolved(true).services.registry.environment;
  if (ENCRYPTION_KEYS || ENCRYPTION_KEY) return;
  throw new Error(
    'ENCRYPTION_KEY is not set. Gateway passwords are encrypted with it: put 32 bytes in base64 into .env ' +
      '(openssl rand -base64 32) and keep a copy, because nothing else opens them.',
  );
}

function summary(service) {
  const { services } = resolved(service);
  const address = (name) => `127.0.0.1:${services[name].ports[0].published}`;
  const { POSTGRES_USER, POSTGRES_PASSWORD, POSTGRES_DB } = services.postgres.environment;
  const credentials = `${encodeURIComponent(POSTGRES_USER)}:${encodeURIComponent(POSTGRES_PASSWORD)}`;
  const servers = `
The servers are ready. For a registry that runs outside of the containers, in .env or the environment:

EVENTSTORE_URL=esdb://${address('eventstore')}?tls=false
DATABASE_URL=postgres://${credentials}@${address('postgres')}/${POSTGRES_DB}
NATS_URL=nats://${address('nats')}

It needs an ENCRYPTION_KEY as well, and npm run db:migrate once. npm run docker:down stops them.`;
  return service ? `${servers}\n\nready http://${address('registry')}` : servers;
}

/** The file with every variable filled in, from the environment or .env, as Compose itself does it. */
function resolved(service) {
  const { status, stdout, stderr } = docker(['compose', ...profile(service), 'config', '--format', 'json']);
  if (status !== 0) throw new Error(stderr.trim());
  // It doubles every $, so that its output can be a compose file again.
  return JSON.parse(stdout.replaceAll('$$', () => '$'));
}

function profile(service) {
  return service ? ['--profile', 'service'] : [];
}

function compose(...args) {
  const { status, signal } = docker(['compose', ...args], 'inherit');
  if (status === 0) return;
  const ending = signal ?? `exit code ${status}`;
  throw new Error(`docker compose ${args.join(' ')} ended with ${ending}; docker compose logs may say why.`);
}

function docker(args, stdio = 'pipe') {
  return spawnSync('docker', args, { cwd: project, stdio, encoding: 'utf8' });
}
