// npm run bench:commands: how many commands a second the service takes, beside bare appends of the same events and beside
// INSERT and UPDATE of the same rows.
import type { ChildProcess } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { loadavg } from 'node:os';
import { resolve } from 'node:path';
import pino from 'pino';
import { useStack } from '../embedded/stack.ts';
import { withDatabase } from '../src/database/address.ts';
import { migrate } from '../src/database/migrate.ts';
import type { StoredEvent } from '../src/events/event-log.ts';
import { connectEventStore } from '../src/infrastructure/event-store.ts';
import { endChildren, messageOf, startChild } from './children.ts';
import type { Appends, Sample } from './commands-appends.ts';
import type { Load } from './commands-load.ts';
import { type CommandsOptions, optionsOf, usage } from './commands-options.ts';
import { type Registry, startRegistry } from './commands-registry.ts';
import { parts, type Reading, reportOf, type Subject, titles } from './commands-report.ts';
import { cpuMicrosecondsEach, cpuTimes } from './cpu.ts';
import { query } from './query.ts';
import { byTurns, wholeText } from './rounds.ts';
import { ownFolder, runBenchmark, running, startIn, tell } from './run.ts';

/** Does so many commands, and tells the seconds that they took. */
type Visit = () => Promise<number>;

interface Measured {
  readonly registry: Registry;
  readonly visits: Readonly<Record<Subject, Visit>>;
}

/** What tables and NATS show. */
const shown: ReadonlySet<Subject> = new Set(['post', 'put', 'put and wait']);

await runBenchmark({
  usage,
  optionsOf,
  async measure(options) {
    const [loadBefore = 0] = loadavg();
    return reportOf(await measureAll(options), loadBefore, options);
  },
});

async function measureAll(options: CommandsOptions): Promise<readonly Reading[]> {
  const { registry, visits } = await prepare(options);
  const subjects = Object.keys(titles) as Subject[];
  tell('warming up');
  for (const subject of subjects) await measure(subject, visits[subject], registry, options);
  const readings: Reading[] = [];
  for (let round = 0; round < options.rounds; round++) {
    tell(`round ${round + 1} of ${options.rounds}`);
    await byTurns(subjects, round, async (subject) => {
      readings.push(await measure(subject, visits[subject], registry, options));
    });
  }
  return readings;
}

async function measure(
  subject: Subject,
  visit: Visit,
  { drained }: Registry,
  { commands }: CommandsOptions,
): Promise<Reading> {
  const before = cpuTimes(parts);
  const perSecond = commands / (await visit());
  const answered = performance.now();
  await drained();
  const drainMs = shown.has(subject) ? performance.now() - answered : undefined;
  tell(`  ${subject}: ${wholeText(perSecond)} a second`);
  return { subject, perSecond, cpuMicroseconds: cpuMicrosecondsEach(before, cpuTimes(parts), commands), drainMs };
}

/** Starts everything, and makes the streams and the rows that are changed. */
async function prepare(options: CommandsOptions): Promise<Measured> {
  const { commands, connections, profile } = options;
  const folder = await ownFolder('commands');
  tell('starting the servers');
  const { urls } = await startIn(
    running,
    useStack({ dataDir: folder, servers: ['eventStore', 'postgres', 'nats'], log: tell }),
    (stack) => stack.stop(),
  );
  const { eventStore = '', postgres = '', nats = '' } = urls;
  tell('starting the services');
  const registry = await startRegistry(running, folder, nats, profileFlags(profile));
  running.defer(endChildren);
  const rowsUrl = withDatabase(postgres, 'rows');
  await makeRowsDatabase(postgres, rowsUrl);
  const rows = await messageOf<string>(startChild('commands-rows.ts', [rowsUrl]));
  const load = startChild('commands-load.ts', []);
  const appender = startChild('commands-appends.ts', [eventStore]);

  let visit = 0;
  const create = (url: string, headers = {}) => {
    const { factories } = registry;
    return secondsOf(load, { ask: 'create', url, connections, commands, headers, visit: ++visit, factories });
  };
  const change = (url: string, gateways: readonly string[], headers = {}) => {
    return secondsOf(load, { ask: 'change', url, connections, commands, headers, visit: ++visit, gateways });
  };
  const append = (ask: Appends['ask'], sample: Sample) => secondsOf(appender, { ask, sample, commands, connections });

  tell('creating what is changed');
  const respondAsync = { prefer: 'respond-async' };
  await create(registry.url, respondAsync);
  await create(rows);
  await registry.drained();
  const gateways = await gatewaysIn(postgres);
  const updated = await gatewaysIn(rowsUrl);
  await change(registry.url, gateways, respondAsync);
  await registry.drained();
  const [created, changed] = await samplesFrom(eventStore, gateways[0]);
  await append('create', created);
  return {
    registry,
    visits: {
      'append create': () => append('create', created),
      'append change': () => append('change', changed),
      post: () => create(registry.url, respondAsync),
      put: () => change(registry.url, gateways, respondAsync),
      'put and wait': () => change(registry.url, gateways),
      insert: () => create(rows),
      update: () => change(rows, updated),
    },
  };
}

function profileFlags(profile: string | undefined): readonly string[] {
  if (profile === undefined) return [];
  mkdirSync(profile, { recursive: true });
  return ['--cpu-prof', `--cpu-prof-dir=${resolve(profile)}`];
}

/** The tables of the registry as they are, but for what it has triggers for: those would count and check for nobody. */
async function makeRowsDatabase(postgres: string, rowsUrl: string): Promise<void> {
  await query(postgres, 'CREATE DATABASE rows');
  await migrate({ databaseUrl: rowsUrl, logger: pino({ level: 'silent' }) });
  for (const table of ['organizations', 'factories', 'gateways']) {
    await query(rowsUrl, `ALTER TABLE ${table} DISABLE TRIGGER USER`);
    if (table === 'gateways') continue;
    const copied = await query<{ row: object }>(postgres, `SELECT to_jsonb(${table}) AS row FROM ${table}`);
    const rows = JSON.stringify(copied.map(({ row }) => row));
    await query(rowsUrl, `INSERT INTO ${table} SELECT * FROM jsonb_populate_recordset(NULL::${table}, $1)`, [rows]);
  }
}

async function gatewaysIn(databaseUrl: string): Promise<readonly string[]> {
  const rows = await query<{ id: string }>(databaseUrl, 'SELECT id FROM gateways ORDER BY id');
  return rows.map(({ id }) => id);
}

/** The first two events of a gateway: what the service has written is what the bare client appends. */
async function samplesFrom(eventStore: string, gateway: string | undefined): Promise<readonly [Sample, Sample]> {
  const log = connectEventStore({ url: eventStore });
  try {
    const [created, changed] = await log.read(`gateway-${gateway}`);
    if (created && changed) return [sampleOf(created), sampleOf(changed)];
    throw new Error('The gateway that is to be an example has not two events.');
  } finally {
    await log.close();
  }
}

function sampleOf({ type, data, metadata }: StoredEvent): Sample {
  return { type, data: data as object, metadata: metadata as object };
}

async function secondsOf(child: ChildProcess, asked: Load | Appends): Promise<number> {
  child.send(asked);
  const answered = await messageOf<{ readonly seconds: number } | { readonly error: string }>(child);
  if ('error' in answered) throw new Error(answered.error);
  return answered.seconds;
}
