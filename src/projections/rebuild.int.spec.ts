import pino from 'pino';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createMigratedDatabase, withClient } from '../../test/support/database.ts';
import { eventually } from '../../test/support/eventually.ts';
import {
  aFactory,
  aGateway,
  factoryCreated,
  factoryUpdated,
  gatewayConnected,
  gatewayCreated,
  gatewayDisconnected,
  gatewayIdReserved,
  gatewayPasswordChanged,
  gatewaySoftDeleted,
  gatewayUpdated,
  later,
  organizationCreated,
  organizationUpdated,
  storedInOrder,
} from '../../test/support/examples.ts';
import { type GivenLog, givenLog } from '../../test/support/given-log.ts';
import type { TestDatabase } from '../../test/support/servers.ts';
import type { RegistryEvent } from '../events/catalogue.ts';
import type { StoredEvent } from '../events/event-log.ts';
import { DeviceId, GatewayId } from '../events/ids.ts';
import { createProgress } from './progress.ts';
import { type Projector, startProjector } from './projector.ts';
import { type Rebuild, type RebuildOptions, type Rebuilt, rebuild, rollback } from './rebuild.ts';
import { definitionOf } from './schema.ts';
import { verify } from './verify.ts';

let database: TestDatabase;
let scope: AsyncDisposableStack;
let lines: string[];

const logger = pino({}, { write: (line) => lines.push(JSON.parse(line).msg) });
const { signal: never } = new AbortController();

beforeEach(async () => {
  lines = [];
  scope = new AsyncDisposableStack();
  database = scope.use(await createMigratedDatabase());
});

afterEach(() => scope.disposeAsync());

describe('a rebuild', () => {
  it('writes all that the log holds, with the checkpoint', async () => {
    expect(await run(aLog())).toEqual({ events: 3, position: at(400n), parked: 0 });
    expect(await count('gateways')).toBe(1);
    expect(await sql('SELECT commit_position::int AS commit, rebuilt_at FROM projection_checkpoint')).toEqual([
      { commit: 400, rebuilt_at: expect.any(Date) },
    ]);
  });

  it('of nothing is done at once', async () => {
    expect(await run(givenLog())).toEqual({ events: 0, position: undefined, parked: 0 });
  });

  it('makes the bytes that the projector made, and definitions that are the same', async () => {
    const log = givenLog(...storedInOrder(...manyEvents(40)));
    await live(log, at(BigInt(log.events.length) * 100n));
    const lived = await dump();
    const defined = await withClient(database.url, (client) => definitionOf(client, 'public'));
    await run(log);
    expect(await dump()).toEqual(lived);
    expect(await withClient(database.url, (client) => definitionOf(client, 'public'))).toEqual(defined);
    expect(await withClient(database.url, (client) => definitionOf(client, 'registry_previous'))).toEqual(defined);
  });

  it('makes the same when memory is short, so that rows are changed that were written already', async () => {
    const log = givenLog(...storedInOrder(...manyEvents(1_500)));
    await run(log);
    const atOnce = await dump();
    await run(log, { memory: 100_000 });
    expect(await dump()).toEqual(atOnce);
  });

  it('reads texts as they are: with tabs, line ends, backslashes and any alphabet', async () => {
    const name = 'a\tb\nc\\d\r\\N "ü" 🚀 \u0007';
    await run(givenLog(...storedInOrder(organizationCreated({ name, metadata: { 'k\t\\': name } }))));
    expect(await sql('SELECT name, metadata FROM organizations')).toEqual([{ name, metadata: { 'k\t\\': name } }]);
  });

  it('tells how far it is', async () => {
    const told: Rebuilt[] = [];
    const updates = Array.from({ length: 1_200 }, (_, index) => organizationUpdated({ name: `name ${index}` }));
    await run(givenLog(...storedInOrder(organizationCreated(), ...updates)), {
      onProgress: (progress) => told.push(progress),
    });
    expect(told.map(({ events }) => events)).toEqual([1_000, 1_201]);
  });

  it('gives a projector that works the new tables, and it goes on with them', async () => {
    const log = aLog();
    await live(log, at(400n));
    await sql(`UPDATE organizations SET name = 'typed in by hand'`);
    await run(log);
    expect(await sql('SELECT name FROM organizations')).toEqual([{ name: 'Acme' }]);
    log.add(...storedInOrder(...fixed(), organizationUpdated({ name: 'Later' })).slice(4));
    await eventually(async () => expect(await sql('SELECT name FROM organizations')).toEqual([{ name: 'Later' }]));
    expect(await sql('SELECT name FROM registry_previous.organizations')).toEqual([{ name: 'typed in by hand' }]);
  });

  it('shows the presence of gateways, whatever part of its past the log still has', async () => {
    const changes = [
      gatewayConnected(),
      gatewayDisconnected(),
      gatewayConnected({ lastSeenAt: later }),
      gatewayDisconnected(),
    ];
    const events = storedInOrder(...fixed(), ...changes);
    const isScavenged = ({ stream, revision }: StoredEvent) => stream.startsWith('gatewayPresence-') && revision < 2n;
    for (const kept of [events, events.filter((event) => !isScavenged(event))]) {
      const log = givenLog(...kept);
      // Each event is read, and written, by itself.
      const piecemeal: GivenLog = { ...log, readAll: (asked) => log.readAll({ ...asked, maxBatch: 1 }) };
      for (const [eventLog, memory] of [
        [log, 100_000_000],
        [piecemeal, 1],
      ] as const) {
        await run(eventLog, { memory });
        expect(await sql('SELECT id, status, stream_revision FROM gateway_presence')).toEqual([
          { id: aGateway, status: 'offline', stream_revision: '3' },
        ]);
        expect(await verify(options(log))).toMatchObject({ differences: [] });
      }
    }
    expect(lines.filter((line) => line.startsWith('Events have values'))).toEqual([]);
  });

  it('carries over when a gateway was last seen', async () => {
    await run(aLog());
    const [before] = await sql('SELECT updated_at FROM gateways');
    await sql(`UPDATE gateways SET last_seen_at = '2026-01-03T00:00:00Z'`);
    await run(aLog());
    await sql(`UPDATE registry_previous.gateways SET last_seen_at = '2026-01-02T00:00:00Z'`);
    await rollback(options(aLog()));
    expect(await sql(`SELECT last_seen_at = '2026-01-03T00:00:00Z' AS carried FROM gateways`)).toEqual([
      { carried: true },
    ]);
    await run(aLog());
    expect(await sql('SELECT last_seen_at::text, updated_at FROM gateways')).toMatchObject([
      { last_seen_at: expect.stringMatching(/^2026-01-03/), updated_at: before?.updated_at },
    ]);
  });

  it('parks the events that the tables cannot take, and shows the others', async () => {
    const log = givenLog(
      ...storedInOrder(...fixed(), organizationUpdated({ name: 'x'.repeat(300) }), gatewayUpdated({ name: 'Hall 2' })),
    );
    // The name is corrected in the end, or not: what was there before the first poison stays.
    await run(log);
    expect(lines).toContainEqual(expect.stringMatching(/Starting over, event by event/));
    expect(await sql('SELECT name FROM organizations')).toEqual([{ name: 'Acme' }]);
    expect(await sql('SELECT type FROM projection_parked ORDER BY commit_position')).toMatchObject([
      { type: 'OrganizationUpdated' },
      { type: 'GatewayUpdated' },
    ]);
  });

  it('shows a stream whose later events mend what the tables could not take, whatever else stays parked', async () => {
    const log = givenLog(
      ...storedInOrder(
        ...fixed(),
        gatewayUpdated({ name: 'x'.repeat(300) }),
        gatewayUpdated({ name: 'Hall 2' }),
        gatewayCreated({ id: anOther(aGateway), gatewayId: DeviceId.parse('GW-other'), name: 'x'.repeat(300) }),
      ),
    );
    expect(await run(log)).toMatchObject({ parked: 1 });
    expect(await sql('SELECT name FROM gateways')).toEqual([{ name: 'Hall 2' }]);
    expect(await verify(options(log))).toMatchObject({ differences: [] });
  });

  it('tells a projector that works what is parked, also when no event comes', async () => {
    const log = givenLog(...storedInOrder(...fixed(), gatewayUpdated({ name: 'x'.repeat(200) })));
    await sql('ALTER TABLE gateways ALTER name TYPE varchar(100)');
    const projector = await live(log, at(500n));
    await eventually(() => expect(projector.health()).toMatchObject({ status: 'degraded' }));
    await sql('ALTER TABLE gateways ALTER name TYPE varchar(255)');
    await run(log);
    await eventually(() => expect(projector.health()).toMatchObject({ status: 'running' }));
  });

  it('parks half a surrogate pair, as the projector does', async () => {
    await run(givenLog(...storedInOrder(organizationCreated(), organizationUpdated({ name: 'half \ud83d' }))));
    expect(await count('projection_parked')).toBe(1);
  });

  it('fails with what the projector cannot take either', async () => {
    await run(aLog());
    await expect(
      run(givenLog(...storedInOrder(...fixed(), factoryUpdated({ id: anOther(aFactory) })))),
    ).rejects.toThrow(/has no row/);
    expect(await schemas()).toEqual(['registry_previous']);
  });

  it('leaves everything as it was when it is told to end, and says so', async () => {
    await run(aLog());
    const before = await dump();
    const stopping = new AbortController();
    const log = givenLog(...storedInOrder(...fixed(), ...Array(2_200).fill(organizationUpdated())));
    const ended = run(log, { signal: stopping.signal, onProgress: () => stopping.abort() });
    await expect(ended).rejects.toThrow('Interrupted. The live tables are as they were.');
    expect(await dump()).toEqual(before);
    expect(await schemas()).toEqual(['registry_previous']);
  });

  it('clears away what one that was killed has left', async () => {
    await sql('CREATE SCHEMA registry_next; CREATE TABLE registry_next.gateways (id int)');
    await run(aLog());
    expect(lines).toContainEqual('Dropped registry_next, which an interrupted run had left behind');
    expect(await schemas()).toEqual(['registry_previous']);
  });

  it('is refused while another one runs, or where a view would stay with the old tables', async () => {
    await sql('CREATE VIEW names AS SELECT name FROM organizations');
    await expect(run(aLog())).rejects.toThrow(/names refer to the tables themselves/);
    await withClient(database.url, async (client) => {
      await client.query(`SELECT pg_advisory_lock(hashtext('gateway-registry'), hashtext('rebuild'))`);
      await expect(run(aLog())).rejects.toThrow(/Another rebuild, rollback or verify/);
    });
  });

  it('is refused with another log than the one that the tables were made of', async () => {
    await run(aLog());
    await expect(run(givenLog(...storedInOrder(organizationCreated())))).rejects.toThrow(/made from another event log/);
  });

  it('gives up, and leaves the tables, when somebody keeps them locked', () =>
    withClient(database.url, async (client) => {
      await run(aLog());
      await client.query('BEGIN; SELECT FROM gateways');
      await client.query('SAVEPOINT held');
      const swapping = run(aLog());
      await eventually(() => expect(lines).toContainEqual(expect.stringMatching(/in use; trying again/)));
      expect(await sql('SELECT count(*)::int AS count FROM gateways')).toEqual([{ count: 1 }]);
      await client.query('COMMIT');
      await swapping;
    }));

  it('leaves grants and other tables as they are', async () => {
    const role = `reader_of_${database.url.slice(-8)}`;
    await sql(`CREATE ROLE ${role}; CREATE TABLE notes (note text)`);
    try {
      await sql(`GRANT SELECT ON gateways TO ${role}; INSERT INTO notes VALUES ('mine')`);
      await run(aLog());
      expect(await sql(`SELECT has_table_privilege('${role}', 'gateways', 'SELECT') AS may`)).toEqual([{ may: true }]);
      expect(await sql('SELECT note FROM notes')).toEqual([{ note: 'mine' }]);
    } finally {
      await sql(`DROP OWNED BY ${role}; DROP ROLE ${role}`);
    }
  });
});

describe('a rollback', () => {
  it('brings back the tables that a rebuild replaced, caught up; and once more the others', async () => {
    const log = aLog();
    await run(log);
    await sql(`UPDATE gateways SET model = 'of old'`);
    await run(log);
    log.add(...storedInOrder(...fixed(), organizationUpdated({ name: 'Later' })).slice(4));
    expect(await rollback(options(log))).toMatchObject({ position: at(500n) });
    expect(await sql('SELECT model FROM gateways')).toEqual([{ model: 'of old' }]);
    expect(await sql('SELECT name FROM organizations')).toEqual([{ name: 'Later' }]);
    await rollback(options(log));
    expect(await sql('SELECT model FROM gateways')).toEqual([{ model: 'SG-200' }]);
    expect(await sql('SELECT name FROM organizations')).toEqual([{ name: 'Later' }]);
  });

  it('is refused when there is nothing to go back to, or a migration ran since', async () => {
    await expect(rollback(options(aLog()))).rejects.toThrow(/nothing to roll back to/);
    await run(aLog());
    await sql('ALTER TABLE gateways ADD COLUMN colour text');
    await expect(rollback(options(aLog()))).rejects.toThrow(
      /changed since, by a migration or by hand \(gateways\.colour text/,
    );
  });
});

describe('a verification', () => {
  it('finds nothing where the tables are what the log says', async () => {
    await run(givenLog(...storedInOrder(...manyEvents(20))));
    await sql(`UPDATE gateways SET last_seen_at = now()`);
    await withClient(database.url, (client) =>
      client.query(`SET registry.writer = 'on'; UPDATE gateways SET last_seen_at = now()`),
    );
    const log = givenLog(...storedInOrder(...manyEvents(20)));
    await run(log);
    expect(await verify(options(log))).toMatchObject({ differences: [] });
    expect(await schemas()).toEqual(['registry_previous']);
  });

  it('tells which rows differ, are missing or too many, and in which columns; never a password', async () => {
    const log = aLog();
    await run(log);
    await sql(`
      SET registry.writer = 'on';
      UPDATE gateways SET name = 'planted', password_encrypted = 'secret of old', last_seen_at = now();
      INSERT INTO gateway_presence (id, status, since, last_seen_at) VALUES ('${aGateway}', 'online', now(), now());
      INSERT INTO organizations (id, name) VALUES ('0194a000-0000-7000-8000-0000000000ff', 'too many');
      ALTER TABLE factories DISABLE TRIGGER ALL; ALTER TABLE gateways DISABLE TRIGGER ALL;
      DELETE FROM factories;
      ALTER TABLE factories ENABLE TRIGGER ALL; ALTER TABLE gateways ENABLE TRIGGER ALL`);
    const { differences } = await verify(options(log));
    expect(differences).toEqual([
      `factories ${aFactory}: missing`,
      `gateway_presence ${aGateway}: not in the log`,
      `gateways ${aGateway}: name is "planted", not "Hall 1, north"; password_encrypted differs`,
      'organizations 0194a000-0000-7000-8000-0000000000ff: not in the log',
      'projection_totals organizations 00000000-0000-0000-0000-000000000000: live is "2", not "1"',
    ]);
    expect(differences.join()).not.toContain('secret');
  });

  it('compares at the position of the live tables, however far the log has come', async () => {
    const log = aLog();
    await run(log);
    log.add(...storedInOrder(...fixed(), organizationUpdated({ name: 'Later' })).slice(4));
    expect(await verify(options(log))).toMatchObject({ differences: [], position: at(400n) });
  });
});

function fixed(): readonly RegistryEvent[] {
  return [organizationCreated(), factoryCreated(), gatewayIdReserved(), gatewayCreated()];
}

function aLog(): GivenLog {
  return givenLog(...storedInOrder(...fixed()));
}

/** So many gateways, made and changed in turn, some of them deleted. */
function manyEvents(gateways: number): readonly RegistryEvent[] {
  const ids = Array.from({ length: gateways }, (_, index) =>
    GatewayId.parse(`0194c000-0000-7000-8000-${(index + 10).toString(16).padStart(12, '0')}`),
  );
  const changes = (id: GatewayId, index: number): readonly RegistryEvent[] => [
    gatewayUpdated({
      id,
      name: `Hall ${index}\t"${index}"`,
      firmwareVersion: null,
      metadata: { index, nested: [null] },
    }),
    gatewayPasswordChanged({ id, passwordEncrypted: `v1.${index}` }),
    ...(index % 7 === 0 ? [gatewaySoftDeleted({ id })] : []),
  ];
  return [
    organizationCreated(),
    factoryCreated(),
    ...ids.map((id, index) => gatewayCreated({ id, gatewayId: DeviceId.parse(`GW-${index}`) })),
    factoryUpdated({ location: null }),
    ...ids.flatMap(changes),
    organizationUpdated(),
  ];
}

/** A projector that works, at a position. */
async function live(log: GivenLog, position: { commit: bigint; prepare: bigint }): Promise<Projector> {
  const progress = createProgress();
  const projector = startProjector({
    databaseUrl: database.url,
    eventLog: log,
    progress,
    logger: pino({ level: 'silent' }),
    backoff: { first: 10, longest: 50 },
  });
  scope.defer(() => projector.stop());
  expect(await progress.reached(position, 20_000)).toBe(true);
  return projector;
}

function options(eventLog: GivenLog, given: Partial<RebuildOptions> = {}): RebuildOptions {
  return { databaseUrl: database.url, eventLog, logger, signal: never, onProgress: () => undefined, ...given };
}

function run(eventLog: GivenLog, given: Partial<RebuildOptions> = {}): Promise<Rebuild> {
  return rebuild(options(eventLog, given));
}

/** The rows of all tables as Postgres writes them, whose bytes it takes from the disk; but for when the epoch began. */
function dump(): Promise<readonly string[]> {
  return withClient(database.url, async (client) => {
    const tables = [
      'organizations',
      'factories',
      'gateways',
      'gateway_presence',
      'projection_parked',
      'projection_checkpoint',
    ];
    const dumped: string[] = [];
    for (const table of tables) {
      const columns = table === 'projection_checkpoint' ? 'commit_position, prepare_position' : `${table}.*`;
      const { rows } = await client.query(`SELECT row(${columns})::text AS line FROM ${table} ORDER BY 1`);
      dumped.push(...rows.map(({ line }) => `${table} ${line}`));
    }
    return dumped;
  });
}

async function schemas(): Promise<readonly unknown[]> {
  return (await sql(`SELECT nspname FROM pg_namespace WHERE nspname LIKE 'registry%'`)).map(({ nspname }) => nspname);
}

function anOther<Id extends string>(id: Id): Id {
  return `${id.slice(0, -2)}ee` as Id;
}

function at(commit: bigint) {
  return { commit, prepare: commit };
}

async function count(table: string): Promise<unknown> {
  return (await sql(`SELECT count(*)::int AS count FROM ${table}`))[0]?.count;
}

function sql(statement: string): Promise<readonly Record<string, unknown>[]> {
  return withClient(database.url, async (client) => (await client.query(statement)).rows);
}
