// What the readings of the benchmark of the event store say, and how that compares to what it aims at.

import { availableParallelism } from 'node:os';
import { type Measure, measures } from './event-store-measures.ts';
import type { BenchmarkOptions } from './event-store-options.ts';
import type { LogKind } from './event-store-process.ts';
import { ratioOf, type Spread, spreadOf, spreadText, tableOf, wholeText } from './rounds.ts';

/** One measure of one server in one round. */
export interface Reading {
  readonly measure: string;
  readonly log: LogKind;
  /** How many events the store was filled with. */
  readonly stored: number;
  readonly perSecond: number;
  /** What one event cost the server, in all of its threads. */
  readonly cpuMicroseconds: number;
}

/** In bytes: now, and at most since the server started. */
export interface MemoryReading {
  readonly after: string;
  readonly resident: number;
  readonly mostResident: number;
}

export interface Results {
  /** Milliseconds until a fresh server in the same process accepts calls, by where SQLite keeps its log. */
  readonly starts: Readonly<Record<'a new file' | ':memory:', readonly number[]>>;
  /** In the order of the rounds. */
  readonly readings: readonly Reading[];
  /** How often a second the disk alone can make one page durable, by rounds. */
  readonly syncs: readonly number[];
  /** Of a server with the largest store in a file. */
  readonly memory: readonly MemoryReading[];
}

interface Aim {
  readonly aim: string;
  readonly met: boolean;
  readonly measured: string;
}

const mostTimesMemory: Readonly<Record<Measure['kind'], number | undefined>> = {
  append: undefined,
  'append-64': 1.5,
  read: 1.2,
  subscribe: 1.2,
};
const leastAppendsPerSecond = 5_000;
const mostTimesSmallest = 1.15;
const mostResidentMegabytes = 300;
const mostStartMilliseconds = 100;

/** The whole report: the machine, the table, memory and starts, and a line for each aim. */
export function reportOf(results: Results, options: BenchmarkOptions): string {
  return [
    `Node ${process.version} on ${process.platform}, ${availableParallelism()} cores; ${options.rounds} rounds of ` +
      `${options.seconds} s; ${wholeText(options.eventsPerRead)} events a read; events of ${options.eventBytes} bytes. ` +
      'Medians; in brackets the least and the greatest.',
    measuresTable(results, options),
    `The disk alone writes and syncs ${rangeText(spreadOf(results.syncs))} pages a second, one at a time.`,
    memoryTable(results, options),
    startsTable(results),
    aimsOf(results, options).map(aimLine).join('\n'),
  ].join('\n\n');
}

function measuresTable(results: Results, { sizes }: BenchmarkOptions): string {
  const smallest = sizes[0] ?? 0;
  const against = `file ÷ ${wholeText(smallest)}`;
  const head = ['measure', 'stored', 'file/s', 'memory/s', 'file ÷ memory', 'CPU, file', 'CPU, memory', against];
  const rows = measures.flatMap(({ title }) =>
    sizes.map((stored) => [
      title,
      wholeText(stored),
      wholeText(spreadOf(ratesOf(results, title, 'file', stored)).median),
      wholeText(spreadOf(ratesOf(results, title, 'memory', stored)).median),
      spreadText(timesMemory(results, title, stored)),
      cpuText(results, title, 'file', stored),
      cpuText(results, title, 'memory', stored),
      stored === smallest ? '1' : spreadText(timesSmallest(results, title, stored, smallest)),
    ]),
  );
  const legend =
    `In events a second, compared by the time that an event takes: of the file in times of that in memory, and in the ` +
    `last column in times of that with ${wholeText(smallest)} stored. CPU: microseconds of the server for an event.`;
  return `${tableOf(head, rows)}

${legend}`;
}

function memoryTable({ memory }: Results, { sizes }: BenchmarkOptions): string {
  const rows = memory.map(({ after, resident, mostResident }) => [after, megabytes(resident), megabytes(mostResident)]);
  return tableOf([`server with ${wholeText(Math.max(...sizes))} events, after`, 'MB resident', 'most so far'], rows);
}

function startsTable({ starts }: Results): string {
  const rows = Object.entries(starts).map(([log, milliseconds]) => [log, spreadText(spreadOf(milliseconds))]);
  return tableOf(['fresh empty server in the same process', 'ms until it serves'], rows);
}

function aimsOf(results: Results, { sizes }: BenchmarkOptions): Aim[] {
  const smallest = sizes[0] ?? 0;
  const ofEachSize = measures.flatMap((measure) => sizes.map((stored) => ({ ...measure, stored })));
  return [
    ...ofEachSize.flatMap(({ title, kind, stored }) => {
      const most = mostTimesMemory[kind];
      if (most === undefined) return [];
      const aim = `${title}, ${wholeText(stored)} stored: within ${most} times of memory`;
      return [atMost(aim, timesMemory(results, title, stored), most)];
    }),
    ...ofEachSize
      .filter(({ kind }) => kind === 'append-64')
      .map(({ title, stored }) => enoughAppends(results, title, stored)),
    ...ofEachSize
      .filter(({ stored }) => stored !== smallest)
      .map(({ title, stored }) => {
        const aim = `${title}: an event with ${wholeText(stored)} stored within 15 % of one with ${wholeText(smallest)}`;
        return atMost(aim, timesSmallest(results, title, stored, smallest), mostTimesSmallest);
      }),
    littleMemory(results, Math.max(...sizes)),
    atMost('a fresh server within 100 ms', spreadOf(results.starts[':memory:']), mostStartMilliseconds),
  ];
}

function atMost(aim: string, spread: Spread, most: number): Aim {
  return { aim, met: spread.median <= most, measured: spreadText(spread) };
}

function enoughAppends(results: Results, title: string, stored: number): Aim {
  const rates = spreadOf(ratesOf(results, title, 'file', stored));
  return {
    aim: `${title}, ${wholeText(stored)} stored: at least ${wholeText(leastAppendsPerSecond)} a second`,
    met: rates.median >= leastAppendsPerSecond,
    measured: rangeText(rates),
  };
}

function littleMemory({ memory }: Results, stored: number): Aim {
  const most = Math.max(...memory.map(({ resident }) => resident));
  return {
    aim: `under ${mostResidentMegabytes} MB resident with ${wholeText(stored)} events`,
    met: most < mostResidentMegabytes * 1e6,
    measured: `${megabytes(most)} MB`,
  };
}

function aimLine({ aim, met, measured }: Aim): string {
  return `aim: ${aim}: ${met ? 'met' : 'missed'}, measured ${measured}`;
}

function rangeText({ median, min, max }: Spread): string {
  return `${wholeText(median)} (${wholeText(min)}–${wholeText(max)})`;
}

function timesMemory(results: Results, title: string, stored: number): Spread {
  return ratioOf(ratesOf(results, title, 'memory', stored), ratesOf(results, title, 'file', stored));
}

function timesSmallest(results: Results, title: string, stored: number, smallest: number): Spread {
  return ratioOf(ratesOf(results, title, 'file', smallest), ratesOf(results, title, 'file', stored));
}

function ratesOf(results: Results, title: string, log: LogKind, stored: number): number[] {
  return readingsOf(results, title, log, stored).map(({ perSecond }) => perSecond);
}

function cpuText(results: Results, title: string, log: LogKind, stored: number): string {
  const microseconds = readingsOf(results, title, log, stored).map(({ cpuMicroseconds }) => cpuMicroseconds);
  return wholeText(spreadOf(microseconds).median);
}

function readingsOf({ readings }: Results, title: string, log: LogKind, stored: number): Reading[] {
  return readings.filter((reading) => reading.measure === title && reading.log === log && reading.stored === stored);
}

function megabytes(bytes: number): string {
  return wholeText(bytes / 1e6);
}
