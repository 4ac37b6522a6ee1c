// Gateways that beat, and those who listen to them by turns: all servers, the projector and the gateways run all the time.
// A registry begins each of its turns as if it had been listening all along: times in the tables are what it would have left.

import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import type pg from 'pg';
import pino from 'pino';
import { useStack } from '../embedded/stack.ts';
import { migrate } from '../src/database/migrate.ts';
import { connectEventStore } from '../src/infrastructure/event-store.ts';
import { connect } from '../src/infrastructure/postgres.ts';
import { endChildren, messageOf, startChild } from './children.ts';
import { cpuTimes } from './cpu.ts';
import { fillLog } from './heartbeats-events.ts';
import type { BeatsOptions } from './heartbeats-options.ts';
import { type Arrival, type BeatsReading, type Cpu, type Measured, parts, type Subject } from './heartbeats-report.ts';
import type { Ask, Told } from './heartbeats-subject.ts';
import { byTurns, wholeText } from './rounds.ts';
import { startIn } from './run.ts';

/** Where a benchmark keeps its files, what is ended with it, and whom it tells how far it is. */
export interface Bench {
  readonly folder: string;
  readonly running: AsyncDisposableStack;
  readonly tell: (progress: string) => void;
}

interface Scene {
  readonly urls: readonly [eventStore: string, postgres: string, nats: string];
  readonly client: pg.Client;
  readonly sender: ChildProcess;
  /** When the first heartbeat was sent, by `Date.now()`. */
  readonly beatingSince: number;
  readonly tell: Bench['tell'];
}

const subjects: readonly Subject[] = ['bare', 'registry', 'every beat'];
const warmUpMs = 5_000;
const longestWaitMs = 600_000;
/** A subscriber that has heard less than this part has lost some. */
const leastHeard = 0.98;

/** Starts everything, has all gateways come online, and measures each subject in each round. */
export async function measureBeats(bench: Bench, options: BeatsOptions): Promise<Measured> {
  const { scene, arrival } = await prepare(bench, options);
  const readings: BeatsReading[] = [];
  for (let round = 0; round < options.rounds; round++) {
    bench.tell(`round ${round + 1} of ${options.rounds}`);
    await byTurns(subjects, round, async (subject) => {
      readings.push(await measure(scene, subject, options));
    });
  }
  return { arrival, readings };
}

async function prepare(
  { folder, running, tell }: Bench,
  { gateways, interval, threshold }: BeatsOptions,
): Promise<{ readonly scene: Scene; readonly arrival: Arrival }> {
  tell('starting the servers');
  const { urls } = await startIn(
    running,
    useStack({ dataDir: folder, servers: ['eventStore', 'postgres', 'nats'], log: tell }),
    (stack) => stack.stop(),
  );
  running.defer(endChildren);
  const { eventStore = '', postgres = '', nats = '' } = urls;
  const log = running.adopt(connectEventStore({ url: eventStore }), (opened) => opened.close());
  tell(`making ${wholeText(gateways)} gateways`);
  await fillLog(log, gateways);
  await migrate({ databaseUrl: postgres, logger: pino({ level: 'silent' }) });
  const { client } = running.use(await connect({ databaseUrl: postgres, name: 'bench' }));
  await start('heartbeats-projector.ts', [eventStore, postgres]);
  await untilCounted(client, 'SELECT count(*) FROM gateways', gateways);

  tell('waiting until all are online');
  const presence = await start('heartbeats-presence.ts', [eventStore, postgres, nats, `${threshold * 1_000}`]);
  const before = cpu();
  const started = performance.now();
  const beatingSince = Date.now();
  const sender = await start('heartbeats-sender.ts', [nats, `${gateways}`, `${interval}`]);
  await untilCounted(client, `SELECT count(*) FROM gateway_presence WHERE status = 'online'`, gateways);
  const arrival = { seconds: (performance.now() - started) / 1_000, cpuSeconds: between(before, cpu(), 1) };
  tell(`  after ${arrival.seconds.toFixed(1)} s`);
  await stop(presence);
  return { scene: { urls: [eventStore, postgres, nats], client, sender, beatingSince, tell }, arrival };
}

async function measure(scene: Scene, subject: Subject, options: BeatsOptions): Promise<BeatsReading> {
  const [, , nats] = scene.urls;
  const threshold = subject === 'every beat' ? 0 : options.threshold;
  // What is not written repeats itself with each interval, what is with each threshold.
  const seconds = subject === 'registry' ? options.seconds : options.seconds / 2;
  if (subject !== 'bare') await asIfListening(scene, threshold, options);
  const listener = await (subject === 'bare'
    ? start('heartbeats-bare.ts', [nats])
    : start('heartbeats-presence.ts', [...scene.urls, `${threshold * 1_000}`]));
  await delay(Math.min(warmUpMs, seconds * 1_000));
  const [rowsBefore, sentBefore, heardBefore] = [
    await writtenIn(scene.client),
    await count(scene.sender),
    await count(listener),
  ];
  const before = cpu();
  const started = performance.now();
  await delay(seconds * 1_000);
  const after = cpu();
  const elapsed = (performance.now() - started) / 1_000;
  const [heard, sent, rows] = [await count(listener), await count(scene.sender), await writtenIn(scene.client)];
  if (subject === 'bare' && heard - heardBefore < (sent - sentBefore) * leastHeard) {
    throw new Error(`Of ${sent - sentBefore} heartbeats the bare subscriber has heard ${heard - heardBefore}.`);
  }
  const oldest = subject === 'bare' ? undefined : await oldestSeen(scene.client);
  await stop(listener);
  const shares = between(before, after, elapsed);
  scene.tell(
    `  ${subject}: ${(shares.listener * 100).toFixed(1)} % of a core, Postgres ${(shares.Postgres * 100).toFixed(1)} %`,
  );
  return {
    subject,
    shares,
    beatsPerSecond: (sent - sentBefore) / elapsed,
    rowsPerSecond: (rows.rows - rowsBefore.rows) / elapsed,
    walBytesPerSecond: (rows.wal - rowsBefore.wal) / elapsed,
    oldest,
  };
}

/**
 * Sets the times in the tables to those that a registry with this threshold would have left. It writes a heartbeat that comes
 * a threshold after the stored one. Where the threshold is a number of intervals, half of those come a little earlier: every
 * second gateway waits for one more.
 */
async function asIfListening({ client, beatingSince }: Scene, threshold: number, options: BeatsOptions): Promise<void> {
  const { gateways, interval } = options;
  const intervals = threshold / interval;
  const heartbeatsPerWrite = Number.isInteger(intervals) ? intervals + 0.5 : Math.ceil(intervals);
  const unwritten = 'floor(abs(hashint8(number)::bigint) % 1000 / 1000.0 * $2::float8)';
  await client.query(`SET registry.writer = 'on'`);
  await client.query(
    `WITH beats AS (
      SELECT id, number, $3::float8 + (number - 1) * $1::float8 / $4::int AS first
      FROM (SELECT id, ('x' || right(id::text, 12))::bit(48)::bigint AS number FROM gateways) AS numbered
    )
    UPDATE gateways SET last_seen_at =
      to_timestamp(first + greatest(0, floor((extract(epoch FROM now()) - first) / $1::float8) - ${unwritten}) * $1::float8)
    FROM beats WHERE beats.id = gateways.id`,
    [interval, heartbeatsPerWrite, beatingSince / 1_000, gateways],
  );
  await client.query('VACUUM ANALYZE gateways');
  await client.query('CHECKPOINT');
}

interface Written {
  readonly rows: number;
  readonly wal: number;
}

async function writtenIn(client: pg.Client): Promise<Written> {
  await client.query('SELECT pg_stat_force_next_flush()');
  const { rows } = await client.query<{ rows: string; wal: string }>(
    `SELECT n_tup_upd AS rows, pg_current_wal_insert_lsn() - '0/0' AS wal FROM pg_stat_user_tables WHERE relname = 'gateways'`,
  );
  return { rows: Number(rows[0]?.rows), wal: Number(rows[0]?.wal) };
}

/** Seconds since the gateway was seen, by the tables, that was not seen for longest. */
async function oldestSeen(client: pg.Client): Promise<number> {
  const { rows } = await client.query<{ seconds: string }>(
    'SELECT extract(epoch FROM clock_timestamp() - min(last_seen_at)) AS seconds FROM gateways',
  );
  return Number(rows[0]?.seconds);
}

async function untilCounted(client: pg.Client, text: string, expected: number): Promise<void> {
  for (const started = performance.now(); performance.now() - started < longestWaitMs; await delay(500)) {
    const { rows } = await client.query<{ count: string }>(text);
    if (Number(rows[0]?.count) === expected) return;
  }
  throw new Error(`'${text}' did not come to ${expected} within ${longestWaitMs / 1_000} s.`);
}

function cpu(): Cpu {
  const times = cpuTimes(parts);
  if (times === undefined) throw new Error('Only Linux tells the processor time of other processes.');
  return times;
}

function between(before: Cpu, after: Cpu, divisor: number): Cpu {
  const each = parts.map(([part]) => [part, (after[part] - before[part]) / divisor] as const);
  return Object.fromEntries(each) as Record<keyof Cpu, number>;
}

async function start(program: string, args: readonly string[]): Promise<ChildProcess> {
  const child = startChild(program, args);
  await toldBy(child);
  return child;
}

async function stop(child: ChildProcess): Promise<void> {
  const stopped = toldBy(child);
  child.send('stop' satisfies Ask);
  await stopped;
  const exit = once(child, 'exit');
  child.disconnect();
  await exit;
}

async function count(child: ChildProcess): Promise<number> {
  const counted = toldBy(child);
  child.send('count' satisfies Ask);
  const told = await counted;
  return typeof told === 'object' && 'count' in told ? told.count : Number.NaN;
}

async function toldBy(child: ChildProcess): Promise<Told> {
  const told = await messageOf<Told>(child);
  if (typeof told === 'object' && 'error' in told) throw new Error(told.error);
  return told;
}
