import { type ChildProcess, spawn } from 'node:child_process';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { basename, join } from 'node:path';
import pg from 'pg';
import { describe, expect, it } from 'vitest';
import { eventually } from '../test/support/eventually.ts';
import { temporaryFolder } from '../test/support/temporary-folder.ts';
import { type Server, type Stack, useStack } from './stack.ts';
import { isGone } from './supervised-process.ts';
import { until } from './until.ts';

const all: readonly Server[] = ['eventStore', 'postgres', 'nats'];
const names = ['event-store', 'postgres', 'nats'];

describe('the embedded stack', () => {
  it('keeps data and ports over a restart', async () => {
    await using folder = await temporaryFolder();
    const urls = await withStack(folder.path, all, async (stack) => {
      await query(stack, 'CREATE TABLE kept AS SELECT 42 AS answer');
      return stack.urls;
    });
    await withStack(folder.path, all, async (stack) => {
      expect(stack.urls).toEqual(urls);
      expect(await query(stack, 'SELECT answer FROM kept')).toEqual([{ answer: 42 }]);
    });
    expect(names.filter((name) => !isGone(presence(folder.path, name)))).toEqual([]);
  });

  it('is joined by whoever comes second, and left running by him', async () => {
    await using folder = await temporaryFolder();
    await withStack(folder.path, all, async (owner) => {
      await withStack(folder.path, all, async (joiner) => expect(joiner.urls).toEqual(owner.urls));
      expect(await query(owner, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
    });
  });

  it('is started on the same ports by a joiner who wants to stay up, when its owner stops', async () => {
    await using folder = await temporaryFolder();
    const owner = await useStack({ dataDir: folder.path, servers: all, log: () => undefined });
    await using joiner = await stayingUp(folder.path);
    expect(joiner.owned).toEqual([]);
    await query(owner, 'CREATE TABLE kept AS SELECT 42 AS answer');
    await owner.stop();
    await eventually(async () => expect(await query(joiner, 'SELECT answer FROM kept')).toEqual([{ answer: 42 }]));
    await withStack(folder.path, all, async (next) => {
      expect(next.owned).toEqual([]);
      expect(next.urls).toEqual(owner.urls);
    });
    await joiner.stop();
    expect(names.filter((name) => !isGone(presence(folder.path, name)))).toEqual([]);
  });

  it('is taken over as well after a kill -9 of its owner', async () => {
    await using folder = await temporaryFolder();
    await using owner = runStack(folder.path);
    await owner.ready;
    await using joiner = await stayingUp(folder.path);
    owner.kill('SIGKILL');
    await owner.exitCode;
    await eventually(async () => expect(await query(joiner, 'SELECT 1 AS one')).toEqual([{ one: 1 }]));
  });

  it('starts the servers that were asked for and no others', async () => {
    await using folder = await temporaryFolder();
    await withStack(folder.path, ['nats'], async ({ urls }) => {
      expect(urls).toEqual({ nats: expect.stringMatching(/^nats:\/\/127\.0\.0\.1:\d+$/) });
      expect(readdirSync(join(folder.path, 'logs'))).toEqual(['nats.log']);
    });
  });

  it('is one set of servers for processes that start at the same moment', async () => {
    await using folder = await temporaryFolder();
    await using first = runStack(folder.path);
    await using second = runStack(folder.path);
    const [one, other] = await Promise.all([first.ready, second.ready]);
    expect(urlLines(one)).toHaveLength(3);
    expect(urlLines(other)).toEqual(urlLines(one));
    expect(`${one}${other}`.match(/: started on /g)).toHaveLength(3);
    expect(`${one}${other}`.match(/: joined /g)).toHaveLength(3);
  });

  it('leaves no process behind after a kill -9 of its owner, and recovers at the next start', async () => {
    await using folder = await temporaryFolder();
    await using owner = runStack(folder.path);
    await owner.ready;
    const children = descendantsOf(owner.pid);
    expect(children.length).toBeGreaterThanOrEqual(6);
    owner.kill('SIGKILL');
    // Not before it is dead, or its servers may be joined in their last moment; but at once then, while they are ending.
    await owner.exitCode;
    await withStack(folder.path, all, async (stack) => {
      expect(await query(stack, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
      expect(await until(() => children.every(isDead), 10_000)).toBe(true);
    });
  });

  it('stops on an interrupt with exit code 0, leaving no process', async () => {
    await using folder = await temporaryFolder();
    await using owner = runStack(folder.path);
    await owner.ready;
    const children = descendantsOf(owner.pid);
    owner.kill('SIGINT');
    expect(await owner.exitCode).toBe(0);
    expect(await until(() => children.every(isDead), 10_000)).toBe(true);
  });

  it.each([
    ['it is killed', 'nats-server', /^NATS ended unexpectedly \(killed by signal 9\)\..*nats\.log.*Server is ready/s],
    ['the shell that watches over it is killed', 'sh', /^NATS ended unexpectedly \(killed by SIGKILL\)/],
  ])('says which server ended when %s', async (_, program, story) => {
    await using folder = await temporaryFolder();
    const stack = await useStack({ dataDir: folder.path, servers: ['nats'], log: () => undefined });
    process.kill(ourProcess(program, folder.path), 'SIGKILL');
    await expect(stack.failure).rejects.toThrow(story);
    await stack.stop();
    expect(await until(() => isGone(presence(folder.path, 'nats')), 10_000)).toBe(true);
  });

  it('names the port that was asked for and is taken', async () => {
    await using folder = await temporaryFolder();
    await using taken = await listen();
    const start = useStack({
      dataDir: folder.path,
      servers: ['nats'],
      ports: { nats: taken.port },
      log: () => undefined,
    });
    await expect(start).rejects.toThrow(`NATS cannot listen on 127.0.0.1:${taken.port}`);
  });

  it('explains with the log of the server why it did not come up, and stops the others', async () => {
    await using folder = await temporaryFolder();
    writeFileSync(join(folder.path, 'nats'), 'a file where a folder should be');
    const start = useStack({ dataDir: folder.path, servers: ['eventStore', 'nats'], log: () => undefined });
    await expect(start).rejects.toThrow(/^NATS ended at once \(exit code 1\)\. .*nats\.log.*not a directory/s);
    expect(isGone(presence(folder.path, 'event-store'))).toBe(true);
  });
});

async function withStack<T>(
  dataDir: string,
  servers: readonly Server[],
  use: (stack: Stack) => Promise<T>,
): Promise<T> {
  const stack = await useStack({ dataDir, servers, log: () => undefined });
  try {
    return await use(stack);
  } finally {
    await stack.stop();
  }
}

async function query({ urls }: Stack, sql: string): Promise<unknown[]> {
  const client = new pg.Client({ connectionString: urls.postgres });
  await client.connect();
  const { rows } = await client.query(sql);
  await client.end();
  return rows;
}

async function stayingUp(dataDir: string): Promise<Stack & AsyncDisposable> {
  const stack = await useStack({ dataDir, servers: all, takesOver: true, log: () => undefined });
  return { ...stack, [Symbol.asyncDispose]: () => stack.stop() };
}

function presence(dataDir: string, name: string): string {
  return join(dataDir, 'run', `${name}.alive`);
}

interface StackProcess extends AsyncDisposable {
  readonly pid: number;
  /** What it has printed by the time it is ready. */
  readonly ready: Promise<string>;
  readonly exitCode: Promise<number | null>;
  kill(signal: NodeJS.Signals): void;
}

function runStack(dataDir: string): StackProcess {
  const child = spawn(process.execPath, [join(import.meta.dirname, 'main.ts')], {
    env: { ...process.env, DATA_DIR: dataDir },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const exitCode = new Promise<number | null>((resolve) => child.once('exit', resolve));
  return {
    pid: child.pid ?? 0,
    ready: readyOutputOf(child),
    exitCode,
    kill: (signal) => child.kill(signal),
    async [Symbol.asyncDispose]() {
      child.kill('SIGTERM');
      await exitCode;
    },
  };
}

function readyOutputOf(child: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    let output = '';
    const take = (text: Buffer) => {
      output += text;
      if (/Ctrl-C stops|they end with it/.test(output)) resolve(output);
    };
    child.stdout?.on('data', take);
    child.stderr?.on('data', take);
    child.once('exit', () => reject(new Error(`The stack ended before it was ready:\n${output}`)));
  });
}

function urlLines(output: string): string[] {
  return output.split('\n').filter((line) => /^[A-Z]+_URL=/.test(line));
}

function descendantsOf(ancestor: number): number[] {
  const parents = new Map(runningProcesses().map((pid) => [pid, parentOf(pid)]));
  const descends = (pid: number): boolean => {
    const parent = parents.get(pid);
    return parent !== undefined && (parent === ancestor || descends(parent));
  };
  return [...parents.keys()].filter(descends);
}

function runningProcesses(): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number);
}

function parentOf(pid: number): number | undefined {
  const parent = statOf(pid)?.[1];
  return parent === undefined ? undefined : Number(parent);
}

function isDead(pid: number): boolean {
  const state = statOf(pid)?.[0];
  return state === undefined || state === 'Z';
}

/** State, parent, and so on: what follows the command's name, which may hold spaces. */
function statOf(pid: number): string[] | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  } catch {
    return undefined;
  }
}

function ourProcess(program: string, dataDir: string): number {
  const found = descendantsOf(process.pid).find((pid) => {
    const [file = '', ...args] = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
    return basename(file) === program && args.some((arg) => arg.startsWith(dataDir));
  });
  if (found === undefined) throw new Error(`no ${program} among our processes`);
  return found;
}

async function listen(): Promise<AsyncDisposable & { readonly port: number }> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return {
    port: address.port,
    [Symbol.asyncDispose]: () => new Promise((resolve) => server.close(() => resolve())),
  };
}
