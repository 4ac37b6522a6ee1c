// The processes that a benchmark measures. They end with it.

import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { refuseAtEnd } from './run.ts';

const children = new Set<ChildProcess>();

/** Starts a program of this folder; `flags` are Node's own. */
export function startChild(program: string, args: readonly string[], flags: readonly string[] = []): ChildProcess {
  refuseAtEnd();
  const execArgv = [...flags, '--disable-warning=ExperimentalWarning'];
  const child = fork(join(import.meta.dirname, program), args, { execArgv });
  children.add(child);
  child.once('exit', () => children.delete(child));
  return child;
}

/** The next message of one. Rejects when it ends instead; what it wrote says why. */
export async function messageOf<T>(child: ChildProcess): Promise<T> {
  const waiting = new AbortController();
  const ended = once(child, 'exit', { signal: waiting.signal }).then(([code, signal]) => {
    const how = signal ?? `exit code ${code}`;
    throw new Error(`A measured process ended (${how}). What it wrote above says why; mend that, then try again.`);
  });
  ended.catch(() => undefined);
  try {
    const [message] = (await Promise.race([once(child, 'message', { signal: waiting.signal }), ended])) as [T];
    return message;
  } finally {
    waiting.abort();
  }
}

/** Ends one at once; resolves when it is gone. */
export async function endChild(child: ChildProcess): Promise<void> {
  if (!children.has(child)) return;
  // Not `once` of node:events, which rejects when somebody still sends something to the child.
  const exit = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGKILL');
  await exit;
}

/** Ends all of them at once; resolves when they are gone. */
export async function endChildren(): Promise<void> {
  await Promise.all([...children].map(endChild));
}
