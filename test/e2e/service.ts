// The real process, as `npm start` runs it, with a data directory and a port of its own.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { readEntry } from '../../embedded/server-entry.ts';
import { until } from '../../embedded/until.ts';
import { plainEnvironment } from '../support/plain-environment.ts';

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Body;
}

/** Every field that a test looks at; which of them are there is what the test finds out. */
interface Body {
  readonly id: string;
  readonly name: string;
  readonly status: string;
  readonly data: readonly Body[];
  readonly pagination: { readonly total: number };
  readonly error: {
    readonly code: string;
    readonly details: readonly { readonly path: string; readonly message: string }[];
  };
}

export interface Service extends AsyncDisposable {
  readonly url: string;
  readonly dataDir: string;
  /** Sends a request, JSON if there is a body; the answer's body is parsed if there is one. */
  ask(method: string, path: string, body?: unknown, headers?: Readonly<Record<string, string>>): Promise<Answer>;
  /** Ends it with a signal; resolves to the exit code, null after SIGKILL. */
  end(signal: NodeJS.Signals): Promise<number | null>;
  /** Resolves to the exit code when it has ended. */
  readonly ended: Promise<number | null>;
  /** What it has logged so far. */
  log(): string;
}

export interface ServiceOptions {
  readonly dataDir: string;
  readonly environment?: Readonly<Record<string, string>>;
}

const project = fileURLToPath(new URL('../../', import.meta.url));
const main = 'src/main.ts';

/** Starts the service and waits until it is ready; rejects with its log when it ends instead. */
export async function startService({ dataDir, environment = {} }: ServiceOptions): Promise<Service> {
  const running = runProgram(main, [], dataDir, { PORT: '0', ...environment });
  const url = await Promise.race([
    running.line(/^ready (http:\S+)$/),
    running.ended.then((code) => {
      throw new Error(`the service ended with ${code}:\n${running.output()}`);
    }),
  ]);
  const end = async (signal: NodeJS.Signals) => {
    running.child.kill(signal);
    return running.ended;
  };
  return {
    url,
    dataDir,
    ask: (method, path, body, headers) => ask(`${url}${path}`, method, body, headers),
    end,
    ended: running.ended,
    log: running.output,
    [Symbol.asyncDispose]: async () => {
      const children = descendantsOf(running.child.pid);
      await end('SIGTERM');
      if (!(await until(() => !children.some(isAlive), 20_000))) throw new Error('the service left processes behind');
    },
  };
}

/** Runs a command of main.ts to its end. */
export async function runCommand(
  args: readonly string[],
  dataDir: string,
  environment: Readonly<Record<string, string>> = {},
): Promise<{ readonly code: number | null; readonly output: string }> {
  const running = runProgram(main, args, dataDir, environment);
  return { code: await running.ended, output: running.output() };
}

/** Where the embedded NATS of a data directory listens at present. */
export function natsUrlOf(dataDir: string): string {
  const entry = readEntry(join(dataDir, 'run', 'nats.json'));
  if (entry === null) throw new Error(`no NATS runs on ${dataDir}`);
  return entry.url;
}

/** The processes below a process, whatever their process group. */
export function descendantsOf(pid: number | undefined): readonly number[] {
  const parents = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => parentOf(Number(name)));
  const below = (parent: number): number[] =>
    parents.filter((entry) => entry.parent === parent).flatMap(({ child }) => [child, ...below(child)]);
  return pid === undefined ? [] : below(pid);
}

export function isAlive(pid: number): boolean {
  const [state] = statOf(pid) ?? [];
  return state !== undefined && state !== 'Z';
}

/** The command line of a process; empty when it is gone. */
export function commandOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ');
  } catch {
    return '';
  }
}

export function pidOf(service: Service): number {
  const pid = pids.get(service.url);
  if (pid === undefined) throw new Error('the service has no process');
  return pid;
}

const pids = new Map<string, number>();

/** A program that runs. */
export interface Running {
  readonly child: ChildProcess;
  readonly ended: Promise<number | null>;
  output(): string;
  /** The first group of the first line that matches; later ones are found by their `count`. */
  line(pattern: RegExp, count?: number): Promise<string>;
}

/** Runs a program of the project, in an environment of its own. */
export function runProgram(
  program: string,
  args: readonly string[],
  dataDir: string,
  environment: Readonly<Record<string, string>> = {},
): Running {
  const child = spawn(process.execPath, [join(project, program), ...args], {
    // Not in the project, where the .env of a developer may be.
    cwd: dataDir,
    env: { ...plainEnvironment(), DATA_DIR: dataDir, NODE_ENV: 'production', ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const lines: string[] = [];
  const waiting = new Set<(line: string) => void>();
  for (const stream of [child.stdout, child.stderr]) {
    createInterface(stream).on('line', (line) => {
      lines.push(line);
      for (const look of waiting) look(line);
    });
  }
  return {
    child,
    ended: once(child, 'close').then(([code]) => code as number | null),
    output: () => lines.join('\n'),
    line: (pattern, count = 1) =>
      new Promise((resolve) => {
        let seen = 0;
        const look = (line: string) => {
          const found = pattern.exec(line)?.[1];
          if (found === undefined || ++seen !== count) return;
          waiting.delete(look);
          if (child.pid !== undefined) pids.set(found, child.pid);
          resolve(found);
        };
        waiting.add(look);
        lines.forEach(look);
      }),
  };
}

async function ask(
  url: string,
  method: string,
  body: unknown,
  headers: Readonly<Record<string, string>> = {},
): Promise<Answer> {
  const response = await fetch(url, {
    method,
    headers: { ...(body !== undefined && { 'content-type': 'application/json' }), ...headers },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  return { status: response.status, headers: response.headers, body: text === '' ? undefined : JSON.parse(text) };
}

function parentOf(pid: number): { readonly child: number; readonly parent: number }[] {
  const [, parent] = statOf(pid) ?? [];
  return parent === undefined ? [] : [{ child: pid, parent: Number(parent) }];
}

/** State and parent; undefined when the process is gone. The name before them may hold anything, also brackets. */
function statOf(pid: number): readonly string[] | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  } catch {
    return undefined;
  }
}
