// What the benchmark of publishing has measured, for people.

import { availableParallelism, loadavg } from 'node:os';
import type { CpuTimes } from './cpu.ts';
import type { PublishOptions } from './publish-options.ts';
import { ratioOf, spreadOf, spreadText, tableOf, wholeText } from './rounds.ts';
import { percentile } from './steady-commands.ts';

export const titles = { publisher: 'the publisher', bare: 'bare pipelined' } as const;
export type Subject = keyof typeof titles;

/** Whose processor time is told, by what stands in the command line; what is left is the benchmark's. */
export const parts = [
  ['event store', /event-store/],
  ['NATS', /nats-server/],
  ['subject', /publish-(publisher|bare)/],
  ['rest', /./],
] as const;
export type Part = (typeof parts)[number][0];

/** One catching up. */
export interface CatchUp {
  readonly subject: Subject;
  readonly perSecond: number;
  /** For each message. */
  readonly cpuMicroseconds: CpuTimes<Part>;
}

/** One time of steady commands: milliseconds from each answer until a subscriber had the message. */
export interface Receipts {
  readonly heard: readonly number[];
  readonly perSecond: number;
}

const aims = { ratio: 0.8, perSecond: 20_000, milliseconds: 25 };

export function reportOf(
  catchUps: readonly CatchUp[],
  receipts: readonly Receipts[],
  { events, rate, rounds, seconds }: PublishOptions,
): string {
  const rates = (subject: Subject) => of(catchUps, subject).map(({ perSecond }) => perSecond);
  const ratio = ratioOf(rates('publisher'), rates('bare'));
  const perSecond = spreadOf(rates('publisher'));
  const p99 = spreadOf(receipts.map(({ heard }) => percentile(heard, 0.99)));
  const rateText = `${wholeText(perSecond.median)} (${wholeText(perSecond.min)}–${wholeText(perSecond.max)})`;
  const sent = wholeText(spreadOf(receipts.map((each) => each.perSecond)).median);
  return [
    `Node ${process.version} on ${process.platform}, ${availableParallelism()} cores, load ${loadavg()[0]?.toFixed(1)} at its ` +
      `end; ${rounds} rounds. Medians; in brackets the least and the greatest.`,
    `Catching up with ${wholeText(events)} events, and microseconds of processor time for each message:`,
    tableOf(
      ['', 'messages/s', '÷ bare', 'own CPU', 'NATS', 'event store'],
      (Object.keys(titles) as Subject[]).map((subject) => rowOf(subject, catchUps)),
    ),
    `Milliseconds from the answer to a command until a subscriber has its message, at ${wholeText(rate)} commands a second for ` +
      `${seconds} s each time (${sent} a second sent and heard):`,
    tableOf(
      ['', 'median', '90 %', '99 %', 'longest'],
      [
        [
          'answer to receipt',
          ...[0.5, 0.9, 0.99, 1].map((part) =>
            spreadText(spreadOf(receipts.map(({ heard }) => percentile(heard, part)))),
          ),
        ],
      ],
    ),
    [
      aim(`at least ${aims.ratio} times the rate of a bare publisher`, ratio.median >= aims.ratio, spreadText(ratio)),
      aim(`at least ${wholeText(aims.perSecond)} a second`, perSecond.median >= aims.perSecond, rateText),
      aim(`99 % received within ${aims.milliseconds} ms`, p99.median <= aims.milliseconds, spreadText(p99)),
    ].join('\n'),
  ].join('\n\n');
}

function rowOf(subject: Subject, catchUps: readonly CatchUp[]): readonly string[] {
  const own = of(catchUps, subject);
  const { median, min, max } = spreadOf(own.map(({ perSecond }) => perSecond));
  const ratio = ratioOf(
    own.map(({ perSecond }) => perSecond),
    of(catchUps, 'bare').map(({ perSecond }) => perSecond),
  );
  const cpu = (part: Part) => {
    const times = own.flatMap(({ cpuMicroseconds }) => cpuMicroseconds?.[part] ?? []);
    return times.length === 0 ? '–' : spreadOf(times).median.toFixed(1);
  };
  return [
    titles[subject],
    `${wholeText(median)} (${wholeText(min)}–${wholeText(max)})`,
    subject === 'bare' ? '1' : spreadText(ratio),
    cpu('subject'),
    cpu('NATS'),
    subject === 'bare' ? '–' : cpu('event store'),
  ];
}

function of(catchUps: readonly CatchUp[], subject: Subject): readonly CatchUp[] {
  return catchUps.filter((each) => each.subject === subject);
}

function aim(what: string, isMet: boolean, measured: string): string {
  return `aim: ${what}: ${isMet ? 'met' : 'missed'}, measured ${measured}`;
}
