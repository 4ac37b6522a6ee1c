// A nats-server for fault tests: it can be killed, frozen and wiped, and started again on its port and store.
import { readdirSync, readFileSync } from 'node:fs';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { findNatsServer, natsAnswers } from '../../embedded/nats.ts';
import { choosePort } from '../../embedded/ports.ts';
import { startSupervised } from '../../embedded/supervised-process.ts';
import { until } from '../../embedded/until.ts';
import { temporaryFolder } from './temporary-folder.ts';

export interface NatsProcess extends AsyncDisposable {
  readonly url: string;
  start(): Promise<void>;
  /** kill -9, and waits until it is gone. */
  kill(): Promise<void>;
  /** Stops it from running, without a word to anyone, until it is thawed. */
  freeze(): void;
  thaw(): void;
  /** Removes all that it has stored; it must not run. */
  wipe(): Promise<void>;
}

/** The servers to test against, by name: the one that people have, and the newest at hand where there is one. */
export function natsServers(): readonly (readonly [string, string])[] {
  const packaged = packagedNatsServer();
  const found = findNatsServer();
  if (packaged === undefined || packaged === found) return [['nats-server', found]];
  return [
    ['nats-server on PATH', found],
    ['nats-server of npm', packaged],
  ];
}

/**
 * A nats-server of its own with an empty store, running.
 *
 * @param settings what its configuration file says, besides what the test decides
 */
export async function startNatsProcess(file = findNatsServer(), settings = ''): Promise<NatsProcess> {
  const folder = await temporaryFolder();
  const port = await choosePort('NATS', {});
  const store = join(folder.path, 'store');
  const pidFile = join(folder.path, 'pid');
  const instance = `test-${port}`;
  const configuration = join(folder.path, 'nats.conf');
  await writeFile(configuration, settings);
  const args = [
    '-c',
    configuration,
    '-a',
    '127.0.0.1',
    '-p',
    `${port}`,
    '--name',
    instance,
    '-js',
    '-sd',
    store,
    '-P',
    pidFile,
  ];
  let server = await startServer();
  let pid = await readPid();

  return {
    url: `nats://127.0.0.1:${port}`,
    async start() {
      server = await startServer();
      pid = await readPid();
    },
    async kill() {
      process.kill(pid, 'SIGKILL');
      await server.ended;
    },
    freeze() {
      process.kill(pid, 'SIGSTOP');
      // The signal is on its way for a moment, in which it would still answer.
      while (!isStopped(pid));
    },
    thaw: () => void process.kill(pid, 'SIGCONT'),
    wipe: () => rm(store, { recursive: true }),
    async [Symbol.asyncDispose]() {
      if (!server.hasEnded()) {
        process.kill(pid, 'SIGCONT');
        await server.stop();
      }
      await folder[Symbol.asyncDispose]();
    },
  };

  async function startServer() {
    const started = await startSupervised({ file, args }, join(folder.path, 'nats.log'), join(folder.path, 'alive'));
    const ready = await until(async () => started.hasEnded() || (await natsAnswers(port, instance)), 20_000);
    if (!ready || started.hasEnded()) throw new Error(`${file} does not come up: ${await readLog()}`);
    return started;
  }

  async function readPid(): Promise<number> {
    return Number(await readFile(pidFile, 'utf8'));
  }

  function readLog(): Promise<string> {
    return readFile(join(folder.path, 'nats.log'), 'utf8');
  }
}

/** Whether all threads of a process have been stopped. */
function isStopped(pid: number): boolean {
  const threads = `/proc/${pid}/task`;
  return readdirSync(threads).every((thread) => /\) T /.test(readFileSync(join(threads, thread, 'stat'), 'utf8')));
}

function packagedNatsServer(): string | undefined {
  try {
    return findNatsServer('');
  } catch {
    return undefined;
  }
}
