// The service under npm, which passes on the signals that it gets.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { expect, it, vi } from 'vitest';
import { plainEnvironment } from '../support/plain-environment.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const project = fileURLToPath(new URL('../../', import.meta.url));

/** Nothing listens on port 1: to start and to end the service needs none of its stores. */
const away = {
  EVENTSTORE_URL: 'esdb://127.0.0.1:1?tls=false',
  DATABASE_URL: 'postgres://nobody@127.0.0.1:1/mti_wifi',
  NATS_URL: 'nats://127.0.0.1:1',
  ENCRYPTION_KEY: Buffer.alloc(32, 7).toString('base64'),
};

it('ends in order when npm is told to end', async () => {
  await using npm = await startWithNpm();
  npm.child.kill('SIGTERM');

  expect(await npm.ended(), npm.output()).toBe(0);
  expect(npm.output()).toContain('SIGTERM: stopping');
});

it('ends in order on Ctrl-C, which it hears from the terminal and from npm', async () => {
  await using npm = await startWithNpm();
  // Or it would have ended before npm has passed anything on.
  await using _halfARequest = await sendHalfARequest(npm.url());
  npm.toAll('SIGINT');

  expect(await npm.ended(), npm.output()).toBe(0);
  expect(npm.output()).toContain('SIGINT: stopping');
});

/** npm start, without the step before that looks for dependencies, and ready; with a process group of its own, as in a terminal. */
async function startWithNpm() {
  await using scope = new AsyncDisposableStack();
  const { path: DATA_DIR } = scope.use(await temporaryFolder());
  const child = spawn('npm', ['start', '--ignore-scripts'], {
    cwd: project,
    detached: true,
    env: { ...plainEnvironment(), ...away, DATA_DIR, PORT: '0', NODE_ENV: 'production' },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text) => (output += text));
  // Not before the service has ended as well: it has the same output.
  const closed = once(child, 'close').then(([code]) => code as number | null);
  scope.defer(async () => {
    signalAll(child, 'SIGKILL');
    await closed;
  });
  await vi.waitFor(() => expect(output).toMatch(/^ready http/m), { timeout: 60_000, interval: 20 });
  const kept = scope.move();
  return {
    child,
    ended: () => Promise.race([closed, tooLate(30_000)]),
    output: () => output,
    url: () => /^ready (\S+)$/m.exec(output)?.[1] ?? '',
    toAll: (signal: NodeJS.Signals) => signalAll(child, signal),
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  };
}

async function tooLate(milliseconds: number): Promise<never> {
  await delay(milliseconds, undefined, { ref: false });
  throw new Error(`it goes on for more than ${milliseconds} ms`);
}

/** Begins a request that the service waits for, also when it is told to end. */
async function sendHalfARequest(url: string): Promise<AsyncDisposable> {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  const lines = ['POST /api/organizations HTTP/1.1', `Host: ${hostname}`, 'Content-Length: 9', 'Expect: 100-continue'];
  socket.write(`${lines.join('\r\n')}\r\n\r\n`);
  const [answer] = await once(socket, 'data');
  expect(String(answer)).toContain('100 Continue');
  const closed = once(socket, 'close');
  return {
    async [Symbol.asyncDispose]() {
      socket.destroy();
      await closed;
    },
  };
}

function signalAll({ pid }: ChildProcess, signal: NodeJS.Signals): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, signal);
  } catch (error) {
    // All have ended.
    if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error;
  }
}
