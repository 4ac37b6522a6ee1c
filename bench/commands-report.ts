// What the benchmark of commands writes.

import { availableParallelism, loadavg } from 'node:os';
import type { CommandsOptions } from './commands-options.ts';
import type { CpuTimes } from './cpu.ts';
import { ratioOf, type Spread, spreadOf, spreadText, tableOf, wholeText } from './rounds.ts';

/** What is measured, and how it is called. */
export const titles = {
  'append create': 'appendToStream of the event of a creation, to a new stream',
  'append change': 'appendToStream of the event of a change, at its revision',
  post: 'POST /api/gateways, without waiting for the tables',
  put: 'PUT /api/gateways/:id, without waiting for the tables',
  'put and wait': 'PUT /api/gateways/:id, as it comes: answered when the tables show it',
  insert: 'INSERT by Fastify and pg',
  update: 'UPDATE by Fastify and pg',
} as const;

export type Subject = keyof typeof titles;

/** Whose processor time is told apart: by the command line of the process. */
export const parts = [
  ['service', /src\/main\.ts/],
  ['client or rival', /commands-(appends|rows)/],
  ['event store', /event-store\/main\.ts/],
  ['Postgres', /postgres/],
  ['NATS', /nats-server/],
  ['load', /./],
] as const;

export type Part = (typeof parts)[number][0];

export interface Reading {
  readonly subject: Subject;
  readonly perSecond: number;
  /** Of processor time for a command, until tables and NATS had it. */
  readonly cpuMicroseconds: CpuTimes<Part>;
  /** From the last answer until tables and NATS had all; undefined for what they do not show. */
  readonly drainMs: number | undefined;
}

/** Where the processors are the bound, this is what the ratio would be if nobody else used them. */
const costs = 'CPU of the latter ÷ CPU of the former';

const compared: readonly (readonly [dividend: Subject, divisor: Subject, aim: number | undefined])[] = [
  ['put', 'append change', 0.5],
  ['post', 'append create', 0.33],
  ['post', 'insert', 0.7],
  ['put', 'update', 0.7],
  ['put and wait', 'append change', undefined],
  ['put and wait', 'update', undefined],
];

/** Tables, and what they say of the aims. */
export function reportOf(
  readings: readonly Reading[],
  loadBefore: number,
  { commands, rounds, connections }: CommandsOptions,
): string {
  const of = (subject: Subject) => readings.filter((reading) => reading.subject === subject);
  const ratio = (dividend: Subject, divisor: Subject) =>
    ratioOf(
      of(dividend).map(({ perSecond }) => perSecond),
      of(divisor).map(({ perSecond }) => perSecond),
    );
  const rows = (Object.keys(titles) as Subject[]).map((subject) => {
    const rates = spreadOf(of(subject).map(({ perSecond }) => perSecond));
    return [
      titles[subject],
      `${wholeText(rates.median)} (${wholeText(rates.min)}–${wholeText(rates.max)})`,
      medianText(of(subject).map(({ drainMs }) => drainMs)),
    ];
  });
  const cpuRows = (Object.keys(titles) as Subject[]).map((subject) => [
    subject,
    medianText(of(subject).map(cpuOf)),
    ...parts.map(([part]) => medianText(of(subject).map(({ cpuMicroseconds }) => cpuMicroseconds?.[part]))),
  ]);
  return [
    `Node ${process.version} on ${process.platform}, ${availableParallelism()} cores, load ${loadBefore.toFixed(1)} before and ` +
      `${loadavg()[0]?.toFixed(1)} at the end; ${connections} at a time, ${rounds} rounds of ${wholeText(commands)} commands each. Medians ` +
      'of the rounds; in brackets the least and the greatest.',
    tableOf(['', 'a second', 'ms until all is shown and published'], rows),
    'Microseconds of processor time for each command, by the processes that took them:',
    tableOf(['', 'all', ...parts.map(([part]) => part)], cpuRows),
    tableOf(
      ['ratio, each within its round', 'measured', costs],
      compared.map(([dividend, divisor]) => [
        `${dividend} ÷ ${divisor}`,
        spreadText(ratio(dividend, divisor)),
        costText(of(dividend), of(divisor)),
      ]),
    ),
    compared
      .flatMap(([dividend, divisor, aim]) =>
        aim === undefined ? [] : [aimText(`${dividend} at least ${aim} of ${divisor}`, ratio(dividend, divisor), aim)],
      )
      .join('\n'),
  ].join('\n\n');
}

function cpuOf({ cpuMicroseconds }: Reading): number | undefined {
  return cpuMicroseconds && Object.values(cpuMicroseconds).reduce((sum, each) => sum + each, 0);
}

function costText(dividends: readonly Reading[], divisors: readonly Reading[]): string {
  const [former, latter] = [dividends, divisors].map((readings) => readings.flatMap((reading) => cpuOf(reading) ?? []));
  return former?.length && latter?.length ? spreadText(ratioOf(latter, former)) : '';
}

function medianText(values: readonly (number | undefined)[]): string {
  const known = values.filter((value) => value !== undefined);
  return known.length === 0 ? '' : wholeText(spreadOf(known).median);
}

function aimText(what: string, measured: Spread, least: number): string {
  return `aim: ${what}: ${measured.median >= least ? 'met' : 'missed'}, measured ${spreadText(measured)}`;
}
