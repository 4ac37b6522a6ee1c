import fc from 'fast-check';
import pino from 'pino';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createMigratedDatabase, withClient } from '../../test/support/database.ts';
import { eventually } from '../../test/support/eventually.ts';
import {
  aFactory,
  aGateway,
  anOrganization,
  anotherGateway,
  factoryCreated,
  factoryRestored,
  factorySoftDeleted,
  factoryUpdated,
  gatewayConnected,
  gatewayCreated,
  gatewayDisconnected,
  gatewayIdReservationAbandoned,
  gatewayIdReserved,
  gatewayPasswordChanged,
  gatewayRestored,
  gatewaySoftDeleted,
  gatewayUpdated,
  later,
  organizationCreated,
  organizationRestored,
  organizationSoftDeleted,
  organizationUpdated,
  stored,
  storedInOrder,
} from '../../test/support/examples.ts';
import { type GivenLog, givenLog } from '../../test/support/given-log.ts';
import type { TestDatabase } from '../../test/support/servers.ts';
import { decode, type Recorded } from '../events/codec.ts';
import type { Position, StoredEvent } from '../events/event-log.ts';
import type { GatewayEvent } from '../events/gateway.ts';
import { DeviceId, GatewayId } from '../events/ids.ts';
import { createPool } from '../infrastructure/postgres.ts';
import { findFactory } from '../queries/factories.ts';
import { findGateway } from '../queries/gateways.ts';
import { findOrganization } from '../queries/organizations.ts';
import { foldFactory } from '../resources/factory.ts';
import { foldGateway, nothingObserved, type RecordedGateway } from '../resources/gateway.ts';
import { foldOrganization } from '../resources/organization.ts';
import { comparePositions, createProgress, type Progress } from './progress.ts';
import { startProjector } from './projector.ts';

const logger = pino({ level: 'silent' });
const backoff = { first: 10, longest: 50 };

let database: TestDatabase;
let scope: AsyncDisposableStack;

beforeEach(async () => {
  scope = new AsyncDisposableStack();
  database = scope.use(await createMigratedDatabase());
});

afterEach(() => scope.disposeAsync());

describe('the projector', () => {
  it('projects what the log holds, and then what comes', async () => {
    const log = givenLog(...storedInOrder(organizationCreated()));
    const { progress } = project(log);
    expect(await progress.reached(at(100n), 20_000)).toBe(true);
    expect(await namesOf('organizations')).toEqual(['Acme']);

    log.add(stored(organizationUpdated({ name: 'New' }), { revision: 1n, position: 200n }));
    expect(await progress.reached(at(200n), 20_000)).toBe(true);
    expect(await namesOf('organizations')).toEqual(['New']);
  });

  it('moves the checkpoint with the events, exactly to 64 bits', async () => {
    const position = { commit: 2n ** 64n - 1n, prepare: 2n ** 64n - 2n };
    const { progress } = project(givenLog({ ...stored(organizationCreated(), { revision: 0n }), position }));
    expect(await progress.reached(position, 20_000)).toBe(true);
    expect(await checkpoint()).toMatchObject({ commit: '18446744073709551615', prepare: '18446744073709551614' });
  });

  it('goes on after the checkpoint when it starts again', async () => {
    const log = givenLog(...storedInOrder(organizationCreated()));
    const first = project(log);
    await first.progress.reached(at(100n), 20_000);
    await first.projector.stop();

    log.add(stored(organizationUpdated({ name: 'New' }), { revision: 1n, position: 200n }));
    const second = project(log);
    expect(await second.progress.reached(at(200n), 20_000)).toBe(true);
    expect(log.subscribedAfter).toEqual(['start', at(100n)]);
    expect(await namesOf('organizations')).toEqual(['New']);
  });

  it('announces where it stands when it starts, before anything comes', async () => {
    const log = givenLog(...storedInOrder(organizationCreated()));
    const first = project(log);
    await first.progress.reached(at(100n), 20_000);
    await first.projector.stop();

    const second = project(log);
    expect(await second.progress.reached(at(100n), 20_000)).toBe(true);
  });

  it.each([
    ['ends before the checkpoint', []],
    ['does not hold what the tables show', storedInOrder(factoryCreated(), factorySoftDeleted(), factoryRestored())],
  ])('does not follow a log that %s: the tables were made from another', async (_, events) => {
    const first = project(givenLog(...storedInOrder(organizationCreated())));
    await first.progress.reached(at(100n), 20_000);
    await first.projector.stop();

    const { projector, announced } = project(givenLog(...events));
    const failing = { status: 'failing', error: expect.stringContaining('npm run db:reset') };
    await eventually(() => expect(projector.health()).toMatchObject(failing));
    expect(announced).toEqual([]);
    expect(await namesOf('organizations')).toEqual(['Acme']);
  });

  it('passes over what it has seen already', async () => {
    const events = storedInOrder(
      organizationCreated(),
      organizationUpdated({ name: 'New' }),
      organizationSoftDeleted(),
    );
    const [created, updated] = events as [StoredEvent, StoredEvent, StoredEvent];
    const log = givenLog(...events);
    const { progress, announced } = project(log);
    await progress.reached(at(300n), 20_000);
    const before = await sql('SELECT * FROM organizations');

    // At later places, as after a checkpoint that was put back by hand; and at the very same place.
    log.add({ ...created, position: at(400n) }, { ...updated, position: at(401n) }, created);
    expect(await progress.reached(at(401n), 20_000)).toBe(true);
    expect(await sql('SELECT * FROM organizations')).toEqual(before);
    expect(announced).toEqual(announced.toSorted(comparePositions));
  });

  it('moves the checkpoint through quiet stretches', async () => {
    const log = givenLog(...storedInOrder(organizationCreated()));
    log.add({ kind: 'checkpoint', position: at(150n) });
    const { progress } = project(log);
    expect(await progress.reached(at(150n), 20_000)).toBe(true);
    log.add({ kind: 'checkpoint', position: at(900n) });
    expect(await progress.reached(at(900n), 20_000)).toBe(true);
    expect(await checkpoint()).toMatchObject({ commit: '900' });
  });

  it('passes over events of unknown types, counts them and says so once a type', async () => {
    const lines: string[] = [];
    const unknown = (position: bigint, type: string): StoredEvent => ({
      ...stored(organizationUpdated(), { revision: position, position }),
      type,
    });
    const log = givenLog(
      unknown(1n, 'OrganizationPainted'),
      unknown(2n, 'OrganizationPainted'),
      unknown(3n, 'OrganizationSung'),
    );
    const { projector, progress } = project(
      log,
      pino({ level: 'warn' }, { write: (line: string) => lines.push(line) }),
    );
    expect(await progress.reached(at(3n), 20_000)).toBe(true);
    await eventually(() =>
      expect(projector.skipped()).toEqual(
        new Map([
          ['OrganizationPainted', 2],
          ['OrganizationSung', 1],
        ]),
      ),
    );
    expect(lines).toHaveLength(2);
  });

  it('asks for no identity streams', async () => {
    const log = givenLog(...storedInOrder(gatewayIdReserved(), organizationCreated()));
    const { projector, progress } = project(log);
    expect(await progress.reached(at(200n), 20_000)).toBe(true);
    expect(projector.skipped()).toEqual(new Map());
  });

  it('applies a long backlog in the order of the log', async () => {
    const updates = Array.from({ length: 2_000 }, (_, index) => organizationUpdated({ name: `name ${index}` }));
    const { progress } = project(givenLog(...storedInOrder(organizationCreated(), ...updates)));
    expect(await progress.reached(at(200_100n), 20_000)).toBe(true);
    expect(await namesOf('organizations')).toEqual(['name 1999']);
  });

  it('leaves the times of rows that others change to the trigger', async () => {
    const { progress } = project(givenLog(...storedInOrder(organizationCreated())));
    await progress.reached(at(100n), 20_000);
    const [row] = await sql(`UPDATE organizations SET name = 'By hand' RETURNING updated_at > '2026-01-03' AS stamped`);
    expect(row).toEqual({ stamped: true });
  });
});

describe('a projector that fails', () => {
  it('says so, writes nothing of the batch, and goes on once the cause is gone', async () => {
    await sql('ALTER TABLE factories RENAME TO factories_away');
    const { projector, progress } = project(givenLog(...storedInOrder(organizationCreated(), factoryCreated())));
    await eventually(() => expect(projector.health()).toMatchObject({ status: 'failing' }));
    expect(projector.health().error).toMatch(/"factories" does not exist/);
    expect(await namesOf('organizations')).toEqual([]);

    await sql('ALTER TABLE factories_away RENAME TO factories');
    expect(await progress.reached(at(200n), 20_000)).toBe(true);
    await eventually(() => expect(projector.health()).toEqual({ name: 'projector', status: 'running' }));
    expect(await namesOf('organizations')).toEqual(['Acme']);
  });

  it('stays at an event that is not what its version promises', async () => {
    const log = givenLog(...storedInOrder(organizationCreated()));
    const { projector, progress } = project(log);
    await progress.reached(at(100n), 20_000);
    log.add({
      ...stored(organizationUpdated(), { revision: 1n, position: 200n }),
      data: { id: anOrganization, name: 7 },
    });
    await eventually(() =>
      expect(projector.health().error).toMatch(/OrganizationUpdated at revision 1 .* cannot be decoded/),
    );
    expect(await checkpoint()).toMatchObject({ commit: '100' });
  });

  it('names the event that has no row, not what failed because of it', async () => {
    const log = givenLog(...storedInOrder(organizationUpdated(), organizationCreated(), organizationSoftDeleted()));
    const { projector } = project(log);
    await eventually(() => expect(projector.health().error).toMatch(/OrganizationUpdated at revision 0 .* has no row/));
  });

  it('comes back after its connection was cut', async () => {
    const log = givenLog(...storedInOrder(organizationCreated()));
    const { progress } = project(log);
    await progress.reached(at(100n), 20_000);
    await cutActiveConnection();
    // It notices by itself, not only when the next event comes.
    await eventually(() => expect(log.subscribedAfter).toEqual(['start', at(100n)]));
    log.add(stored(organizationUpdated({ name: 'New' }), { revision: 1n, position: 200n }));
    expect(await progress.reached(at(200n), 20_000)).toBe(true);
    expect(await namesOf('organizations')).toEqual(['New']);
  });

  it('comes back after the log was away', async () => {
    const log = givenLog(...storedInOrder(organizationCreated()));
    const { progress } = project(log);
    await progress.reached(at(100n), 20_000);
    await eventually(() => {
      log.fail(new Error('the store is away'));
      expect(log.subscribedAfter.length).toBeGreaterThan(1);
    });
    log.add(stored(organizationUpdated({ name: 'New' }), { revision: 1n, position: 200n }));
    expect(await progress.reached(at(200n), 20_000)).toBe(true);
  });

  it('writes nothing when its epoch is no longer the last', async () => {
    const log = givenLog(...storedInOrder(organizationCreated()));
    const { progress } = project(log);
    await progress.reached(at(100n), 20_000);
    const [{ epoch: before } = { epoch: 0 }] = await sql('SELECT epoch FROM projection_checkpoint');
    // Another has taken over, whatever this one's lock says.
    await sql('UPDATE projection_checkpoint SET epoch = epoch + 1');
    log.add(stored(organizationUpdated({ name: 'Stale' }), { revision: 1n, position: 200n }));
    // It gives up, and writes only after it has taken over in its turn.
    expect(await progress.reached(at(200n), 20_000)).toBe(true);
    expect(await checkpoint()).toMatchObject({ epoch: String(BigInt(String(before)) + 2n) });
  });
});

describe('two projectors', () => {
  it('take turns: one projects, the other stands by until the first has lost its connection', async () => {
    const log = givenLog(...storedInOrder(organizationCreated()));
    const first = project(log);
    await first.progress.reached(at(100n), 20_000);
    const second = project(log);
    await waitingForLock(1);
    expect(second.projector.health()).toMatchObject({ status: 'running' });
    expect(log.subscribedAfter).toHaveLength(1);

    await cutActiveConnection();
    expect(await second.progress.reached(at(100n), 20_000)).toBe(true);
    log.add(stored(organizationUpdated({ name: 'New' }), { revision: 1n, position: 200n }));
    expect(await second.progress.reached(at(200n), 20_000)).toBe(true);
    expect(await namesOf('organizations')).toEqual(['New']);
    // The first has come back to stand by.
    await waitingForLock(1);
  });

  it('hand over when the active one is stopped', async () => {
    const log = givenLog(...storedInOrder(organizationCreated()));
    const first = project(log);
    await first.progress.reached(at(100n), 20_000);
    const second = project(log);
    await waitingForLock(1);
    await first.projector.stop();
    expect(await second.progress.reached(at(100n), 20_000)).toBe(true);
  });

  it('leave no session behind when they are stopped, standing by or not', async () => {
    const log = givenLog(...storedInOrder(organizationCreated()));
    const first = project(log);
    await first.progress.reached(at(100n), 20_000);
    const second = project(log);
    await waitingForLock(1);
    await second.projector.stop();
    expect(second.projector.health().status).toBe('stopped');
    await first.projector.stop();
    await eventually(async () =>
      expect(
        await sql(`SELECT application_name FROM pg_stat_activity
        WHERE application_name LIKE 'registry projector%' AND datname = current_database()`),
      ).toEqual([]),
    );
  });
});

describe('the tables', () => {
  it('show what the folds of the public resources show', async () => {
    const events = storedInOrder(
      organizationCreated(),
      organizationUpdated({ metadata: { deep: [{ er: 1.5 }] } }),
      organizationSoftDeleted(),
      organizationRestored(),
      factoryCreated({ location: null }),
      factoryUpdated({ location: 'Bremen' }),
      factorySoftDeleted(),
      factoryRestored(),
      gatewayCreated(),
      gatewayUpdated({ gatewayId: DeviceId.parse('GW-9'), model: null }),
      gatewayPasswordChanged(),
      gatewaySoftDeleted(),
      gatewayRestored({ gatewayId: DeviceId.parse('GW-9') }),
      gatewayIdReservationAbandoned(),
      gatewayConnected(),
      gatewayDisconnected(),
    );
    const { progress } = project(givenLog(...events));
    expect(await progress.reached(at(1_600n), 20_000)).toBe(true);

    await using pool = new AsyncDisposableStack();
    const database = queries(pool);
    const recorded = events.map((event) => decode(event) as Recorded);
    const of = <Event extends Recorded>(id: string) =>
      recorded.filter(
        ({ stream }) => /^(organization|factory|gateway)-/.test(stream) && stream.endsWith(id),
      ) as Event[];
    expect(await findOrganization(database, anOrganization)).toEqual({
      organization: of(anOrganization).reduce(foldOrganization as never, undefined),
      revision: 3n,
    });
    expect(await findFactory(database, aFactory)).toEqual({
      factory: of(aFactory).reduce(foldFactory as never, undefined),
      revision: 3n,
    });
    expect(await findGateway(database, aGateway)).toEqual({
      gateway: {
        ...of<Recorded<GatewayEvent>>(aGateway).reduce<RecordedGateway | undefined>(foldGateway, undefined),
        status: 'offline',
        last_seen_at: null,
      },
      revision: 5n,
      mark: '0-1',
    });
  });

  it('do so after any sequence of changes', async () => {
    const nullable = fc.constantFrom(null, 'x', '');
    const change = fc.record(
      {
        id: fc.constantFrom(aGateway, anotherGateway),
        name: fc.string({ minLength: 1, maxLength: 20 }).filter((text) => !text.includes('\0')),
        model: nullable,
        firmwareVersion: nullable,
        metadata: fc.constantFrom({}, { a: [null, 1e21] }, { '': { b: 'c' }, ['__proto__']: 'own' }),
      },
      { requiredKeys: ['id'] },
    );
    const created = storedInOrder(
      organizationCreated(),
      factoryCreated(),
      gatewayCreated(),
      gatewayCreated({ id: anotherGateway, gatewayId: DeviceId.parse('GW-2') }),
    );
    const log = givenLog(...created);
    const { progress } = project(log);
    await using pool = new AsyncDisposableStack();
    const database = queries(pool);
    const folded = new Map<string, { readonly gateway: RecordedGateway; readonly revision: bigint }>();
    const fold = (event: StoredEvent) => {
      const recorded = decode(event) as Recorded<GatewayEvent>;
      const gateway = foldGateway(folded.get(recorded.data.id)?.gateway, recorded);
      if (gateway) folded.set(gateway.id, { gateway, revision: recorded.revision });
    };
    created.slice(2).forEach(fold);
    let position = 1_000n;
    await fc.assert(
      fc.asyncProperty(fc.array(change, { minLength: 1, maxLength: 30 }), async (changes) => {
        for (const data of changes) {
          const revision = (folded.get(data.id)?.revision ?? 0n) + 1n;
          position += 1n;
          const event = stored(gatewayUpdated(data), { revision, position, occurredAt: later });
          fold(event);
          log.add(event);
        }
        expect(await progress.reached(at(position), 20_000)).toBe(true);
        for (const [id, { gateway, revision }] of folded) {
          const shown = { ...gateway, ...nothingObserved.observations };
          expect(await findGateway(database, GatewayId.parse(id))).toEqual({ gateway: shown, revision });
        }
      }),
      { numRuns: 50, seed: 1 },
    );
  });
});

function project(eventLog: GivenLog, projectorLogger = logger) {
  const announced: Position[] = [];
  const progress = createProgress();
  const recorded: Progress = {
    ...progress,
    announce(checkpoint) {
      if (checkpoint.position) announced.push(checkpoint.position);
      progress.announce(checkpoint);
    },
  };
  const projector = startProjector({
    databaseUrl: database.url,
    eventLog,
    progress: recorded,
    logger: projectorLogger,
    backoff,
  });
  scope.defer(() => projector.stop());
  return { projector, progress, announced };
}

function queries(owner: AsyncDisposableStack) {
  const pool = createPool({ databaseUrl: database.url, logger });
  owner.defer(() => pool.end());
  return pool;
}

function at(commit: bigint): Position {
  return { commit, prepare: commit };
}

function sql(statement: string): Promise<readonly Record<string, unknown>[]> {
  return withClient(database.url, async (client) => (await client.query(statement)).rows);
}

async function namesOf(table: string): Promise<readonly unknown[]> {
  return (await sql(`SELECT name FROM ${table} ORDER BY created_at, id`)).map(({ name }) => name);
}

async function checkpoint(): Promise<Record<string, unknown> | undefined> {
  const [row] = await sql(
    'SELECT commit_position::text AS commit, prepare_position::text AS prepare, epoch::text FROM projection_checkpoint',
  );
  return row;
}

const advisoryLocks = `pg_locks
  WHERE locktype = 'advisory' AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`;

async function waitingForLock(count: number): Promise<void> {
  await eventually(async () => expect(await sql(`SELECT FROM ${advisoryLocks} AND NOT granted`)).toHaveLength(count));
}

async function cutActiveConnection(): Promise<void> {
  expect(await sql(`SELECT pg_terminate_backend(pid) AS cut FROM ${advisoryLocks} AND granted`)).toEqual([
    { cut: true },
  ]);
}
