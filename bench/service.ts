// The service as `npm start` runs it, on servers that a benchmark runs: with its tables, its publisher and its processes.

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { refuseAtEnd } from './run.ts';

export interface Service {
  /** Where it answers, as soon as it does; rejects when it ends before. */
  readonly url: Promise<string>;
  /** Ends it in order; resolves when it is gone. */
  stop(): Promise<void>;
}

const project = join(import.meta.dirname, '..');

/**
 * Starts it on the servers of a data directory. What it logs goes into `service.log` there.
 *
 * @param flags Node's own
 */
export function startService(dataDir: string, flags: readonly string[] = []): Service {
  refuseAtEnd();
  const { PATH, HOME, NODE_COMPILE_CACHE } = process.env;
  const logFile = join(dataDir, 'service.log');
  const log = openSync(logFile, 'w');
  const child = spawn(process.execPath, [...flags, join(project, 'src/main.ts')], {
    cwd: dataDir,
    env: { PATH, HOME, NODE_COMPILE_CACHE, DATA_DIR: dataDir, PORT: '0', NODE_ENV: 'production' },
    stdio: ['ignore', 'pipe', log],
  });
  closeSync(log);
  const ended = once(child, 'exit').then(() => {
    throw new Error(`The service ended. The end of its log:\n${readFileSync(logFile, 'utf8').slice(-4_000)}`);
  });
  const ready = new Promise<string>((resolve) => {
    createInterface(outputOf(child)).on('line', (line) => {
      const [, url] = /^ready (http:\S+)$/.exec(line) ?? [];
      if (url !== undefined) resolve(url);
    });
  });
  const url = Promise.race([ready, ended]);
  // Who is interrupted before it is there does not wait for it.
  url.catch(() => undefined);
  return { url, stop: () => end(child) };
}

function outputOf({ stdout }: ChildProcess): Readable {
  if (stdout === null) throw new Error('The service has no standard output.');
  return stdout;
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exit = once(child, 'exit');
  child.kill('SIGTERM');
  await exit;
}
