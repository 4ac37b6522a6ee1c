import pino from 'pino';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { createMigratedDatabase, withClient } from '../../test/support/database.ts';
import { eventually } from '../../test/support/eventually.ts';
import { now, organizationCreated, organizationUpdated, storedInOrder } from '../../test/support/examples.ts';
import { givenLog } from '../../test/support/given-log.ts';
import type { TestDatabase } from '../../test/support/servers.ts';
import { type EventLog, EventLogUnavailable } from '../events/event-log.ts';
import { createPool, type Pool } from '../infrastructure/postgres.ts';
import { createProgress } from './progress.ts';
import { startProjector } from './projector.ts';
import { createReadiness, type Readiness } from './readiness.ts';
import { complaintOf, readProjectionStatus, renderReadModel } from './status-action.ts';

const logger = pino({ level: 'silent' });
const log = givenLog(...storedInOrder(organizationCreated(), organizationUpdated({ name: 'New' })));

let database: TestDatabase;
let pool: Pool;
let scope: AsyncDisposableStack;

beforeEach(async () => {
  scope = new AsyncDisposableStack();
  database = scope.use(await createMigratedDatabase());
  pool = scope.adopt(createPool({ databaseUrl: database.url, logger }), (made) => made.end());
});

afterEach(() => scope.disposeAsync());

describe('the readiness', () => {
  it('tells how the read model stands', async () => {
    await project();
    expect(await ask()).toEqual({
      postgres: 'reachable',
      eventStore: 'reachable',
      readModel: {
        position: { commit: 200n, prepare: 200n },
        lag: { events: 0, atLeast: false, seconds: 0 },
        parked: 0,
        rebuiltAt: undefined,
        projecting: true,
        stalled: false,
      },
    });
  });

  it('tells the lag of tables that nobody has written to, and that nobody does', async () => {
    expect((await ask()).readModel).toMatchObject({
      position: undefined,
      lag: { events: 2, atLeast: false, seconds: expect.closeTo((Date.now() - Date.parse(now)) / 1_000, 0) },
      projecting: false,
      stalled: false,
    });
  });

  it('tells the streams that are parked, and not what was skipped of them', async () => {
    await sql(`INSERT INTO projection_parked (stream, revision, commit_position, prepare_position, type, event, error, skipped_at)
      VALUES ('a', 0, 1, 1, 'T', '{}', 'e', NULL), ('a', 1, 2, 2, 'T', '{}', 'e', NULL),
        ('b', 0, 3, 3, 'T', '{}', 'e', NULL), ('c', 0, 4, 4, 'T', '{}', 'e', now())`);
    expect((await ask()).readModel).toMatchObject({ parked: 2 });
  });

  it('tells when the tables were rebuilt, once they can say so', async () => {
    await sql('ALTER TABLE projection_checkpoint ADD COLUMN IF NOT EXISTS rebuilt_at timestamptz');
    await sql(`UPDATE projection_checkpoint SET rebuilt_at = '2026-03-01T04:00:00+01:00'`);
    expect((await ask()).readModel).toMatchObject({ rebuiltAt: '2026-03-01T03:00:00.000Z' });
  });

  it('tells that progress has stalled when events are missing and nothing has happened for long', async () => {
    const progress = { ...createProgress(), unmovedFor: () => 10_000 };
    expect((await ask({ progress })).readModel).toMatchObject({ stalled: true });
    expect((await ask({ progress: { ...progress, unmovedFor: () => 9_999 } })).readModel).toMatchObject({
      stalled: false,
    });
    const recent = { ...organizationCreated() };
    const [event] = storedInOrder(recent);
    const metadata = { ...(event?.metadata as object), occurredAt: new Date().toISOString() };
    const fresh = givenLog({ ...(event as NonNullable<typeof event>), metadata });
    expect((await ask({ progress, eventLog: fresh })).readModel).toMatchObject({ lag: { events: 1 }, stalled: false });
  });

  it.each([
    ['lacks a migration', 'DELETE FROM pgmigrations WHERE id = (SELECT max(id) FROM pgmigrations)'],
    ['was never migrated', 'DROP TABLE pgmigrations'],
  ])('tells that the database %s', async (_, statement) => {
    await sql(statement);
    expect(await ask()).toEqual({ postgres: 'outdated', eventStore: 'reachable', readModel: undefined });
  });

  it('tells that Postgres is away', async () => {
    const nowhere = createPool({ databaseUrl: 'postgres://nobody@127.0.0.1:1/nothing', logger });
    expect(await ask({ pool: nowhere })).toMatchObject({ postgres: 'unreachable', eventStore: 'reachable' });
  });

  it.each<[string, Partial<EventLog>]>([
    ['away', { head: () => Promise.reject(new EventLogUnavailable('away')) }],
    ['silent', { head: () => new Promise(() => undefined) }],
    ['silent to subscriptions', { subscribe: silently }],
  ])('tells that the event store is %s, and does not wait for it', async (_, change) => {
    const eventLog = { ...log, ...change };
    expect(await ask({ eventLog, answerWithin: 300 })).toMatchObject({
      postgres: 'reachable',
      eventStore: 'unreachable',
    });
  });

  it('asks once for all who ask at the same time, and not again at once', async () => {
    const any = vi.spyOn(pool, 'any');
    const readiness = create({ goodFor: 60_000 });
    const answers = await Promise.all([readiness(), readiness(), readiness()]);
    expect(new Set(answers).size).toBe(1);
    expect(await readiness()).toBe(answers[0]);
    expect(any).toHaveBeenCalledOnce();
  });

  it('does not ask a store again that has not answered yet', async () => {
    const head = vi.fn(() => new Promise<undefined>(() => undefined));
    const readiness = create({ eventLog: { ...log, head }, answerWithin: 20, goodFor: 0 });
    await readiness();
    await eventually(async () => {
      const before = performance.now();
      await readiness();
      expect(performance.now() - before).toBeGreaterThan(15);
    });
    expect(head).toHaveBeenCalledOnce();
  });
});

describe('the status for people', () => {
  it('says that all is well', async () => {
    await project();
    const status = await read();
    expect(complaintOf(status)).toBeUndefined();
    expect(status.readModel && renderReadModel(status.readModel)).toMatch(
      /running\nPosition +200\nLag +nothing is missing/,
    );
  });

  it('complains when nobody makes progress', async () => {
    const status = await read(20);
    expect(status.readModel).toMatchObject({ stalled: true });
    expect(complaintOf(status)).toMatch(/no projector runs/);
    expect(status.readModel && renderReadModel(status.readModel)).toMatch(
      /Lag +2 events behind, the oldest [\d,]+ s old/,
    );
  });

  it('watches tables that are far behind until they move', async () => {
    const reading = read(20_000);
    await eventually(async () => expect(await listeners()).toBe(1));
    await project();
    const status = await reading;
    expect(status.readModel).toMatchObject({ stalled: false });
    expect(complaintOf(status)).toBeUndefined();
  });

  it.each([
    [{ postgres: 'outdated', eventStore: 'reachable' }, 'db:migrate'],
    [{ postgres: 'unreachable', eventStore: 'reachable' }, 'DATABASE_URL'],
    [{ postgres: 'reachable', eventStore: 'unreachable' }, 'EVENTSTORE_URL'],
  ] as const)('says what to do: %j', (stores, advice) => {
    expect(complaintOf({ ...stores, readModel: undefined })).toContain(advice);
  });

  it('says where to see what is parked', async () => {
    await project();
    const { readModel, ...stores } = await read();
    expect(readModel).toBeDefined();
    if (readModel) expect(complaintOf({ ...stores, readModel: { ...readModel, parked: 1 } })).toContain('parked list');
  });

  function read(watchFor = 10_000): Promise<Readiness> {
    const { signal } = new AbortController();
    return readProjectionStatus({ databaseUrl: database.url, eventLog: log, logger, signal, watchFor });
  }
});

type Given = Partial<Parameters<typeof createReadiness>[0]>;

function create(given: Given): () => Promise<Readiness> {
  return createReadiness({ pool, eventLog: log, progress: createProgress(), logger, ...given });
}

function ask(given: Given = {}): Promise<Readiness> {
  return create(given)();
}

async function project(): Promise<void> {
  const progress = createProgress();
  const projector = startProjector({ databaseUrl: database.url, eventLog: log, progress, logger });
  scope.defer(() => projector.stop());
  expect(await progress.reached({ commit: 200n, prepare: 200n }, 20_000)).toBe(true);
}

async function* silently({ signal }: { readonly signal: AbortSignal }) {
  await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
  yield* [];
}

async function listeners(): Promise<number> {
  return (
    await sql(`SELECT FROM pg_stat_activity WHERE application_name = 'registry listener' AND state = 'idle'
      AND query LIKE '%projection_checkpoint%' AND datname = current_database()`)
  ).length;
}

function sql(statement: string): Promise<readonly Record<string, unknown>[]> {
  return withClient(database.url, async (client) => (await client.query(statement)).rows);
}
