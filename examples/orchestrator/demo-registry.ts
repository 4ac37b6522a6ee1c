// A registry of the demonstration's own: the real service with servers, files and keys that nobody else has.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { text } from 'node:stream/consumers';
import { setTimeout as delay } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { z } from 'zod';

export interface DemoRegistry extends AsyncDisposable {
  readonly url: string;
  readonly natsUrl: string;
  readonly connector: Connector;
  /**
   * Sends a request to the REST API.
   *
   * @returns the `id` and, of a gateway, the `status` in the answer, when it has them
   * @throws Error when it is refused
   */
  ask(method: string, path: string, body?: unknown): Promise<Answer>;
  /** Asks again and again until a gateway has a status; throws when that takes over 30 s. */
  untilStatus(gatewayId: string, status: Status): Promise<void>;
}

/** Whether the registry hears heartbeats of a gateway. */
export type Status = 'online' | 'offline';

/** What a connector has: its private key, and the right to read passwords. */
export interface Connector {
  readonly privateKey: string;
  readonly token: string;
}

const Answer = z.object({ id: z.string().default(''), status: z.string().optional() });
export type Answer = z.output<typeof Answer>;

const patienceMs = 30_000;
const pollMs = 100;
const main = join(import.meta.dirname, '../../src/main.ts');
const preloaded = pathToFileURL(join(import.meta.dirname, 'end-with-parent.ts')).href;

/**
 * Starts a registry in an empty folder, and waits until it answers.
 *
 * @throws Error when it does not come up, or the signal aborts before it has
 */
export async function startDemoRegistry(folder: string, signal: AbortSignal): Promise<DemoRegistry> {
  const { connector, publicKeys } = await makeKeys(folder, signal);
  const dataDir = join(folder, 'data');
  const child = start(folder, ['--import', preloaded, main], {
    DATA_DIR: dataDir,
    PORT: '0',
    NODE_ENV: 'production',
    LOG_LEVEL: 'warn',
    CREDENTIALS_PUBLIC_KEYS: publicKeys,
  });
  const ended = once(child, 'close');
  const logFile = join(folder, 'registry.log');
  child.stderr?.pipe(createWriteStream(logFile));
  const stop = async () => {
    child.stdin?.end();
    await ended;
  };
  try {
    const url = await Promise.race([readyLine(child), untilAborted(signal), ended.then(() => undefined)]);
    if (url === undefined) throw new Error(`The registry has ended. Its log:\n${await readFile(logFile, 'utf8')}`);
    const natsUrl = await readNatsUrl(dataDir);
    const ask = askerOf(url, signal);
    const untilStatus = (id: string, status: Status) => waitForStatus(ask, id, status, signal);
    return { url, natsUrl, connector, ask, untilStatus, [Symbol.asyncDispose]: stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** As README.md tells it: a key that signs, the key of a connector, and a token for that. */
async function makeKeys(folder: string, signal: AbortSignal) {
  const run = async (words: readonly string[], input = '') => {
    const child = start(folder, [main, 'credentials', ...words], {}, signal);
    child.stdin?.end(input);
    if (child.stdout === null || child.stderr === null) throw new Error('A command without output.');
    const [output, errors, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')]);
    if (code !== 0) throw new Error(`npm run credentials -- ${words[0]} has failed: ${errors}`);
    return { output: output.trim(), errors };
  };
  const [signing, connector] = await Promise.all([run(['keygen']), run(['connector-keygen'])]);
  const [, publicKeys = ''] = /CREDENTIALS_PUBLIC_KEYS=(\S+)/.exec(signing.errors) ?? [];
  const [, key = ''] = /^ {2}(\S{43})$/m.exec(connector.errors) ?? [];
  const token = await run(['token', 'subject=orchestrator', 'organizations=*', `key=${key}`], signing.output);
  return { publicKeys, connector: { privateKey: connector.output, token: token.output } };
}

/** Starts a program. Ctrl-C in a terminal does not reach it: it is in a group of its own. */
function start(
  folder: string,
  args: readonly string[],
  environment: Readonly<Record<string, string>>,
  signal?: AbortSignal,
): ChildProcess {
  const { PATH = '', HOME = '' } = process.env;
  return spawn(process.execPath, args, {
    // Not where the .env of a developer may be.
    cwd: folder,
    env: { PATH, HOME, ...environment },
    detached: true,
    ...(signal && { signal }),
  });
}

function readyLine({ stdout }: ChildProcess): Promise<string> {
  if (stdout === null) throw new Error('The registry has no standard output.');
  return new Promise((resolve) => {
    createInterface(stdout).on('line', (line) => {
      const [, url] = /^ready (http:\S+)$/.exec(line) ?? [];
      if (url !== undefined) resolve(url);
    });
  });
}

async function untilAborted(signal: AbortSignal): Promise<never> {
  if (!signal.aborted) await once(signal, 'abort');
  throw signal.reason;
}

async function readNatsUrl(dataDir: string): Promise<string> {
  const entry: unknown = JSON.parse(await readFile(join(dataDir, 'run', 'nats.json'), 'utf8'));
  return z.object({ url: z.string() }).parse(entry).url;
}

function askerOf(url: string, signal: AbortSignal): DemoRegistry['ask'] {
  return async (method, path, body) => {
    const response = await fetch(`${url}${path}`, {
      method,
      signal,
      ...(body !== undefined && { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }),
    });
    const answer = await response.text();
    if (!response.ok) throw new Error(`${method} ${path} is refused: ${answer}`);
    return Answer.parse(answer === '' ? {} : JSON.parse(answer));
  };
}

async function waitForStatus(ask: DemoRegistry['ask'], id: string, status: Status, signal: AbortSignal): Promise<void> {
  const deadline = performance.now() + patienceMs;
  while ((await ask('GET', `/api/gateways/${id}`)).status !== status) {
    if (performance.now() > deadline) throw new Error(`The gateway ${id} does not become ${status}.`);
    await delay(pollMs, undefined, { signal });
  }
}
