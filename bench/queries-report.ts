// What the benchmark of queries writes.

import { availableParallelism, loadavg } from 'node:os';
import type { QueriesOptions } from './queries-options.ts';
import type { Way } from './queries-subject.ts';
import { ratioOf, type Spread, spreadOf, spreadText, tableOf, wholeText } from './rounds.ts';

export type Measure = 'one' | 'list' | 'of a factory' | 'deep by cursor';

export interface Reading {
  readonly way: Way;
  /** How many there are. */
  readonly gateways: number;
  readonly measure: Measure;
  readonly perSecond: number;
  /** Microseconds of the service's processor time for a request. */
  readonly cpu: number;
}

const ways = ['registry', 'slonik', 'pg'] as const;
const compared = ['one', 'list', 'of a factory'] as const;
const lists = ['list', 'of a factory'] as const;

/** Tables, and what they say of the aims. */
export function reportOf(
  readings: readonly Reading[],
  { few, gateways: many, rounds, seconds, connections }: QueriesOptions,
): string {
  const of = (way: Way, measure: Measure, gateways: number) =>
    readings.filter((one) => one.way === way && one.measure === measure && one.gateways === gateways);
  const rates = (way: Way, measure: Measure, gateways: number) =>
    of(way, measure, gateways).map(({ perSecond }) => perSecond);
  const sizes = [few, many];

  const rows = sizes.flatMap((gateways) =>
    compared.map((measure) => [
      measure,
      wholeText(gateways),
      ...ways.map((way) => wholeText(spreadOf(rates(way, measure, gateways)).median)),
      ...(['slonik', 'pg'] as const).map((rival) =>
        spreadText(ratioOf(rates('registry', measure, gateways), rates(rival, measure, gateways))),
      ),
      ...ways.map((way) => wholeText(spreadOf(of(way, measure, gateways).map(({ cpu }) => cpu)).median)),
    ]),
  );
  const depths = sizes.map((gateways) => {
    const [first, deep] = (['list', 'deep by cursor'] as const).map((measure) => rates('registry', measure, gateways));
    return { gateways, first: first ?? [], deep: deep ?? [], ratio: ratioOf(first ?? [], deep ?? []) };
  });
  const rivals = sizes.flatMap((gateways) =>
    compared.flatMap((measure) =>
      (
        [
          ['slonik', 0.9],
          ['pg', 0.8],
        ] as const
      ).map(([rival, least]) =>
        atLeast(
          `${measure}, ${wholeText(gateways)} gateways`,
          `${least} times the rate of ${rival}`,
          ratioOf(rates('registry', measure, gateways), rates(rival, measure, gateways)),
          least,
        ),
      ),
    ),
  );
  const large = lists.map((measure) =>
    atLeast(
      measure,
      `0.8 times the rate of ${wholeText(few)} gateways with ${wholeText(many)}`,
      ratioOf(rates('registry', measure, many), rates('registry', measure, few)),
      0.8,
    ),
  );
  const deep = depths.map(
    ({ gateways, ratio }) =>
      `aim: a page by cursor in the middle of ${wholeText(gateways)} within 1.5 times the first: ${ratio.median <= 1.5 ? 'met' : 'missed'}, measured ${spreadText(ratio)}`,
  );
  return [
    `Node ${process.version} on ${process.platform}, ${availableParallelism()} cores, load ${loadavg()[0]?.toFixed(1)} at its end; ` +
      `${connections} connections, ${rounds} rounds of ${seconds} s. Requests a second and microseconds of a service's processor for ` +
      'each, medians; ratios of a round, with the least and the greatest in brackets.',
    tableOf(
      [
        'GET',
        'gateways',
        ...ways.map((way) => `${way}/s`),
        'registry ÷ slonik',
        'registry ÷ pg',
        ...ways.map((way) => `CPU, ${way}`),
      ],
      rows,
    ),
    tableOf(
      ['gateways', 'first page/s', 'deep page/s', 'time of deep ÷ first'],
      depths.map(({ gateways, first, deep: rate, ratio }) => [
        wholeText(gateways),
        wholeText(spreadOf(first).median),
        wholeText(spreadOf(rate).median),
        spreadText(ratio),
      ]),
    ),
    [...rivals, ...large, ...deep].join('\n'),
  ].join('\n\n');
}

function atLeast(what: string, aim: string, measured: Spread, least: number): string {
  return `aim: ${what}: at least ${aim}: ${measured.median >= least ? 'met' : 'missed'}, measured ${spreadText(measured)}`;
}
