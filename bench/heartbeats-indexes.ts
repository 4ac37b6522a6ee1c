// What a flush of times into the tables costs, by what has to be kept with each row: databases that are copies of one, each
// with something taken away, are written by turns, with the statement of the registry. Only the flush runs.

import type pg from 'pg';
import { startPostgres } from '../embedded/postgres.ts';
import { withDatabase } from '../src/database/address.ts';
import type { GatewayId } from '../src/events/ids.ts';
import { connect } from '../src/infrastructure/postgres.ts';
import type { Sighting } from '../src/presence/roster.ts';
import { openPresenceTables, type PresenceTables } from '../src/presence/tables.ts';
import { cpuTimes } from './cpu.ts';
import type { Bench } from './heartbeats-beats.ts';
import { type Flush, type Growth, type IndexesMeasured, type Variant, worn } from './heartbeats-indexes-report.ts';
import type { IndexesOptions } from './heartbeats-options.ts';
import { fillDatabase, gatewayId, isDeleted } from './queries-data.ts';
import { byTurns, wholeText } from './rounds.ts';
import { startIn } from './run.ts';

interface Subject {
  readonly variant: Variant;
  readonly gateways: number;
  readonly tables: PresenceTables;
  readonly client: pg.Client;
}

/** Coprime to every table's size that is not a multiple of it: a walk by it comes to all rows, in no order of pages. */
const stride = 15_485_863;
const specified = 'DROP INDEX idx_gateways_last_seen_at';
const allOnLastSeenAt = `DO $$ DECLARE index regclass; BEGIN
  FOR index IN SELECT indexrelid::regclass FROM pg_index
    WHERE indrelid = 'gateways'::regclass AND pg_get_indexdef(indexrelid) LIKE '%last_seen_at%'
  LOOP EXECUTE 'DROP INDEX ' || index; END LOOP; END $$`;
const counting = 'DROP TRIGGER count_updated_gateways ON gateways';

const changes: Readonly<Record<Variant, readonly string[]>> = {
  'as it is': [],
  'without the specified index': [specified],
  'without any on last_seen_at': [allOnLastSeenAt],
  'without the counting trigger': [counting],
  'without any trigger': [counting, 'DROP TRIGGER update_gateways_updated_at ON gateways'],
  'fillfactor 80': ['ALTER TABLE gateways SET (fillfactor = 80)', 'VACUUM FULL ANALYZE gateways'],
  'fillfactor 80, without any on last_seen_at': [
    allOnLastSeenAt,
    'ALTER TABLE gateways SET (fillfactor = 80)',
    'VACUUM FULL ANALYZE gateways',
  ],
};
const variants = Object.keys(changes) as Variant[];

/** Makes the databases, flushes into each in each round, and then flushes minutes on end into the small ones. */
export async function measureIndexes(bench: Bench, options: IndexesOptions): Promise<IndexesMeasured> {
  const { folder, running, tell } = bench;
  const postgres = await startIn(running, startPostgres(folder), (server) => server.stop());
  const admin = await clientOf(running, postgres.url);
  // What runs when it likes belongs to no flush.
  await admin.query('ALTER SYSTEM SET autovacuum = off');
  await admin.query('SELECT pg_reload_conf()');
  const [few, many] = options.sizes;
  const small = await subjectsWith(bench, admin, postgres.url, few);
  const subjects = [...small, ...(await subjectsWith(bench, admin, postgres.url, many))];

  const flushes: Flush[] = [];
  for (let round = 0; round < options.rounds; round++) {
    tell(`round ${round + 1} of ${options.rounds}`);
    await byTurns(subjects, round, async (subject) => {
      flushes.push(...(await measureFlushes(subject, round, options)));
    });
  }
  const growths: Growth[] = [];
  const flushed = small.filter(({ variant }) => worn.includes(variant));
  const wear = flushed.map((subject) => ({ subject, cpuSeconds: 0, rows: 0 }));
  for (const { variant, client } of flushed)
    growths.push({ variant, ...(await sizesOf(client)), after: 0, cpuMicroseconds: 0 });
  for (let minute = 0; minute < options.minutes; minute++) {
    tell(`minute ${minute + 1} of ${options.minutes}`);
    await byTurns(wear, minute, async (each) => {
      const before = postgresSeconds();
      each.rows += await flush(each.subject, everyGateway(few, options.rounds + minute), 1_000_000 + minute * 60_000);
      await each.subject.client.query('VACUUM gateways');
      each.cpuSeconds += postgresSeconds() - before;
    });
  }
  for (const { subject, cpuSeconds, rows } of wear) {
    const { variant, client } = subject;
    const cpuMicroseconds = (cpuSeconds * 1e6) / rows;
    growths.push({ variant, ...(await sizesOf(client)), after: options.minutes, cpuMicroseconds });
  }
  return { flushes, growths };
}

/** A database of so many gateways for each variant. */
async function subjectsWith(
  { running, tell }: Bench,
  admin: pg.Client,
  postgresUrl: string,
  gateways: number,
): Promise<readonly Subject[]> {
  tell(`writing ${wholeText(gateways)} gateways`);
  const template = `of_${gateways}`;
  await admin.query(`CREATE DATABASE ${template}`);
  await fillDatabase(withDatabase(postgresUrl, template), gateways);
  const subjects: Subject[] = [];
  for (const [index, variant] of variants.entries()) {
    const name = `${template}_${index}`;
    await admin.query(`CREATE DATABASE ${name} TEMPLATE ${template} STRATEGY file_copy`);
    const databaseUrl = withDatabase(postgresUrl, name);
    const connection = running.use(await connect({ databaseUrl, name: 'bench' }));
    for (const change of changes[variant]) await connection.client.query(change);
    subjects.push({ variant, gateways, tables: await openPresenceTables(connection), client: connection.client });
  }
  return subjects;
}

/** One flush after a checkpoint, when each page that it comes to goes into the WAL as a whole, and one into the same pages. */
async function measureFlushes(subject: Subject, round: number, { rows }: IndexesOptions): Promise<readonly Flush[]> {
  const { variant, gateways, client } = subject;
  const ids = everyGateway(gateways, round).slice(0, rows);
  await client.query('CHECKPOINT');
  const flushes: Flush[] = [];
  for (const isFirst of [true, false]) {
    const before = await writtenIn(client);
    const [cpuBefore, started] = [postgresSeconds(), performance.now()];
    const written = await flush(subject, ids, round * 10_000 + (isFirst ? 0 : 5_000));
    const microseconds = (performance.now() - started) * 1_000;
    const cpuMicroseconds = (postgresSeconds() - cpuBefore) * 1e6;
    const after = await writtenIn(client);
    flushes.push({
      variant,
      gateways,
      isFirst,
      microseconds: microseconds / written,
      cpuMicroseconds: cpuMicroseconds / written,
      walBytes: (after.wal - before.wal) / written,
      hot: (after.hot - before.hot) / written,
    });
  }
  await client.query('VACUUM gateways');
  return flushes;
}

/** Notes that these gateways were seen; tells how many rows were written. */
async function flush({ tables }: Subject, ids: readonly GatewayId[], moment: number): Promise<number> {
  const at = Date.parse('2030-01-01T00:00:00Z') + moment;
  // Nobody is heard of at the same moment as another.
  const sightings: readonly Sighting[] = ids.map((id, index) => ({ id, at: at + index / 100 }));
  const noted = await tables.note(sightings);
  if (noted.length !== ids.length) throw new Error(`Of ${ids.length} rows ${noted.length} were written.`);
  return noted.length;
}

/** All that are not deleted, from another one on and scattered over the table. */
function everyGateway(gateways: number, from: number): readonly GatewayId[] {
  const numbers = Array.from(
    { length: gateways },
    (_, index) => (((from + 1) * 104_729 + index * stride) % gateways) + 1,
  );
  return numbers.filter((number) => !isDeleted(number)).map((number) => gatewayId(number) as GatewayId);
}

interface Written {
  readonly wal: number;
  readonly hot: number;
}

async function writtenIn(client: pg.Client): Promise<Written> {
  await client.query('SELECT pg_stat_force_next_flush()');
  const { rows } = await client.query<{ wal: string; hot: string }>(
    `SELECT pg_current_wal_insert_lsn() - '0/0' AS wal, n_tup_hot_upd AS hot FROM pg_stat_user_tables WHERE relname = 'gateways'`,
  );
  return { wal: Number(rows[0]?.wal), hot: Number(rows[0]?.hot) };
}

async function sizesOf(client: pg.Client): Promise<Pick<Growth, 'table' | 'specified' | 'indexes'>> {
  const { rows } = await client.query<{ table: string; specified: string | null; indexes: string }>(
    `SELECT pg_relation_size('gateways') AS table, pg_relation_size(to_regclass('idx_gateways_last_seen_at')) AS specified,
      pg_indexes_size('gateways') AS indexes`,
  );
  const [found] = rows;
  if (found === undefined) throw new Error('Postgres has told no sizes.');
  const specified = found.specified === null ? undefined : Number(found.specified);
  return { table: Number(found.table), specified, indexes: Number(found.indexes) };
}

async function clientOf(running: AsyncDisposableStack, databaseUrl: string): Promise<pg.Client> {
  const { client } = running.use(await connect({ databaseUrl, name: 'bench' }));
  return client;
}

function postgresSeconds(): number {
  const times = cpuTimes([
    ['Postgres', /postgres/],
    ['rest', /./],
  ]);
  if (times === undefined) throw new Error('Only Linux tells the processor time of other processes.');
  return times.Postgres;
}
