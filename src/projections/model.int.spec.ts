// Random commands, projected in random batches by projectors that lose their connections: the tables equal a plain fold
// of the log. The same with events that the tables cannot take: then they equal the fold of what does not wait.
import fc from 'fast-check';
import type pg from 'pg';
import pino from 'pino';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createMigratedDatabase, withClient } from '../../test/support/database.ts';
import { now } from '../../test/support/examples.ts';
import { memoryLog } from '../../test/support/memory-log.ts';
import type { TestDatabase } from '../../test/support/servers.ts';
import type { CommandDependencies } from '../commands/handler.ts';
import { commands } from '../commands/index.ts';
import { decode, type Recorded } from '../events/codec.ts';
import type { EventLog, LogItem } from '../events/event-log.ts';
import { foldFactory } from '../resources/factory.ts';
import { foldGateway } from '../resources/gateway.ts';
import { foldOrganization } from '../resources/organization.ts';
import { projectedStreams } from './follow.ts';
import { listParked, retryParked } from './parked.ts';
import { createProgress } from './progress.ts';
import { startProjector } from './projector.ts';

let database: TestDatabase;

beforeAll(async () => {
  database = await createMigratedDatabase();
});

afterAll(() => database?.[Symbol.asyncDispose]());

const tables = ['organizations', 'factories', 'gateways'] as const;
type Table = (typeof tables)[number];

const organizations = fc.constantFrom(...ids('a', 2));
const factories = fc.constantFrom(...ids('b', 3));
const gateways = fc.constantFrom(...ids('c', 5));
const name = fc.oneof(
  fc.constantFrom('plain', 'plain too', 'Ünïcödé \u{1f600}', `quotes ' " \\ {} null`),
  fc
    .string({ minLength: 1, maxLength: 20, unit: 'grapheme' })
    .filter((text) => !/[\0!]/.test(text) && text.isWellFormed()),
);
const nullable = fc.option(fc.constantFrom('', 'x', 'NULL'));
const metadata = fc.constantFrom({}, { a: [null, 1e21, { b: '' }] }, { '': 'c', ['__proto__']: 'own' });
const device = fc.constantFrom('GW-1', 'GW-2', 'GW-3', 'GW-4');
const url = fc.constantFrom('ws://10.0.0.1', 'wss://gateway.example/ws');
const email = fc.constantFrom('a@acme.example', 'b@acme.example');

type Step =
  | { readonly do: 'command'; readonly name: string; readonly id: string; readonly body: object }
  /** The projector is cut off; another one takes over, while it comes back to stand by. */
  | { readonly do: 'cut' }
  /** The store goes away for a moment. */
  | { readonly do: 'away' }
  | { readonly do: 'wait' }
  | { readonly do: 'retry' };

function stepsWith(name: fc.Arbitrary<string>): fc.Arbitrary<Step> {
  const ofOrganization = { name, metadata };
  const ofFactory = { name, location: nullable, timezone: fc.constantFrom('UTC', 'Europe/Berlin'), metadata };
  const password = fc.constantFrom('one', 'two');
  const ofGateway = { name, url, email, model: nullable, firmware_version: nullable, metadata };
  const some = (fields: Record<string, fc.Arbitrary<unknown>>) =>
    fc.record(fields, { requiredKeys: [] }).filter((body) => Object.keys(body).length > 0);
  const command = (name: string, id: fc.Arbitrary<string>, body: fc.Arbitrary<object> = fc.constant({})) =>
    fc.tuple(id, body).map(([id, body]): Step => ({ do: 'command', name, id, body }));
  return fc.oneof<fc.WeightedArbitrary<Step>[]>(
    { weight: 2, arbitrary: command('CreateOrganization', organizations, fc.record(ofOrganization)) },
    { weight: 2, arbitrary: command('UpdateOrganization', organizations, some(ofOrganization)) },
    { weight: 1, arbitrary: command('SoftDeleteOrganization', organizations) },
    { weight: 2, arbitrary: command('RestoreOrganization', organizations) },
    {
      weight: 4,
      arbitrary: command('CreateFactory', factories, fc.record({ ...ofFactory, organization_id: organizations })),
    },
    { weight: 2, arbitrary: command('UpdateFactory', factories, some(ofFactory)) },
    { weight: 1, arbitrary: command('SoftDeleteFactory', factories) },
    { weight: 2, arbitrary: command('RestoreFactory', factories) },
    {
      weight: 8,
      arbitrary: command(
        'CreateGateway',
        gateways,
        fc.record({ ...ofGateway, gateway_id: device, password, factory_id: factories }),
      ),
    },
    { weight: 8, arbitrary: command('UpdateGateway', gateways, some({ ...ofGateway, gateway_id: device, password })) },
    { weight: 4, arbitrary: command('SoftDeleteGateway', gateways) },
    { weight: 4, arbitrary: command('RestoreGateway', gateways) },
    { weight: 1, arbitrary: fc.constant({ do: 'cut' }) },
    { weight: 1, arbitrary: fc.constant({ do: 'away' }) },
    { weight: 4, arbitrary: fc.constant({ do: 'wait' }) },
    { weight: 1, arbitrary: fc.constant({ do: 'retry' }) },
  );
}

// Most commands need an organization and a factory that are there.
const beginning: readonly Step[] = [
  { do: 'command', name: 'CreateOrganization', id: ids('a', 1)[0] ?? '', body: { name: 'first' } },
  {
    do: 'command',
    name: 'CreateFactory',
    id: ids('b', 1)[0] ?? '',
    body: { name: 'first', organization_id: ids('a', 1)[0] },
  },
];

const cuts = fc.array(fc.integer({ min: 1, max: 20 }), { minLength: 1, maxLength: 10 });

describe('after any commands, cut into any batches, with projectors that fail,', { timeout: 120_000 }, () => {
  it('the tables equal a plain fold of the log', async () => {
    const steps = fc.array(stepsWith(name), { minLength: 10, maxLength: 80 });
    await fc.assert(
      fc.asyncProperty(steps, cuts, async (chosen, sizes) => {
        const events = await projectCommands([...beginning, ...chosen], sizes);
        expect(await parkedStreams()).toEqual([]);
        expect(await readTables()).toEqual(folded(events));
      }),
      { numRuns: 25 },
    );
  });

  it('and events that no table takes, they equal the fold of what does not wait; after a retry, of all', async () => {
    const poison = fc.oneof({ weight: 4, arbitrary: name }, { weight: 1, arbitrary: fc.constant('poison!') });
    const steps = fc.array(stepsWith(poison), { minLength: 10, maxLength: 80 });
    let parkedOnce = 0;
    await fc.assert(
      fc.asyncProperty(steps, cuts, async (chosen, sizes) => {
        await eachTable(
          (table) =>
            `ALTER TABLE ${table} DROP CONSTRAINT IF EXISTS poison, ADD CONSTRAINT poison CHECK (name NOT LIKE '%!') NOT VALID`,
        );
        const events = await projectCommands([...beginning, ...chosen], sizes, async (all) => {
          const waiting = await parkedStreams();
          if (waiting.length > 0) parkedOnce += 1;
          const first = new Map(waiting.map(({ stream, revision }) => [stream, revision]));
          const applied = all.filter(({ stream, revision }) => revision < (first.get(stream) ?? revision + 1n));
          expect(await readTables()).toEqual(folded(applied));
          for (const { error } of await withClient(database.url, listParked)) expect(error).toBeDefined();
          await eachTable((table) => `ALTER TABLE ${table} DROP CONSTRAINT poison`);
          await withClient(database.url, retryParked);
        });
        expect(await parkedStreams()).toEqual([]);
        expect(await readTables()).toEqual(folded(events));
      }),
      { numRuns: 25 },
    );
    expect(parkedOnce).toBeGreaterThan(5);
  });
});

/** Runs the steps on empty tables, with two projectors; returns all events when the tables have reached the last one. */
async function projectCommands(
  steps: readonly Step[],
  sizes: readonly number[],
  check?: (events: readonly Recorded[]) => Promise<void>,
): Promise<readonly Recorded[]> {
  await sql(`TRUNCATE ${tables.join(', ')}, projection_parked;
    UPDATE projection_checkpoint SET commit_position = NULL, prepare_position = NULL`);
  await using scope = new AsyncDisposableStack();
  const log = memoryLog();
  const { eventLog, goAway } = cutInto(log, sizes);
  const progress = createProgress();
  for (let count = 0; count < 2; count++) {
    const projector = startProjector({
      databaseUrl: database.url,
      eventLog,
      progress,
      logger: pino({ level: 'silent' }),
      backoff: { first: 1, longest: 20 },
    });
    scope.defer(() => projector.stop());
  }
  const reached = async () => {
    const events = await eventsOf(log);
    const last = events.at(-1);
    if (last) expect(await progress.reached(last.position, 10_000), 'the last event is projected').toBe(true);
    return events;
  };

  let time = Date.parse(now);
  const dependencies: CommandDependencies = {
    log,
    sealPassword: (password, id) => `sealed ${password} for ${id}`,
    now: () => new Date(time),
    hasActiveChildren: async () => false,
    reservationGrace: 10_000,
  };
  for (const step of steps) {
    time += 1_500;
    if (step.do === 'command') await run(dependencies, step);
    if (step.do === 'cut') await cutActive();
    if (step.do === 'away') goAway();
    if (step.do === 'wait') await reached();
    if (step.do === 'retry') await withClient(database.url, retryParked);
  }
  const events = await reached();
  await check?.(events);
  return events;
}

async function run(dependencies: CommandDependencies, step: Extract<Step, { do: 'command' }>): Promise<void> {
  const command = commands.find((candidate) => candidate.name === step.name);
  if (command === undefined) throw new Error(`there is no command ${step.name}`);
  const sender = { actor: 'a-tester', correlationId: 'a-correlation' };
  await command.run(dependencies, {
    id: step.id,
    body: command.body?.parse(step.body),
    query: { cascade: true },
    sender,
  });
}

/** The log, told in batches of these sizes, with checkpoints between them and what was told last told again. */
function cutInto(log: EventLog, sizes: readonly number[]) {
  let taken = 0;
  let leaving = new AbortController();
  const eventLog: EventLog = {
    ...log,
    async *subscribe(options) {
      const { signal } = leaving;
      for await (const items of log.subscribe({ ...options, signal: AbortSignal.any([options.signal, signal]) })) {
        for (let start = 0; start < items.length; ) {
          const size = sizes[taken++ % sizes.length] ?? 1;
          const batch = items.slice(start, start + size);
          start += size;
          yield batch;
          const last = batch.at(-1);
          if (last?.kind !== 'event') continue;
          if (size % 3 === 0) yield [{ kind: 'checkpoint', position: last.event.position } satisfies LogItem];
          if (size % 3 === 1) yield [last];
        }
        signal.throwIfAborted();
      }
      signal.throwIfAborted();
    },
  };
  const goAway = () => {
    leaving.abort(new Error('the store is away'));
    leaving = new AbortController();
  };
  return { eventLog, goAway };
}

async function eventsOf(log: EventLog): Promise<readonly Recorded[]> {
  const events: Recorded[] = [];
  const done = new AbortController();
  for await (const items of log.subscribe({
    streamPrefixes: projectedStreams,
    after: 'start',
    signal: done.signal,
  })) {
    for (const item of items) {
      if (item.kind === 'event') events.push(decode(item.event) as Recorded);
      if (item.kind === 'caught-up') done.abort();
    }
  }
  return events;
}

type Row = Readonly<Record<string, unknown>>;

interface Model {
  readonly resource: object | undefined;
  readonly own: Row;
}

/** The rows of each table after these events, each stream by itself. */
function folded(events: readonly Recorded[]): Record<Table, readonly Row[]> {
  const models: Record<Table, Map<string, Model>> = {
    organizations: new Map(),
    factories: new Map(),
    gateways: new Map(),
  };
  for (const event of events) {
    const rows = models[tableOf(event)];
    rows.set(event.data.id, foldRow(rows.get(event.data.id), event));
  }
  const rowsOf = (table: Table) =>
    [...models[table].values()]
      .filter(({ resource }) => resource !== undefined)
      .map(({ resource, own }): Row => ({ ...resource, ...own }))
      .sort((a, b) => (String(a.id) < String(b.id) ? -1 : 1));
  return { organizations: rowsOf('organizations'), factories: rowsOf('factories'), gateways: rowsOf('gateways') };
}

function foldRow(before: Model | undefined, event: Recorded): Model {
  const fold = { organizations: foldOrganization, factories: foldFactory, gateways: foldGateway }[tableOf(event)];
  // No event says when a gateway was seen.
  const unseen = tableOf(event) === 'gateways' ? { last_seen_at: null } : {};
  const own: Record<string, unknown> = { ...unseen, deleted_at: null, ...before?.own, stream_revision: event.revision };
  if (event.type.endsWith('SoftDeleted')) own.deleted_at = event.metadata.occurredAt;
  if (event.type.endsWith('Restored')) own.deleted_at = null;
  if ('passwordEncrypted' in event.data) own.password_encrypted = event.data.passwordEncrypted;
  return { resource: fold(before?.resource as never, event as never), own };
}

function tableOf({ stream }: Recorded): Table {
  if (stream.startsWith('organization-')) return 'organizations';
  return stream.startsWith('factory-') ? 'factories' : 'gateways';
}

async function readTables(): Promise<Record<Table, readonly Row[]>> {
  return withClient(database.url, async (client) => ({
    organizations: await rowsOf(client, 'organizations'),
    factories: await rowsOf(client, 'factories'),
    gateways: await rowsOf(client, 'gateways'),
  }));
}

async function rowsOf(client: pg.Client, table: Table): Promise<readonly Row[]> {
  const { rows } = await client.query<Row>(`SELECT * FROM ${table} ORDER BY id`);
  return rows.map((row) => ({
    ...Object.fromEntries(
      Object.entries(row).map(([column, value]) => [column, value instanceof Date ? value.toISOString() : value]),
    ),
    stream_revision: BigInt(String(row.stream_revision)),
  }));
}

/** The first event that waits of each stream. */
async function parkedStreams(): Promise<readonly { readonly stream: string; readonly revision: bigint }[]> {
  const rows = await sql(`
    SELECT stream, min(revision)::text AS revision FROM projection_parked WHERE skipped_at IS NULL GROUP BY stream`);
  return rows.map(({ stream, revision }) => ({ stream: String(stream), revision: BigInt(String(revision)) }));
}

async function cutActive(): Promise<void> {
  await sql(`
    SELECT pg_terminate_backend(pid) FROM pg_locks
    WHERE locktype = 'advisory' AND granted
      AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`);
}

async function eachTable(statement: (table: Table) => string): Promise<void> {
  for (const table of tables) await sql(statement(table));
}

function sql(statement: string): Promise<readonly Record<string, unknown>[]> {
  return withClient(database.url, async (client) => (await client.query(statement)).rows ?? []);
}

function ids(kind: string, count: number): readonly string[] {
  return Array.from({ length: count }, (_, index) => `0194a${kind}00-0000-7000-8000-00000000000${index + 1}`);
}
