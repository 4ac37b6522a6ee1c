// What the benchmark of flushes has measured, for people.

import { availableParallelism, loadavg } from 'node:os';
import type { IndexesOptions } from './heartbeats-options.ts';
import { ratioOf, spreadOf, spreadText, tableOf, wholeText } from './rounds.ts';

export type Variant =
  | 'as it is'
  | 'without the specified index'
  | 'without any on last_seen_at'
  | 'without the counting trigger'
  | 'without any trigger'
  | 'fillfactor 80'
  | 'fillfactor 80, without any on last_seen_at';

/** Whose wear is measured over minutes of flushes. */
export const worn: readonly Variant[] = ['as it is', 'without the specified index', 'without any on last_seen_at'];

/** One flush; everything is for a row. */
export interface Flush {
  readonly variant: Variant;
  readonly gateways: number;
  /** Whether it was the first one after a checkpoint. */
  readonly isFirst: boolean;
  readonly microseconds: number;
  /** Of Postgres, all of its processes. */
  readonly cpuMicroseconds: number;
  readonly walBytes: number;
  /** Which part of the rows needed no new entry in any index. */
  readonly hot: number;
}

/** How many bytes the small table has, before and after minutes of flushes, each with a vacuum. */
export interface Growth {
  readonly variant: Variant;
  readonly after: number;
  readonly table: number;
  readonly specified: number | undefined;
  readonly indexes: number;
  /** Of Postgres, for a row, with its part of the vacuum. */
  readonly cpuMicroseconds: number;
}

export interface IndexesMeasured {
  readonly flushes: readonly Flush[];
  readonly growths: readonly Growth[];
}

/** Tables. */
export function indexesReportOf({ flushes, growths }: IndexesMeasured, options: IndexesOptions): string {
  const { sizes, rows, rounds, minutes } = options;
  return [
    `Node ${process.version} on ${process.platform}, ${availableParallelism()} cores, load ${loadavg()[0]?.toFixed(1)} at its ` +
      `end; ${rounds} rounds, ${wholeText(rows)} rows a flush. Medians; in brackets the least and the greatest.`,
    ...sizes.map((gateways) => flushTable(flushes, gateways)),
    `The small table after ${minutes} minutes of flushes of all its rows, each minute with a vacuum. Processor time is with that.`,
    tableOf(
      ['', 'CPU µs/row', 'table, MB', 'specified index, MB', 'all indexes, MB'],
      worn.map((variant) => growthRow(variant, growths)),
    ),
  ].join('\n\n');
}

function flushTable(flushes: readonly Flush[], gateways: number): string {
  const of = (variant: Variant, isFirst: boolean) =>
    flushes.filter((flush) => flush.gateways === gateways && flush.variant === variant && flush.isFirst === isFirst);
  const cpu = (variant: Variant, isFirst: boolean) => of(variant, isFirst).map((flush) => flush.cpuMicroseconds);
  const variants = [...new Set(flushes.map(({ variant }) => variant))].toSorted(
    (a, b) => order.indexOf(a) - order.indexOf(b),
  );
  return tableOf(
    [
      `${wholeText(gateways)} gateways, for each row`,
      'CPU µs',
      '÷ as it is',
      'CPU µs after a checkpoint',
      'WAL bytes',
      'after a checkpoint',
      'HOT, %',
    ],
    variants.map((variant) => [
      variant,
      wholeSpread(cpu(variant, false)),
      spreadText(ratioOf(cpu(variant, false), cpu('as it is', false))),
      wholeSpread(cpu(variant, true)),
      wholeText(spreadOf(of(variant, false).map(({ walBytes }) => walBytes)).median),
      wholeText(spreadOf(of(variant, true).map(({ walBytes }) => walBytes)).median),
      (spreadOf(of(variant, false).map(({ hot }) => hot)).median * 100).toFixed(0),
    ]),
  );
}

const order: readonly Variant[] = [
  'as it is',
  'without the specified index',
  'without any on last_seen_at',
  'without the counting trigger',
  'without any trigger',
  'fillfactor 80',
  'fillfactor 80, without any on last_seen_at',
];

function growthRow(variant: Variant, growths: readonly Growth[]): readonly string[] {
  const [before, after] = growths.filter((growth) => growth.variant === variant);
  const grown = (size: (growth: Growth) => number | undefined) =>
    [before, after].map((growth) => megabytes(growth && size(growth))).join(' → ');
  return [
    variant,
    wholeText(after?.cpuMicroseconds ?? Number.NaN),
    grown(({ table }) => table),
    grown(({ specified }) => specified),
    grown(({ indexes }) => indexes),
  ];
}

function wholeSpread(values: readonly number[]): string {
  const { median, min, max } = spreadOf(values);
  return `${wholeText(median)} (${wholeText(min)}–${wholeText(max)})`;
}

function megabytes(bytes: number | undefined): string {
  return bytes === undefined ? '–' : (bytes / 1e6).toFixed(1);
}
