// What the benchmark of heartbeats has measured, for people.

import { availableParallelism, loadavg } from 'node:os';
import type { CpuTimes } from './cpu.ts';
import type { BeatsOptions } from './heartbeats-options.ts';
import { ratioOf, type Spread, spreadOf, spreadText, tableOf, wholeText } from './rounds.ts';

export const titles = {
  registry: 'the registry',
  'every beat': 'the registry, writing every beat',
  bare: 'a bare subscriber',
} as const;
export type Subject = keyof typeof titles;

/** Whose processor time is told, by what stands in the command line; what is left is the benchmark's. */
export const parts = [
  ['listener', /heartbeats-(presence|bare)/],
  ['gateways', /heartbeats-sender/],
  ['projector', /heartbeats-projector/],
  ['event store', /event-store\/main\.ts/],
  ['Postgres', /postgres/],
  ['NATS', /nats-server/],
  ['rest', /./],
] as const;
export type Part = (typeof parts)[number][0];
export type Cpu = NonNullable<CpuTimes<Part>>;

/** One turn of steady heartbeats. */
export interface BeatsReading {
  readonly subject: Subject;
  /** Parts of one core. */
  readonly shares: Cpu;
  readonly beatsPerSecond: number;
  /** Of the table of gateways. */
  readonly rowsPerSecond: number;
  readonly walBytesPerSecond: number;
  /** Seconds since the gateway was seen, by the tables, that was not seen for longest; undefined where nobody writes. */
  readonly oldest: number | undefined;
}

/** How all gateways came online. */
export interface Arrival {
  /** From the first heartbeat until the tables showed all. */
  readonly seconds: number;
  readonly cpuSeconds: Cpu;
}

export interface Measured {
  readonly arrival: Arrival;
  readonly readings: readonly BeatsReading[];
}

const mostShare = 0.2;
/** Seconds that a heartbeat may take into the tables. */
const delay = 10;
const shown = ['listener', 'Postgres', 'NATS', 'event store', 'projector'] as const satisfies readonly Part[];
const sums = {
  'the process that listens': ['listener'],
  'with Postgres': ['listener', 'Postgres'],
  'with Postgres, NATS, the event store and the projector': shown,
} as const satisfies Record<string, readonly Part[]>;

/** Tables, and what they say of the aim. */
export function beatsReportOf({ arrival, readings }: Measured, options: BeatsOptions): string {
  const { gateways, interval, threshold, rounds, seconds } = options;
  const of = (subject: Subject) => readings.filter((reading) => reading.subject === subject);
  const shareOf = (subject: Subject, summed: readonly Part[]) => of(subject).map(({ shares }) => sumOf(shares, summed));
  const subjects = Object.keys(titles) as Subject[];
  return [
    `Node ${process.version} on ${process.platform}, ${availableParallelism()} cores, load ${loadavg()[0]?.toFixed(1)} at its ` +
      `end; ${rounds} rounds. Medians; in brackets the least and the greatest.`,
    `${wholeText(gateways)} gateways came online: all were in the tables ${arrival.seconds.toFixed(1)} s after the first heartbeat, ` +
      `of which the first ${interval} s brought the first heartbeat of each. Seconds of processor time that this took:`,
    tableOf(['', ...shown], [['all online', ...shown.map((part) => arrival.cpuSeconds[part].toFixed(1))]]),
    `All online, one heartbeat of each every ${interval} s, for ${seconds} s each time (the rivals for ${seconds / 2}): percent of one ` +
      `core. The tables may be ${threshold} s behind.`,
    tableOf(
      ['', ...shown],
      subjects.map((subject) => [
        titles[subject],
        ...shown.map((part) => percentText(spreadOf(shareOf(subject, [part])))),
      ]),
    ),
    tableOf(
      ['', 'beats/s', 'rows/s', 'WAL kB/s', 'oldest time, s'],
      subjects.map((subject) => [
        titles[subject],
        medianText(of(subject).map(({ beatsPerSecond }) => beatsPerSecond)),
        medianText(of(subject).map(({ rowsPerSecond }) => rowsPerSecond)),
        medianText(of(subject).map(({ walBytesPerSecond }) => walBytesPerSecond / 1_000)),
        oldestText(of(subject)),
      ]),
    ),
    tableOf(
      ['ratio of processor time, each within its round', 'listener', 'with Postgres', 'with all'],
      (
        [
          ['registry', 'bare'],
          ['every beat', 'registry'],
        ] as const
      ).map(([dividend, divisor]) => [
        `${titles[dividend]} ÷ ${titles[divisor]}`,
        ...Object.values(sums).map((summed) =>
          spreadText(ratioOf(shareOf(dividend, summed), shareOf(divisor, summed))),
        ),
      ]),
    ),
    [
      ...Object.entries(sums).map(([what, summed]) => shareAim(what, shareOf('registry', summed))),
      ageAim(of('registry'), options),
    ].join('\n'),
  ].join('\n\n');
}

function shareAim(what: string, shares: readonly number[]): string {
  const measured = spreadOf(shares);
  return `aim: ${what} under ${mostShare * 100} % of one core: ${measured.median < mostShare ? 'met' : 'missed'}, measured ${percentText(measured)}`;
}

/** Who beats just before a threshold is over is noted with the next heartbeat, within some ticks. */
function ageAim(readings: readonly BeatsReading[], { interval, threshold }: BeatsOptions): string {
  const most = threshold + interval + delay;
  const measured = spreadOf(readings.flatMap(({ oldest }) => oldest ?? []));
  return `aim: no time in the tables older than ${most} s: ${measured.max <= most ? 'met' : 'missed'}, measured ${spreadText(measured)}`;
}

function sumOf(shares: Cpu, summed: readonly Part[]): number {
  return summed.reduce((sum, part) => sum + shares[part], 0);
}

function percentText({ median, min, max }: Spread): string {
  const [middle, least, greatest] = [median, min, max].map((share) => (share * 100).toFixed(1));
  return `${middle} (${least}–${greatest})`;
}

function medianText(values: readonly number[]): string {
  return wholeText(spreadOf(values).median);
}

function oldestText(readings: readonly BeatsReading[]): string {
  const seconds = readings.flatMap(({ oldest }) => oldest ?? []);
  return seconds.length === 0 ? '–' : spreadOf(seconds).median.toFixed(0);
}
