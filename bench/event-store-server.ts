// The event store as a process that is measured: it fills its log when that is empty, serves it, and tells its parent
// what it costs. It ends with its parent.

import { readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { Session } from 'node:inspector/promises';
import { parseArgs } from 'node:util';
import { logVerbosity, setLogVerbosity } from '@grpc/grpc-js';
import { type Log, openLog, type WriteEvent } from '../embedded/event-store/log.ts';
import { ticks } from '../embedded/event-store/records.ts';
import { serveLog } from '../embedded/event-store/server.ts';
import { benchmarkEvent, benchmarkStream } from './event-store-events.ts';
import { openMemoryLog } from './memory-log.ts';

/** What the parent asks, and in the same order is answered. */
export type Question =
  | { readonly ask: 'usage' }
  | { readonly ask: 'profile' }
  | { readonly ask: 'write-profile'; readonly file: string };

/** `cpuSeconds` of all threads since the process began; memory in bytes, now and at most so far. */
export interface Usage {
  readonly cpuSeconds: number;
  readonly resident: number;
  readonly mostResident: number;
}

const eventsPerTransaction = 5_000;
const eventsPerStream = 4;
const msBetweenProgress = 3_000;

const { values } = parseArgs({
  options: {
    log: { type: 'string' },
    file: { type: 'string', default: ':memory:' },
    events: { type: 'string', default: '0' },
    'event-bytes': { type: 'string', default: '500' },
  },
});
setLogVerbosity(logVerbosity.NONE);
const session = new Session();
// Ctrl-C reaches the whole group: the parent says when this is over, or is gone.
process.on('SIGINT', () => undefined);
process.on('disconnect', () => process.exit(1));

const log = values.log === 'memory' ? openMemoryLog() : openLog(values.file);
if (log.head() === 0n) await fill(log, Number(values.events), Number(values['event-bytes']));
const { url } = await serveLog(log, {});
process.on('message', (question: Question) => void answer(question).then((told) => process.send?.(told ?? null)));
process.send?.(url);

async function fill(log: Log, events: number, eventBytes: number): Promise<void> {
  let reported = performance.now();
  for (let from = 0; from < events; from += eventsPerTransaction) {
    log.transact((write) => writeRange(write, from, Math.min(from + eventsPerTransaction, events), eventBytes));
    await new Promise((resolve) => setImmediate(resolve));
    if (performance.now() - reported < msBetweenProgress) continue;
    reported = performance.now();
    console.error(`  ${from} of ${events} events written to the ${values.log} log`);
  }
}

function writeRange(write: WriteEvent, from: number, to: number, eventBytes: number): void {
  let stream = benchmarkStream();
  for (let index = from; index < to; index++) {
    const revision = BigInt((index - from) % eventsPerStream);
    if (revision === 0n) stream = benchmarkStream();
    const { id, type, data, metadata } = benchmarkEvent(eventBytes);
    const bytes = (value: object) => Buffer.from(JSON.stringify(value));
    write(
      stream,
      revision,
      { id, type, isJson: true, data: bytes(data), metadata: bytes(metadata) },
      ticks(Date.now()),
    );
  }
}

async function answer(question: Question): Promise<Usage | undefined> {
  switch (question.ask) {
    case 'usage':
      return usage();
    case 'profile':
      session.connect();
      await session.post('Profiler.enable');
      await session.post('Profiler.start');
      return undefined;
    case 'write-profile': {
      const { profile } = await session.post('Profiler.stop');
      session.disconnect();
      await writeFile(question.file, JSON.stringify(profile));
      return undefined;
    }
  }
}

function usage(): Usage {
  const { user, system } = process.cpuUsage();
  const resident = process.memoryUsage.rss();
  return { cpuSeconds: (user + system) / 1e6, resident, mostResident: mostResident() };
}

// Node's own figure may be that of the process we were forked from, before we were anything.
function mostResident(): number {
  try {
    const [, kibibytes] = /^VmHWM:\s*(\d+) kB$/m.exec(readFileSync('/proc/self/status', 'utf8')) ?? [];
    if (kibibytes !== undefined) return Number(kibibytes) * 1024;
  } catch {
    // Only Linux has it.
  }
  return process.resourceUsage().maxRSS * 1024;
}
