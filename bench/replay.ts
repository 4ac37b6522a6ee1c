// npm run bench:replay: a log replayed into tables beside what bounds it (the same log drained, and nothing done) and what
// it replaces (a projector that writes event by event), by turns.

import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import pino from 'pino';
import { startPostgres } from '../embedded/postgres.ts';
import { withDatabase } from '../src/database/address.ts';
import { migrate } from '../src/database/migrate.ts';
import { endChildren, messageOf, startChild } from './children.ts';
import { query } from './query.ts';
import { eventsPerGateway } from './replay-events.ts';
import { optionsOf, type ReplayOptions, usage } from './replay-options.ts';
import type { Sample, Way } from './replay-subject.ts';
import { byTurns, ratioOf, spreadOf, spreadText, tableOf, wholeText } from './rounds.ts';
import { ownFolder, runBenchmark, running, startIn, tell } from './run.ts';

interface Subject {
  readonly way: Way;
  readonly stored: number;
  readonly url: string;
}

interface Reading extends Subject {
  readonly sample: Sample;
}

await runBenchmark({
  usage,
  optionsOf,
  measure: async (options) => reportOf(await measureAll(options), options),
});

async function measureAll({ sizes, rounds, oneByOne }: ReplayOptions): Promise<readonly Reading[]> {
  const folder = await ownFolder('replay');
  const postgres = await startIn(running, startPostgres(folder), (server) => server.stop());
  running.defer(endChildren);
  const urls: string[] = [];
  for (const size of sizes) urls.push(await startServer(join(folder, `${size}.sqlite`), size));
  const [, large] = sizes;
  const subjects = sizes.flatMap((stored, index): Subject[] => {
    const ways: Way[] = stored === large ? ['drain', 'rebuild', 'one by one'] : ['drain', 'rebuild'];
    return ways.map((way) => ({ way, stored, url: urls[index] ?? '' }));
  });
  const readings: Reading[] = [];
  for (let round = 0; round < rounds; round++) {
    await byTurns(subjects, round, async (subject) => {
      tell(`round ${round + 1} of ${rounds}: ${subject.way}, ${wholeText(subject.stored)} events`);
      readings.push({ ...subject, sample: await measure(subject, postgres.url, oneByOne) });
    });
  }
  return readings;
}

async function startServer(file: string, events: number): Promise<string> {
  tell(`writing ${wholeText(events)} events`);
  const child = startChild('replay-server.ts', [file, `${events}`]);
  return messageOf<string>(child);
}

/** Each into a database of its own, migrated before the clock starts. */
async function measure({ way, url }: Subject, postgresUrl: string, oneByOne: number): Promise<Sample> {
  const databaseUrl = withDatabase(postgresUrl, 'replayed');
  const adminUrl = withDatabase(postgresUrl, 'postgres');
  await query(adminUrl, 'DROP DATABASE IF EXISTS replayed WITH (FORCE)');
  await query(adminUrl, 'CREATE DATABASE replayed');
  await migrate({ databaseUrl, logger: pino({ level: 'silent' }) });
  // Or what the last one has written would be on its way to the disk while this one is measured.
  await query(adminUrl, 'CHECKPOINT');
  return messageOf<Sample>(startChild('replay-subject.ts', [way, url, databaseUrl, `${oneByOne}`]));
}

function reportOf(readings: readonly Reading[], { sizes: [small, events], rounds }: ReplayOptions): string {
  const samples = (way: Way, stored = events) =>
    readings.filter((reading) => reading.way === way && reading.stored === stored).map(({ sample }) => sample);
  // Of the log: what the rebuild lets the server pass over counts as read.
  const rates = (way: Way, stored = events) =>
    samples(way, stored).map((sample) => (way === 'one by one' ? sample.events : stored) / sample.seconds);
  const rows = (
    [
      ['drain', small],
      ['rebuild', small],
      ['drain', events],
      ['rebuild', events],
      ['one by one', events],
    ] as const
  ).map(([way, stored]) => [
    way,
    wholeText(stored),
    wholeText(spreadOf(rates(way, stored)).median),
    spreadText(spreadOf(samples(way, stored).map(({ seconds }) => seconds))),
    wholeText(spreadOf(samples(way, stored).map((sample) => (sample.cpuSeconds * 1e6) / sample.events)).median),
    wholeText(Math.max(...samples(way, stored).map(({ mostResident }) => mostResident)) / 1e6),
  ]);
  const ofDrain = ratioOf(rates('rebuild'), rates('drain'));
  const ofOneByOne = ratioOf(rates('rebuild'), rates('one by one'));
  const ofSmall = ratioOf(rates('rebuild', small), rates('rebuild'));
  const resident = Math.max(...samples('rebuild').map(({ mostResident }) => mostResident)) / 1e6;
  const aim = (text: string, met: boolean, measured: string) =>
    `aim: ${text}: ${met ? 'met' : 'missed'}, measured ${measured}`;
  return [
    `Node ${process.version} on ${process.platform}, ${availableParallelism()} cores; ${rounds} rounds; ${eventsPerGateway} ` +
      'events a gateway, one of them in a stream that no table shows. Medians; in brackets the least and the greatest.',
    tableOf(['way', 'events', 'a second', 'seconds', 'CPU µs an event', 'most MB resident'], rows),
    ...samples('rebuild').map((sample) => `rebuild: ${phasesOf(sample)}`),
    [
      aim('a rebuild at least 0.9 times as fast as a drain', ofDrain.median >= 0.9, spreadText(ofDrain)),
      aim('at least 10 times as fast as event by event', ofOneByOne.median >= 10, spreadText(ofOneByOne)),
      aim('under 512 MB resident', resident < 512, `${wholeText(resident)} MB`),
      aim(
        `an event of ${wholeText(events)} within 10 % of one of ${wholeText(small)}`,
        ofSmall.median <= 1.1,
        spreadText(ofSmall),
      ),
    ].join('\n'),
  ].join('\n\n');
}

function phasesOf({ phases, seconds }: Sample): string {
  const begun = Object.entries(phases).map(([phase, at]) => `${phase} from ${at.toFixed(1)} s`);
  return [...begun, `done at ${seconds.toFixed(1)} s`].join(', ');
}
