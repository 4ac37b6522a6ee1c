// One way to go through a log, as a process of its own, so that its time and memory are its own: drained with the client of
// the product and nothing done; rebuilt into tables; or projected event by event, as projectors are usually written.

import { EventStoreDBClient } from '@eventstore/db-client';
import pino from 'pino';
import { decode } from '../src/events/codec.ts';
import { connectEventStore } from '../src/infrastructure/event-store.ts';
import { connect } from '../src/infrastructure/postgres.ts';
import { applyChanges } from '../src/projections/apply.ts';
import { advance, takeOver } from '../src/projections/checkpoint.ts';
import { changesOf } from '../src/projections/fold.ts';
import { projectedStreams } from '../src/projections/follow.ts';
import { rebuild } from '../src/projections/rebuild.ts';

export type Way = 'drain' | 'rebuild' | 'one by one';

export interface Sample {
  readonly events: number;
  readonly seconds: number;
  readonly cpuSeconds: number;
  /** In bytes. */
  readonly mostResident: number;
  /** Seconds after which each phase began. */
  readonly phases: Readonly<Record<string, number>>;
}

const [way, eventStoreUrl = '', databaseUrl = '', most = '0'] = process.argv.slice(2);
const { signal } = new AbortController();
const phases: Record<string, number> = {};

process.on('SIGINT', () => undefined);
process.on('disconnect', () => process.exit(1));

const start = performance.now();
const events = await run(way as Way);
const seconds = (performance.now() - start) / 1_000;
const { user, system } = process.cpuUsage();
const sample: Sample = {
  events,
  seconds,
  cpuSeconds: (user + system) / 1e6,
  mostResident: process.resourceUsage().maxRSS * 1024,
  phases,
};
process.send?.(sample, () => process.exit(0));

function run(subject: Way): Promise<number> {
  if (subject === 'drain') return drain();
  return subject === 'rebuild' ? rebuildAll() : projectOneByOne(Number(most));
}

async function drain(): Promise<number> {
  const reading = EventStoreDBClient.connectionString(eventStoreUrl).readAll();
  let count = 0;
  return new Promise((resolve, reject) => {
    reading.on('data', () => {
      count += 1;
    });
    reading.once('error', reject);
    reading.once('end', () => resolve(count));
  });
}

async function rebuildAll(): Promise<number> {
  const write = (line: string) => {
    phases[JSON.parse(line).msg] = (performance.now() - start) / 1_000;
  };
  const { events: count } = await rebuild({
    databaseUrl,
    eventLog: connectEventStore({ url: eventStoreUrl }),
    logger: pino({}, { write }),
    signal,
    onProgress: () => undefined,
  });
  return count;
}

async function projectOneByOne(count: number): Promise<number> {
  const eventLog = connectEventStore({ url: eventStoreUrl });
  await using connection = await connect({ databaseUrl, name: 'bench' });
  const { client } = connection;
  let checkpoint = await takeOver(client);
  let projected = 0;
  for await (const batch of eventLog.readAll({ streamPrefixes: projectedStreams, after: 'start', signal })) {
    for (const stored of batch) {
      const event = decode(stored);
      if (event === undefined) continue;
      await client.query(`BEGIN; SET LOCAL registry.writer = 'on'`);
      for (const changes of changesOf([event])) await applyChanges(client, changes);
      checkpoint = await advance(client, checkpoint, event.position);
      await client.query('COMMIT');
      projected += 1;
      if (projected === count) return count;
    }
  }
  return projected;
}
