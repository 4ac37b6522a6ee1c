// The event store as a process of its own, for specs: what it says is kept, and it is killed where its scope ends.

import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import type { Readable, Writable } from 'node:stream';

export interface Spawned extends AsyncDisposable {
  readonly child: ChildProcessByStdio<Writable, Readable, Readable>;
  /** All that it has written until now. */
  readonly said: { readonly out: string; readonly err: string };
  /** Its connection string, as soon as it says that it is ready. Rejects with what it said when it ends before. */
  readonly ready: Promise<string>;
  /** Its exit code and the signal that ended it, after its last word. */
  readonly ended: Promise<readonly [number | null, NodeJS.Signals | null]>;
  /** kill -9, and waits until it is gone. */
  kill(): Promise<void>;
}

const program = join(import.meta.dirname, 'main.ts');

/** Starts it, by way of another command when one is given. */
export function spawned(args: readonly string[], [command = process.execPath, ...prefix]: string[] = []): Spawned {
  const child = spawn(command, [...prefix, program, ...args], { stdio: ['pipe', 'pipe', 'pipe'] });
  const said = { out: '', err: '' };
  const ready = Promise.withResolvers<string>();
  // Who only wants to see it end does not wait for this.
  ready.promise.catch(() => undefined);
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    said.out += text;
    const url = /^ready (\S+)\n/.exec(said.out)?.[1];
    if (url) ready.resolve(url);
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    said.err += text;
  });
  const ended = once(child, 'close') as Promise<[number | null, NodeJS.Signals | null]>;
  ended.then(
    () => ready.reject(new Error(`The event store ended before it was ready: ${said.out}${said.err}`)),
    ready.reject,
  );

  async function kill(): Promise<void> {
    child.kill('SIGKILL');
    await ended;
  }

  return { child, said, ready: ready.promise, ended, kill, [Symbol.asyncDispose]: kill };
}
