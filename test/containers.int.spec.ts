// The image without an engine: its files and its packages alone, run by its own command and asked by its own check.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync } from 'node:fs';
import { basename, join } from 'node:path';
import { expect, it } from 'vitest';
import { choosePort } from '../embedded/ports.ts';
import { until } from '../embedded/until.ts';
import { copiedIntoImage, execFormOf, imageEnvironment, readProjectFile, root } from './containers.ts';
import { createDatabase, startEventStore, startNats } from './support/servers.ts';
import { temporaryFolder } from './support/temporary-folder.ts';

it('what gets into the image is enough to migrate, to serve, to be found healthy and to end on SIGTERM', async () => {
  await using image = await temporaryFolder();
  copyIntoImage(image.path);
  await using eventStore = await startEventStore();
  await using database = await createDatabase();
  await using nats = await startNats();
  const environment = {
    ...imageEnvironment(),
    HOST: '127.0.0.1',
    PORT: String(await choosePort('The registry', {})),
    EVENTSTORE_URL: eventStore.url,
    DATABASE_URL: database.url,
    NATS_URL: nats.url,
    ENCRYPTION_KEY: Buffer.alloc(32, 7).toString('base64'),
  };
  const serve = execFormOf('CMD');

  const migration = run([...serve, 'db:migrate'], image.path, environment);
  expect(await migration.ended, migration.output()).toBe(0);

  const isHealthy = async () => (await run(execFormOf('HEALTHCHECK'), image.path, environment).ended) === 0;
  expect(await isHealthy()).toBe(false);
  const service = run(serve, image.path, environment);
  try {
    expect(await until(() => service.output().includes('ready http://'), 20_000), service.output()).toBe(true);
    expect(await isHealthy()).toBe(true);
    const { status } = await fetch(`http://127.0.0.1:${environment.PORT}/api/organizations`);
    expect(status).toBe(200);
  } finally {
    service.child.kill('SIGTERM');
  }
  expect(await service.ended, service.output()).toBe(0);
}, 120_000);

/** The files that the Dockerfile copies, and the packages that npm ci --omit=dev --omit=optional leaves. */
function copyIntoImage(folder: string): void {
  for (const name of copiedIntoImage()) {
    const isWanted = (path: string) => !path.endsWith('.spec.ts');
    cpSync(join(root, name), join(folder, name), { recursive: true, filter: isWanted });
  }
  const { packages } = JSON.parse(readProjectFile('package-lock.json')) as {
    packages: Readonly<Record<string, { dev?: boolean; optional?: boolean; devOptional?: boolean }>>;
  };
  for (const [path, { dev, optional, devOptional }] of Object.entries(packages)) {
    if (path === '' || dev || optional || devOptional) continue;
    // Packages within a package have entries of their own.
    const isOwn = (source: string) => basename(source) !== 'node_modules';
    cpSync(join(root, path), join(folder, path), { recursive: true, filter: isOwn });
  }
}

interface Running {
  readonly child: ChildProcess;
  readonly ended: Promise<number | null>;
  output(): string;
}

function run(
  [program = '', ...args]: readonly string[],
  cwd: string,
  environment: Readonly<Record<string, string>>,
): Running {
  const command = program === 'node' ? process.execPath : program;
  const child = spawn(command, args, { cwd, env: environment, stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text) => (output += text));
  return { child, output: () => output, ended: once(child, 'close').then(([code]) => code as number | null) };
}
