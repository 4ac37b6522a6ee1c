// A program of this folder as a process: what it says is kept, and it is killed where its scope ends.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { plainEnvironment } from '../support/plain-environment.ts';

export interface Program extends AsyncDisposable {
  readonly child: ChildProcess;
  readonly ended: Promise<void>;
  /** How many lines it has said that match. */
  count(pattern: RegExp): number;
  /**
   * Resolves once it has said more than so many lines that match.
   *
   * @throws Error with its last words when it ends before, or takes too long
   */
  saysMoreThan(count: number, pattern: RegExp, withinMs?: number): Promise<void>;
  lastWords(): string;
  /** kill -9, and waits until it is gone. */
  kill(): Promise<void>;
}

const patienceMs = 30_000;

export function startProgram(file: string, environment: Readonly<Record<string, string>>): Program {
  const child = spawn(process.execPath, [join(import.meta.dirname, file)], {
    env: { ...plainEnvironment(), ...environment },
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  });
  const lines: string[] = [];
  const listeners = new Set<() => void>();
  const tell = () => {
    for (const listener of listeners) listener();
  };
  for (const stream of [child.stdout, child.stderr]) {
    if (stream === null) continue;
    createInterface(stream).on('line', (line) => {
      lines.push(line);
      tell();
    });
  }
  let over = false;
  const ended = once(child, 'close').then(() => {
    over = true;
    tell();
  });

  const count = (pattern: RegExp) => lines.filter((line) => pattern.test(line)).length;
  const lastWords = () => `${file}, process ${child.pid}, said last:\n${lines.slice(-15).join('\n')}`;

  function saysMoreThan(number: number, pattern: RegExp, withinMs = patienceMs): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const fail = (what: string) => reject(new Error(`${file} ${what} instead of saying ${pattern}. ${lastWords()}`));
    const look = () => {
      if (count(pattern) > number) resolve();
      else if (over) fail('ended');
    };
    const timer = setTimeout(() => fail(`let ${withinMs} ms pass`), withinMs);
    listeners.add(look);
    look();
    return promise.finally(() => {
      clearTimeout(timer);
      listeners.delete(look);
    });
  }

  async function kill(): Promise<void> {
    child.kill('SIGKILL');
    await ended;
  }

  return { child, ended, count, saysMoreThan, lastWords, kill, [Symbol.asyncDispose]: kill };
}
