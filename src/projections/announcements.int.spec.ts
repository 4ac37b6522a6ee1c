import pino from 'pino';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createMigratedDatabase, withClient } from '../../test/support/database.ts';
import { eventually } from '../../test/support/eventually.ts';
import { organizationCreated, organizationUpdated, stored, storedInOrder } from '../../test/support/examples.ts';
import { type GivenLog, givenLog } from '../../test/support/given-log.ts';
import type { TestDatabase } from '../../test/support/servers.ts';
import { announcementOf, parseAnnouncement, startListener } from './announcements.ts';
import { createProgress } from './progress.ts';
import { startProjector } from './projector.ts';

const logger = pino({ level: 'silent' });

let database: TestDatabase;
let scope: AsyncDisposableStack;

beforeEach(async () => {
  scope = new AsyncDisposableStack();
  database = scope.use(await createMigratedDatabase());
});

afterEach(() => scope.disposeAsync());

describe('an announcement', () => {
  it.each([
    ['anywhere', { epoch: 1n, position: { commit: 100n, prepare: 99n } }],
    [
      'at the last place there is',
      { epoch: 2n ** 63n - 1n, position: { commit: 2n ** 64n - 1n, prepare: 2n ** 64n - 2n } },
    ],
    ['before the first event', { epoch: 3n, position: undefined }],
  ])('says exactly where the read model stands: %s', (_, checkpoint) => {
    expect(parseAnnouncement(announcementOf(checkpoint))).toEqual(checkpoint);
  });

  it.each([
    undefined,
    '',
    'hello',
    '1 2',
    '1 2 -',
    '1 -2 3',
    '1 2 3 4',
    `1 ${2n ** 64n} 1`,
    '1 0x2 3',
    '1  2 3',
    '1 2 3\n',
  ])('is not %j', (text) => {
    expect(parseAnnouncement(text)).toBeUndefined();
  });
});

describe('a listener', () => {
  it('hears of the positions of a projector elsewhere, with the batch that reaches them', async () => {
    const log = givenLog(...storedInOrder(organizationCreated()));
    const here = listen();
    project(log);
    expect(await here.reached(at(100n), 20_000)).toBe(true);
    expect(await namesOf()).toEqual(['Acme']);
    log.add(stored(organizationUpdated({ name: 'New' }), { revision: 1n, position: 200n }));
    expect(await here.reached(at(200n), 20_000)).toBe(true);
    expect(await namesOf()).toEqual(['New']);
  });

  it('knows where the tables stand when it starts, although nothing comes', async () => {
    const { progress } = project(givenLog(...storedInOrder(organizationCreated())));
    await progress.reached(at(100n), 20_000);
    expect(await listen().reached(at(100n), 20_000)).toBe(true);
  });

  it('reads again what it has missed while its connection was lost', async () => {
    const log = givenLog(...storedInOrder(organizationCreated()));
    const there = project(log);
    const here = listen({ first: 400, longest: 400 });
    await here.reached(at(100n), 20_000);
    await ended(`registry listener`);
    const reached = here.reached(at(200n), 20_000);
    log.add(stored(organizationUpdated({ name: 'New' }), { revision: 1n, position: 200n }));
    // Nobody listens when it is announced.
    expect(await there.progress.reached(at(200n), 20_000)).toBe(true);
    expect(here.current()).toEqual(at(100n));
    expect(await reached).toBe(true);
  });

  it('passes over what is no announcement', async () => {
    const here = listen();
    await eventually(async () => expect(await listeners()).toBe(1));
    await sql(`SELECT pg_notify('registry_progress', 'hello'), pg_notify('registry_progress', '9 900 900')`);
    expect(await here.reached(at(900n), 20_000)).toBe(true);
  });

  it('is not told of a batch that was rolled back', async () => {
    const here = listen();
    await eventually(async () => expect(await listeners()).toBe(1));
    await sql(`BEGIN; SELECT pg_notify('registry_progress', '9 900 900'); ROLLBACK;
      SELECT pg_notify('registry_progress', '9 100 100')`);
    expect(await here.reached(at(100n), 20_000)).toBe(true);
    expect(here.current()).toEqual(at(100n));
  });

  it('follows the tables of another database under the same name, whose epochs begin anew', async () => {
    const here = listen({ first: 10, longest: 50 });
    await sql('UPDATE projection_checkpoint SET epoch = 7, commit_position = 900, prepare_position = 900');
    await ended('registry listener');
    expect(await here.reached(at(900n), 20_000)).toBe(true);
    await sql('UPDATE projection_checkpoint SET epoch = 1, commit_position = 100, prepare_position = 100');
    await ended('registry listener');
    await eventually(() => expect(here.current()).toEqual(at(100n)));
  });

  it('leaves no session behind when it is stopped', async () => {
    const loop = startListener({ databaseUrl: database.url, progress: createProgress(), logger });
    await eventually(() => expect(loop.health().status).toBe('running'));
    await loop.stop();
    await eventually(async () => expect(await listeners()).toBe(0));
  });
});

describe('a projector that stands by', () => {
  it('takes over within 5 s of the end of the other one, and those who wait elsewhere hear of it', async () => {
    const log = givenLog(...storedInOrder(organizationCreated()));
    const first = project(log);
    await first.progress.reached(at(100n), 20_000);
    const second = project(log);
    await eventually(async () => expect(await sql(`SELECT FROM ${waiting}`)).toHaveLength(1));
    const here = listen();
    const before = performance.now();
    await sql(`SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND granted
      AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`);
    log.add(stored(organizationUpdated({ name: 'New' }), { revision: 1n, position: 200n }));
    expect(await here.reached(at(200n), 20_000)).toBe(true);
    expect(performance.now() - before).toBeLessThan(5_000);
    expect(await second.progress.reached(at(200n), 20_000)).toBe(true);
  });
});

const waiting = `pg_locks WHERE locktype = 'advisory' AND NOT granted
  AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`;

function project(eventLog: GivenLog) {
  const progress = createProgress();
  const backoff = { first: 10, longest: 50 };
  const projector = startProjector({ databaseUrl: database.url, eventLog, progress, logger, backoff });
  scope.defer(() => projector.stop());
  return { progress, projector };
}

/** The progress of a process that has no projector. */
function listen(backoff = { first: 10, longest: 50 }) {
  const progress = createProgress();
  const loop = startListener({ databaseUrl: database.url, progress, logger, backoff });
  scope.defer(() => loop.stop());
  return progress;
}

async function ended(name: string): Promise<void> {
  await eventually(async () => {
    const [row] = await sql(`SELECT count(pg_terminate_backend(pid))::int AS ended FROM pg_stat_activity
      WHERE application_name = '${name}' AND datname = current_database()`);
    expect(row).toEqual({ ended: 1 });
  });
  await eventually(async () => {
    const rows = await sql(`SELECT FROM pg_stat_activity WHERE application_name = '${name}' AND query LIKE 'LISTEN%'
      AND datname = current_database()`);
    expect(rows).toEqual([]);
  });
}

async function listeners(): Promise<number> {
  const rows = await sql(`SELECT FROM pg_stat_activity
    WHERE application_name = 'registry listener' AND state = 'idle' AND query LIKE '%projection_checkpoint%'
      AND datname = current_database()`);
  return rows.length;
}

async function namesOf(): Promise<readonly unknown[]> {
  return (await sql('SELECT name FROM organizations')).map(({ name }) => name);
}

function sql(statement: string): Promise<readonly Record<string, unknown>[]> {
  return withClient(database.url, async (client) => (await client.query(statement)).rows);
}

function at(commit: bigint) {
  return { commit, prepare: commit };
}
