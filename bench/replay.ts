// npm run bench:replay: a log replayed into tables beside what bounds it (the same log drained, and nothing done) and what
// it replaces (a projector that writes event by event), by turns.

import type { ChildProcess } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import pg from 'pg';
import pino from 'pino';
import { startPostgres } from '../embedded/postgres.ts';
import { interruption, runScript } from '../embedded/script.ts';
import { withDatabase } from '../src/database/address.ts';
import { migrate } from '../src/database/migrate.ts';
import { endChildren, startChild } from './children.ts';
import { eventsPerGateway } from './replay-events.ts';
import type { Sample, Way } from './replay-subject.ts';
import { byTurns, ratioOf, spreadOf, spreadText, tableOf, wholeText } from './rounds.ts';

interface Subject {
  readonly way: Way;
  readonly stored: number;
  readonly url: string;
}

interface Reading extends Subject {
  readonly sample: Sample;
}

const usage = `npm run bench:replay [-- options]

  --events <number>      in the log; there is another one with a tenth (1000000)
  --rounds <number>      how often everything is measured (3)
  --one-by-one <number>  how many events are projected one by one (10000)`;

const interruptedCode = 130;

await runScript(async () => {
  const { values } = parseArgs({
    options: {
      events: { type: 'string', default: '1000000' },
      rounds: { type: 'string', default: '3' },
      'one-by-one': { type: 'string', default: '10000' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) return console.log(usage);
  const [events, rounds, oneByOne] = [values.events, values.rounds, values['one-by-one']].map(countOf) as [
    number,
    number,
    number,
  ];
  const folder = await mkdtemp(join(tmpdir(), 'bench-replay-'));
  const ending = new AsyncDisposableStack();
  ending.defer(() => rm(folder, { recursive: true, force: true, maxRetries: 3 }));
  ending.defer(endChildren);
  void interruption().then(async () => {
    await ending.disposeAsync();
    process.exit(interruptedCode);
  });
  try {
    const postgres = await startPostgres(folder);
    ending.defer(() => postgres.stop());
    const sizes = [events / 10, events];
    const urls: string[] = [];
    for (const size of sizes) urls.push(await startServer(join(folder, `${size}.sqlite`), size));
    const readings: Reading[] = [];
    for (let round = 0; round < rounds; round++) {
      const subjects = sizes.flatMap((stored, index): Subject[] => {
        const ways: Way[] = stored === events ? ['drain', 'rebuild', 'one by one'] : ['drain', 'rebuild'];
        return ways.map((way) => ({ way, stored, url: urls[index] ?? '' }));
      });
      await byTurns(subjects, round, async (subject) => {
        console.error(`round ${round + 1} of ${rounds}: ${subject.way}, ${wholeText(subject.stored)} events`);
        readings.push({ ...subject, sample: await measure(subject, postgres.url, oneByOne) });
      });
    }
    console.log(reportOf(readings, { events, rounds }));
  } finally {
    await ending.disposeAsync();
  }
});
process.exit();

function countOf(text: string): number {
  const count = Number(text);
  if (/^\d+$/.test(text) && count > 0) return count;
  throw new Error(`${text} is not a number above 0.\n${usage}`);
}

async function startServer(file: string, events: number): Promise<string> {
  console.error(`writing ${wholeText(events)} events`);
  const child = startChild('replay-server.ts', [file, `${events}`]);
  return (await answerOf(child)) as string;
}

/** Each into a database of its own, migrated before the clock starts. */
async function measure({ way, url }: Subject, postgresUrl: string, oneByOne: number): Promise<Sample> {
  const databaseUrl = withDatabase(postgresUrl, 'replayed');
  await administer(postgresUrl, 'DROP DATABASE IF EXISTS replayed WITH (FORCE)');
  await administer(postgresUrl, 'CREATE DATABASE replayed');
  await migrate({ databaseUrl, logger: pino({ level: 'silent' }) });
  // Or what the last one has written would be on its way to the disk while this one is measured.
  await administer(postgresUrl, 'CHECKPOINT');
  return (await answerOf(startChild('replay-subject.ts', [way, url, databaseUrl, `${oneByOne}`]))) as Sample;
}

async function administer(postgresUrl: string, statement: string): Promise<void> {
  const client = new pg.Client({ connectionString: withDatabase(postgresUrl, 'postgres') });
  await client.connect();
  await client.query(statement);
  await client.end();
}

function answerOf(child: ChildProcess): Promise<unknown> {
  return new Promise((resolve, reject) => {
    child.once('exit', (code, signal) =>
      reject(new Error(`A measured process ended (${signal ?? `exit code ${code}`}).`)),
    );
    child.once('message', resolve);
  });
}

function reportOf(readings: readonly Reading[], { events, rounds }: { events: number; rounds: number }): string {
  const small = events / 10;
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
