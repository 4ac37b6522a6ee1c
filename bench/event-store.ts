// npm run bench:event-store: the embedded event store beside itself with a log in memory, by turns, in stores of
// several sizes; then what it keeps in memory, and how soon a test has one.

import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { EventStoreDBClient, START } from '@eventstore/db-client';
import { startEventStore } from '../embedded/event-store/server.ts';
import { syncsPerSecond } from './disk.ts';
import { append, catchUp, type Measure, measures, nearEndOf } from './event-store-measures.ts';
import { type BenchmarkOptions, optionsOf, usage } from './event-store-options.ts';
import { type LogKind, type MeasuredServer, startMeasuredServer, stopMeasuredServers } from './event-store-process.ts';
import { type MemoryReading, type Reading, type Results, reportOf } from './event-store-report.ts';
import { byTurns, wholeText } from './rounds.ts';
import { ownFolder, runBenchmark, running, tell } from './run.ts';

interface Subject {
  readonly log: LogKind;
  readonly stored: number;
  readonly server: MeasuredServer;
  readonly client: EventStoreDBClient;
}

const logKinds: readonly LogKind[] = ['file', 'memory'];
const longestWarmUp = 0.5;
const freshStarts = 20;
const quicklyFilled = 100_000;

await runBenchmark({
  usage,
  optionsOf,
  async measure(options) {
    if (options.profile !== undefined) mkdirSync(options.profile, { recursive: true });
    const folder = await ownFolder('event-store');
    running.defer(stopMeasuredServers);
    return reportOf(await measureAll(options, folder), options);
  },
});

async function measureAll(options: BenchmarkOptions, folder: string): Promise<Results> {
  tell('fresh starts');
  const starts = {
    ':memory:': await timeStarts(() => ':memory:'),
    'a new file': await timeStarts((start) => join(folder, `start-${start}.sqlite`)),
  };
  const readings: Reading[] = [];
  const syncs: number[] = [];
  for (let round = 0; round < options.rounds; round++) {
    readings.push(...(await measureRound(round, options, folder)));
    syncs.push(syncsPerSecond(join(folder, 'sync'), options.seconds));
  }
  return { starts, readings, syncs, memory: await readMemory(options, folder) };
}

async function timeStarts(fileOf: (start: number) => string): Promise<number[]> {
  const milliseconds: number[] = [];
  for (let start = 0; start < freshStarts; start++) {
    const before = performance.now();
    const server = await startEventStore({ file: fileOf(start) });
    milliseconds.push(performance.now() - before);
    await server.stop();
  }
  return milliseconds;
}

async function measureRound(round: number, options: BenchmarkOptions, folder: string): Promise<Reading[]> {
  const progress = (step: string) => tell(`round ${round + 1} of ${options.rounds}: ${step}`);
  const readings: Reading[] = [];
  progress('starting and warming up');
  const subjects: Subject[] = [];
  for (const stored of options.sizes) {
    for (const log of logKinds) subjects.push(await startSubject(log, stored, options, fileOf(folder, stored, round)));
  }
  const warmUp = { ...options, seconds: Math.min(longestWarmUp, options.seconds) };
  for (const { client } of subjects) {
    const nearEnd = await nearEndOf(client, options);
    for (const { run } of measures) await run(client, warmUp, nearEnd);
  }
  for (const measure of measures) {
    progress(measure.title);
    await byTurns(subjects, round, async (subject) => {
      readings.push(await take(measure, subject, options, round));
    });
  }
  await Promise.all(subjects.map(stopSubject));
  return readings;
}

/** A large store grows little in a round and is kept; a small one is made anew, or it would not be small for long. */
function fileOf(folder: string, stored: number, round: number): string {
  return join(folder, stored > quicklyFilled ? `${stored}.sqlite` : `${stored}-${round}.sqlite`);
}

async function startSubject(log: LogKind, stored: number, options: BenchmarkOptions, file: string): Promise<Subject> {
  const server = await startMeasuredServer({ log, file, events: stored, eventBytes: options.eventBytes });
  return { log, stored, server, client: EventStoreDBClient.connectionString(server.url) };
}

async function stopSubject({ server, client }: Subject): Promise<void> {
  await client.dispose();
  await server.stop();
}

async function take(measure: Measure, subject: Subject, options: BenchmarkOptions, round: number): Promise<Reading> {
  const { log, stored, server, client } = subject;
  const nearEnd = await nearEndOf(client, options);
  const run = () => measure.run(client, options, nearEnd);
  const before = await server.usage();
  const { events, seconds } =
    options.profile === undefined
      ? await run()
      : await server.profiled(profileFile(options.profile, measure, subject, round), run);
  const { cpuSeconds } = await server.usage();
  const cpuMicroseconds = ((cpuSeconds - before.cpuSeconds) * 1e6) / events;
  return { measure: measure.title, log, stored, perSecond: events / seconds, cpuMicroseconds };
}

function profileFile(folder: string, { title }: Measure, { log, stored }: Subject, round: number): string {
  const words = title.replace(/\W+/g, '-');
  return join(folder, `${words}-${log}-${stored}-${round + 1}.cpuprofile`);
}

async function readMemory(options: BenchmarkOptions, folder: string): Promise<MemoryReading[]> {
  const stored = Math.max(...options.sizes);
  tell(`memory with ${wholeText(stored)} events`);
  const subject = await startSubject('file', stored, options, fileOf(folder, stored, options.rounds));
  const readings: MemoryReading[] = [];
  const read = async (after: string) => {
    const { resident, mostResident } = await subject.server.usage();
    readings.push({ after, resident, mostResident });
  };
  await read('the start');
  await catchUp(subject.client, START, (events) => tell(`memory: ${wholeText(events)} events read`));
  await read('a subscription to all of $all');
  await append(subject.client, options, 64);
  await read('appends, 64 in flight');
  await stopSubject(subject);
  return readings;
}
