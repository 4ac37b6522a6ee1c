// npm run bench:queries: how many queries a second the service answers, in a small and in a large database; beside two
// services that are as small as they can be, and have the same statements and the same answers.
import type { ChildProcess } from 'node:child_process';
import { isDeepStrictEqual } from 'node:util';
import { startPostgres } from '../embedded/postgres.ts';
import { withDatabase } from '../src/database/address.ts';
import { endChildren, messageOf, startChild } from './children.ts';
import { factoryId, fillDatabase, gatewayId, gatewaysPerFactory } from './queries-data.ts';
import type { Answered, Load, Paths } from './queries-load.ts';
import { optionsOf, type QueriesOptions, usage } from './queries-options.ts';
import { type Measure, type Reading, reportOf } from './queries-report.ts';
import type { Way } from './queries-subject.ts';
import { query } from './query.ts';
import { byTurns } from './rounds.ts';
import { ownFolder, runBenchmark, running, startIn, tell } from './run.ts';

interface Service {
  readonly way: Way;
  readonly gateways: number;
  readonly url: string;
  readonly process: ChildProcess;
}

/** What is measured in each round. */
interface Subject {
  readonly service: Service;
  readonly measure: Measure;
  readonly paths: Paths;
}

const newest = '/api/gateways?sort=-created_at';

await runBenchmark({
  usage,
  optionsOf,
  measure: async (options) => reportOf(await measureAll(options), options),
});

async function measureAll(options: QueriesOptions): Promise<readonly Reading[]> {
  const folder = await ownFolder('queries');
  const postgres = await startIn(running, startPostgres(folder), (server) => server.stop());
  running.defer(endChildren);
  const services: Service[] = [];
  for (const gateways of [options.few, options.gateways]) services.push(...(await servicesOf(postgres.url, gateways)));
  const subjects: Subject[] = [];
  for (const service of services) subjects.push(...(await subjectsOf(service)));
  const load = startChild('queries-load.ts', []);
  tell('warming up');
  // A single round is rough anyway.
  if (options.rounds > 1) for (const subject of subjects) await measure(load, subject, { ...options, seconds: 1 });
  const readings: Reading[] = [];
  for (let round = 0; round < options.rounds; round++) {
    tell(`round ${round + 1} of ${options.rounds}`);
    await byTurns(subjects, round, async (subject) => {
      readings.push(await measure(load, subject, options));
    });
  }
  return readings;
}

/** The three services on a database of so many gateways, made and filled. */
async function servicesOf(postgresUrl: string, gateways: number): Promise<readonly Service[]> {
  const name = `with_${gateways}`;
  const databaseUrl = withDatabase(postgresUrl, name);
  tell(`writing ${gateways.toLocaleString('en-US')} gateways`);
  await query(postgresUrl, `CREATE DATABASE ${name}`);
  await fillDatabase(databaseUrl, gateways);
  const services: Service[] = [];
  for (const way of ['registry', 'slonik', 'pg'] as const) {
    const process = startChild('queries-subject.ts', [way, databaseUrl]);
    services.push({ way, gateways, url: await messageOf<string>(process), process });
  }
  await refuseDifferences(services);
  return services;
}

/** They do not compare unless they answer the same. */
async function refuseDifferences([registry, ...others]: readonly Service[]): Promise<void> {
  for (const path of [`/api/gateways/${gatewayId(1)}`, newest, `${newest}&factory_id=${factoryId(1)}`]) {
    const expected = await bodyOf(`${registry?.url}${path}`);
    for (const { way, url } of others) {
      if (isDeepStrictEqual(await bodyOf(`${url}${path}`), expected)) continue;
      throw new Error(
        `${path} is answered differently on ${way}: ${JSON.stringify(await bodyOf(`${url}${path}`))}, not ${JSON.stringify(expected)}`,
      );
    }
  }
}

async function subjectsOf(service: Service): Promise<readonly Subject[]> {
  const { way, gateways, url } = service;
  const subjects: Subject[] = [
    { service, measure: 'one', paths: { of: 'gateway', upTo: gateways } },
    { service, measure: 'list', paths: newest },
    { service, measure: 'of a factory', paths: { of: 'factory', upTo: Math.ceil(gateways / gatewaysPerFactory) } },
  ];
  if (way !== 'registry') return subjects;
  const half = await bodyOf(`${url}${newest}&offset=${Math.floor(gateways / 2)}`);
  const cursor = (half as { readonly pagination: { readonly nextCursor: string } }).pagination.nextCursor;
  return [...subjects, { service, measure: 'deep by cursor', paths: `${newest}&cursor=${cursor}` }];
}

async function measure(
  load: ChildProcess,
  { service, measure, paths }: Subject,
  { seconds, connections }: QueriesOptions,
): Promise<Reading> {
  const before = await cpuOf(service);
  const asked: Load = { url: service.url, connections, seconds, paths };
  load.send(asked);
  const answered = await messageOf<Answered | { readonly error: string }>(load);
  if ('error' in answered) throw new Error(answered.error);
  const cpu = (await cpuOf(service)) - before;
  const { way, gateways } = service;
  return { way, gateways, measure, ...answered, cpu: cpu / answered.requests };
}

/** Microseconds of processor time so far. */
async function cpuOf({ process: child }: Service): Promise<number> {
  child.send('cpu');
  const { user, system } = await messageOf<NodeJS.CpuUsage>(child);
  return user + system;
}

async function bodyOf(url: string): Promise<unknown> {
  const response = await fetch(url);
  if (!response.ok) throw new Error(`${url} was answered with ${response.status}: ${await response.text()}`);
  return response.json();
}
