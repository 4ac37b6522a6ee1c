// One server of a data directory. Its owner holds the lock for as long as the server runs, and publishes an entry once
// it answers. Lock taken, entry there, server answers: join. Lock free: whatever the entry says, the owner is gone; wait
// until its server is gone too, then start anew. Anything between these: ask again.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { StartedServer } from './launch.ts';
import { once } from './once.ts';
import type { PortWish } from './ports.ts';
import { readEntry, removeEntry, type ServerEntry, writeEntry } from './server-entry.ts';
import { type ServerLock, tryLock } from './server-lock.ts';

export interface ServerKind {
  /** Names its files. */
  readonly name: string;
  /** What people call it. */
  readonly title: string;
  readonly start: (dataDir: string, wish: PortWish) => Promise<StartedServer>;
  readonly answers: (entry: ServerEntry) => Promise<boolean>;
}

export interface UsedServer {
  readonly url: string;
  readonly port: number;
  /** Whether it was started here, and ends with us. */
  readonly owned: boolean;
  /** Resolves with the story when a server that was started here ends without stop(). */
  readonly died: Promise<Error>;
  /** Stops the server when it was started here. */
  stop(): Promise<void>;
}

interface Files {
  readonly lock: string;
  readonly entry: string;
  readonly port: string;
}

const patienceMs = 120_000;

/** Rejects when the server does not start, or when its owner does not get it to answer. */
export async function joinOrStart(
  kind: ServerKind,
  dataDir: string,
  port: number | undefined,
  log: (message: string) => void,
): Promise<UsedServer> {
  const files = filesOf(kind, dataDir);
  const deadline = performance.now() + patienceMs;
  while (performance.now() < deadline) {
    const lock = tryLock(files.lock);
    if (lock) return start(kind, dataDir, files, lock, port, log);
    const entry = await runningEntry(kind, files);
    if (entry) return joined(kind, dataDir, entry, port, log);
    await delay(50);
  }
  throw new Error(
    `Another process has started ${kind.title} on ${dataDir}, but it does not answer. ` +
      `Stop that process (fuser -v ${files.lock} shows it) or wait until it is ready, then try again.`,
  );
}

/** Whether a process owns the server at this moment: one that has it up, or is about to. */
export function isOwned(kind: ServerKind, dataDir: string): boolean {
  const lock = tryLock(filesOf(kind, dataDir).lock);
  lock?.release();
  return lock === null;
}

async function start(
  kind: ServerKind,
  dataDir: string,
  files: Files,
  lock: ServerLock,
  port: number | undefined,
  log: (message: string) => void,
): Promise<UsedServer> {
  try {
    removeEntry(files.entry);
    const server = await kind.start(dataDir, { fixed: port, preferred: lastPort(files.port) });
    const { url, port: used, instance } = server;
    writeFileSync(files.port, String(used));
    writeEntry(files.entry, { url, port: used, instance });
    log(`${kind.title}: started on 127.0.0.1:${used}`);
    return { url, port: used, owned: true, died: server.died, stop: once(() => stop(server, files, lock)) };
  } catch (error) {
    lock.release();
    throw error;
  }
}

/** The entry goes first, so that nobody joins a server that is about to end; the lock last, when it has ended. */
async function stop(server: StartedServer, files: Files, lock: ServerLock): Promise<void> {
  removeEntry(files.entry);
  await server.stop();
  lock.release();
}

/** The entry is read again after the answer: a new owner may have removed it while its predecessor's server was ending. */
async function runningEntry(kind: ServerKind, files: Files): Promise<ServerEntry | null> {
  const entry = readEntry(files.entry);
  if (entry === null || !(await kind.answers(entry))) return null;
  return readEntry(files.entry)?.instance === entry.instance ? entry : null;
}

function joined(
  kind: ServerKind,
  dataDir: string,
  entry: ServerEntry,
  port: number | undefined,
  log: (message: string) => void,
): UsedServer {
  if (port !== undefined && port !== entry.port) {
    throw new Error(
      `${kind.title} already runs on ${dataDir} with port ${entry.port}, not ${port}. ` +
        'Stop the process that runs it, or leave the port unset to use it as it is.',
    );
  }
  log(`${kind.title}: joined the one that runs on 127.0.0.1:${entry.port}`);
  return { url: entry.url, port: entry.port, owned: false, died: never, stop: async () => undefined };
}

const never = new Promise<Error>(() => undefined);

function filesOf(kind: ServerKind, dataDir: string): Files {
  const stem = join(dataDir, 'run', kind.name);
  return { lock: `${stem}.lock`, entry: `${stem}.json`, port: `${stem}.port` };
}

function lastPort(file: string): number | undefined {
  try {
    const port = Number(readFileSync(file, 'utf8'));
    return Number.isInteger(port) && port > 0 && port < 65_536 ? port : undefined;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  }
}
