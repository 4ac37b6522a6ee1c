import pino from 'pino';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createMigratedDatabase, withClient } from '../../test/support/database.ts';
import { eventually } from '../../test/support/eventually.ts';
import {
  aDevice,
  aFactory,
  aGateway,
  anOrganization,
  anotherDevice,
  anotherFactory,
  anotherGateway,
  anotherOrganization,
  factoryCreated,
  factoryUpdated,
  gatewayCreated,
  gatewaySoftDeleted,
  gatewayUpdated,
  organizationCreated,
  organizationUpdated,
  stored,
  storedInOrder,
} from '../../test/support/examples.ts';
import { type GivenLog, givenLog } from '../../test/support/given-log.ts';
import type { TestDatabase } from '../../test/support/servers.ts';
import type { RegistryEvent } from '../events/catalogue.ts';
import type { Position } from '../events/event-log.ts';
import { FactoryId } from '../events/ids.ts';
import { listParked, listSkipped, retryParked, skipParked } from './parked.ts';
import { createProgress } from './progress.ts';
import { startProjector } from './projector.ts';

const backoff = { first: 10, longest: 50 };
const tooLong = 'x'.repeat(256);
const other = { organizationId: anotherOrganization };
const organizationStream = `organization-${anOrganization}`;
const factoryStream = `factory-${aFactory}`;
const gatewayStream = `gateway-${aGateway}`;

let database: TestDatabase;
let scope: AsyncDisposableStack;
let lines: Record<string, unknown>[];

beforeEach(async () => {
  scope = new AsyncDisposableStack();
  database = scope.use(await createMigratedDatabase());
  lines = [];
});

afterEach(() => scope.disposeAsync());

describe('an event that the tables cannot take', () => {
  const created = [organizationCreated(), factoryCreated()] as const;

  it.each<[string, readonly RegistryEvent[], string, string, RegExp]>([
    ['is too long', [...created, factoryUpdated({ name: tooLong })], 'factory-', '22001', /too long/],
    ['has a NUL', [organizationCreated({ name: 'A\0B' })], 'organization-', '22P05', /Unicode escape/],
    [
      'belongs to nothing that is there',
      [organizationCreated(), factoryCreated(other)],
      'factory-',
      '23503',
      /factories_organization_id_fkey/,
    ],
    [
      'has what another one has',
      [...created, gatewayCreated(), gatewayCreated({ id: anotherGateway })],
      `gateway-${anotherGateway}`,
      '23505',
      /idx_gateways_gateway_id/,
    ],
  ])('is parked when it %s', async (_, events, stream, sqlstate, error) => {
    const { projector } = await projected(givenLog(...storedInOrder(...events)));
    expect(await parked()).toEqual([
      expect.objectContaining({
        stream: expect.stringContaining(stream),
        position: at(BigInt(events.length) * 100n),
        type: events.at(-1)?.type,
        sqlstate,
        error: expect.stringMatching(error),
        queued: 0,
      }),
    ]);
    await eventually(() => expect(projector.health()).toEqual({ name: 'projector', status: 'degraded' }));
  });

  it('tells what is wrong, in the table and once in the log, and nothing of its row', async () => {
    const events = [...created, gatewayCreated(), gatewayCreated({ id: anotherGateway })];
    const { log } = await projected(givenLog(...storedInOrder(...events)));
    await addAll(log, gatewayUpdated({ id: anotherGateway }));
    expect(lines.filter(({ level }) => level === 50)).toEqual([
      expect.objectContaining({ stream: `gateway-${anotherGateway}`, type: 'GatewayCreated', sqlstate: '23505' }),
    ]);
    expect(JSON.stringify([lines, await parked()], withBigint)).not.toContain(aDevice);
  });

  it('keeps back what comes later in its stream and what depends on it, and nothing else', async () => {
    const { log } = await projected(
      givenLog(
        ...storedInOrder(
          organizationCreated(),
          factoryCreated({ name: tooLong }),
          gatewayCreated(),
          organizationCreated({ id: anotherOrganization }),
          factoryCreated({ id: anotherFactory, ...other }),
          factoryUpdated({ location: 'Bremen' }),
          gatewayCreated({ id: anotherGateway, gatewayId: anotherDevice, factoryId: anotherFactory, ...other }),
          organizationUpdated({ name: 'First' }),
        ),
      ),
    );
    expect(await parked()).toMatchObject([{ stream: factoryStream, revision: 0n, queued: 2 }]);

    await addAll(
      log,
      organizationUpdated({ name: 'Second' }),
      gatewayUpdated(),
      gatewayUpdated({ id: anotherGateway, factoryId: anotherFactory, ...other, name: 'New' }),
    );
    expect(await parked()).toMatchObject([{ stream: factoryStream, revision: 0n, queued: 3 }]);
    expect(await namesOf('organizations')).toEqual(['Second', 'Acme']);
    expect(await namesOf('factories')).toEqual(['Acme Berlin']);
    expect(await namesOf('gateways')).toEqual(['New']);
  });

  it('is found although others in its batch and in later ones fail for other reasons', async () => {
    const { log } = await projected(
      givenLog(
        ...storedInOrder(organizationCreated({ name: tooLong }), organizationCreated({ id: anotherOrganization })),
      ),
    );
    await addAll(
      log,
      factoryCreated({ id: anotherFactory, name: tooLong, ...other }),
      organizationUpdated({ id: anotherOrganization, name: 'New' }),
    );
    expect(await parked()).toMatchObject([{ stream: organizationStream }, { stream: `factory-${anotherFactory}` }]);
    expect(await namesOf('organizations')).toEqual(['New']);
  });

  it('changes nothing when it is seen again, and neither does what waits or was applied before', async () => {
    const events = storedInOrder(
      ...created,
      gatewayCreated(),
      factoryUpdated({ name: tooLong }),
      gatewayUpdated(),
      factoryUpdated({ location: 'Bremen' }),
    );
    const { log, progress } = await projected(givenLog(...events));
    expect(await parked()).toMatchObject([{ stream: factoryStream, queued: 2 }]);
    const before = await everything();
    log.add(...events.map((event, index) => ({ ...event, position: at(1_000n + BigInt(index)) })));
    expect(await progress.reached(at(1_005n), 20_000)).toBe(true);
    expect(await everything()).toEqual(before);
  });

  it('stays parked when the projector starts again, or another one takes over', async () => {
    const first = await projected(givenLog(...storedInOrder(...created, factoryUpdated({ name: tooLong }))));
    await first.projector.stop();
    const second = await projected(first.log);
    await eventually(() => expect(second.projector.health().status).toBe('degraded'));
    const third = await projected(first.log, { wait: false });
    await addAll(first.log, gatewayCreated());
    await second.projector.stop();
    await eventually(() => expect(third.projector.health().status).toBe('degraded'));
    await addAll(first.log, factoryUpdated());
    await eventually(async () => expect(await parked()).toMatchObject([{ stream: factoryStream, queued: 2 }]));
  });
});

describe('any other failure', () => {
  it.each([
    ['53100', 'a full disk'],
    ['40001', 'a conflict with another transaction'],
    ['57014', 'a statement that was cancelled'],
  ])('parks nothing, shows, and is tried again: %s, %s', async (sqlstate) => {
    await sql(`
      CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN RAISE EXCEPTION 'not now' USING ERRCODE = '${sqlstate}'; END $$;
      CREATE TRIGGER fail BEFORE UPDATE ON organizations FOR EACH ROW EXECUTE FUNCTION fail();`);
    const log = givenLog(
      ...storedInOrder(organizationCreated({ id: anotherOrganization, name: tooLong }), organizationCreated()),
    );
    const { projector, progress } = await projected(log);
    log.add(stored(organizationUpdated({ name: 'New' }), { revision: 1n, position: 300n }));
    await eventually(() => expect(projector.health()).toMatchObject({ status: 'failing', error: 'not now' }));
    expect(await parked()).toMatchObject([{ stream: `organization-${anotherOrganization}` }]);

    await sql('DROP TRIGGER fail ON organizations');
    expect(await progress.reached(at(300n), 20_000)).toBe(true);
    expect(await namesOf('organizations')).toEqual(['New']);
    await eventually(() => expect(projector.health().status).toBe('degraded'));
  });
});

describe('a retry', () => {
  it('tries in the order of the log, once the cause is gone, beside a projector that hears of it', async () => {
    const { log, projector } = await projected(
      givenLog(
        ...storedInOrder(
          organizationCreated(),
          factoryCreated({ name: tooLong }),
          gatewayCreated({ name: 'First' }),
          factoryUpdated({ location: 'Bremen' }),
          gatewayUpdated({ name: 'Second' }),
        ),
      ),
    );
    expect(await withDatabase(retryParked)).toBe(0);
    expect(await parked()).toMatchObject([{ stream: factoryStream, sqlstate: '22001', queued: 3 }]);
    await eventually(() => expect(projector.health().status).toBe('degraded'));

    await sql('ALTER TABLE factories ALTER COLUMN name TYPE varchar(300)');
    expect(await withDatabase(retryParked)).toBe(4);
    expect(await parked()).toEqual([]);
    expect(await namesOf('gateways')).toEqual(['Second']);
    await eventually(() => expect(projector.health().status).toBe('running'));

    await addAll(log, gatewayUpdated({ name: 'Third' }));
    expect(await namesOf('gateways')).toEqual(['Third']);
  });

  it('takes one stream and what waits for it, when it is told which', async () => {
    await projected(
      givenLog(
        ...storedInOrder(
          organizationCreated({ name: tooLong }),
          organizationCreated({ id: anotherOrganization, name: tooLong }),
          factoryCreated(),
          factoryCreated({ id: anotherFactory, ...other }),
        ),
      ),
    );
    await sql('ALTER TABLE organizations ALTER COLUMN name TYPE varchar(300)');
    expect(await withDatabase((client) => retryParked(client, organizationStream))).toBe(2);
    expect(await parked()).toMatchObject([{ stream: `organization-${anotherOrganization}`, queued: 1 }]);
    await expect(withDatabase((client) => retryParked(client, organizationStream))).rejects.toThrow(/Nothing of/);
    await expect(withDatabase((client) => retryParked(client, `factory-${anotherFactory}`))).rejects.toThrow(
      /waits for another stream/,
    );
  });

  it('frees what waits for one that is mended, although others still fail, and says why they do', async () => {
    await projected(
      givenLog(
        ...storedInOrder(
          organizationCreated({ name: tooLong }),
          factoryCreated({ location: 'y'.repeat(501) }),
          gatewayCreated(),
        ),
      ),
    );
    expect(await parked()).toMatchObject([{ stream: organizationStream, queued: 2 }]);
    await sql('ALTER TABLE organizations ALTER COLUMN name TYPE varchar(300)');
    expect(await withDatabase(retryParked)).toBe(1);
    expect(await parked()).toMatchObject([{ stream: factoryStream, sqlstate: '22001', queued: 1 }]);
  });

  it('frees a stream whose later event has corrected what was wrong', async () => {
    const { log } = await projected(
      givenLog(...storedInOrder(organizationCreated(), factoryCreated({ name: tooLong }))),
    );
    await addAll(log, gatewayCreated(), factoryUpdated({ name: 'Short' }));
    expect(await parked()).toMatchObject([{ stream: factoryStream, queued: 2 }]);
    expect(await withDatabase(retryParked)).toBe(3);
    expect(await namesOf('factories')).toEqual(['Short']);
    expect(await namesOf('gateways')).toHaveLength(1);
  });

  it('does so although other streams fail still, unless it waits for one of them', async () => {
    const { log } = await projected(
      givenLog(
        ...storedInOrder(
          organizationCreated(),
          factoryCreated({ name: tooLong }),
          organizationCreated({ id: anotherOrganization }),
          factoryCreated({ id: anotherFactory, name: tooLong, ...other }),
          organizationUpdated({ id: anotherOrganization, name: tooLong }),
        ),
      ),
    );
    await addAll(
      log,
      gatewayCreated(),
      factoryUpdated({ name: 'Short' }),
      factoryUpdated({ id: anotherFactory, name: 'Short', ...other }),
    );
    expect(await withDatabase(retryParked)).toBe(3);
    expect(await namesOf('factories')).toEqual(['Short']);
    expect(await namesOf('gateways')).toHaveLength(1);
    expect(await parked()).toMatchObject([
      { stream: `factory-${anotherFactory}`, queued: 1 },
      { stream: `organization-${anotherOrganization}`, queued: 0 },
    ]);
  });

  it('frees a gateway whose device id another one has by now', async () => {
    const { log } = await projected(
      givenLog(...storedInOrder(organizationCreated(), factoryCreated(), gatewayCreated({ name: tooLong }))),
    );
    await addAll(log, gatewaySoftDeleted(), gatewayCreated({ id: anotherGateway, name: 'Other' }));
    expect(await parked()).toMatchObject([{ stream: gatewayStream, queued: 1 }]);
    await sql('ALTER TABLE gateways ALTER COLUMN name TYPE varchar(300)');
    expect(await withDatabase(retryParked)).toBe(2);
    expect(await namesOf('gateways WHERE deleted_at IS NULL')).toEqual(['Other']);
  });

  it('takes any number of events', async () => {
    const updates = Array.from({ length: 1_200 }, (_, index) => factoryUpdated({ name: `name ${index}` }));
    await projected(givenLog(...storedInOrder(organizationCreated({ name: tooLong }), factoryCreated(), ...updates)));
    expect(await parked()).toMatchObject([{ stream: organizationStream, queued: 1_201 }]);
    await sql('ALTER TABLE organizations ALTER COLUMN name TYPE varchar(300)');
    expect(await withDatabase(retryParked)).toBe(1_202);
    expect(await namesOf('factories')).toEqual(['name 1199']);
  });

  it('loses nothing and doubles nothing while events come', async () => {
    const { log, progress } = await projected(
      givenLog(...storedInOrder(organizationCreated(), factoryCreated({ name: tooLong }), gatewayCreated())),
    );
    await sql('ALTER TABLE factories ALTER COLUMN name TYPE varchar(300)');
    let revision = 0n;
    const coming = (async () => {
      for (; revision < 300n; ) {
        revision += 1n;
        log.add(stored(gatewayUpdated({ name: `name ${revision}` }), { revision, position: 1_000n + revision }));
        await new Promise((resolve) => setTimeout(resolve, 1));
      }
    })();
    await withDatabase(retryParked);
    await coming;
    expect(await progress.reached(at(1_300n), 20_000)).toBe(true);
    expect(await parked()).toEqual([]);
    expect(await sql('SELECT name, stream_revision FROM gateways')).toEqual([
      { name: 'name 300', stream_revision: '300' },
    ]);
  });
});

describe('to skip an event', () => {
  it('gives it up, and applies what waits behind it', async () => {
    const { log, projector } = await projected(
      givenLog(
        ...storedInOrder(
          organizationCreated(),
          factoryCreated(),
          factoryUpdated({ name: tooLong }),
          factoryUpdated({ location: 'Bremen' }),
          gatewayCreated(),
        ),
      ),
    );
    await expect(withDatabase((client) => skipParked(client, factoryStream, 2n))).rejects.toThrow(/at revision 1, not/);
    expect(await withDatabase((client) => skipParked(client, factoryStream, 1n))).toMatchObject([
      { stream: factoryStream, revision: 1n, type: 'FactoryUpdated' },
    ]);
    expect(await parked()).toEqual([]);
    expect(await sql('SELECT name, location, stream_revision FROM factories')).toEqual([
      { name: 'Acme Berlin', location: 'Bremen', stream_revision: '2' },
    ]);
    expect(await namesOf('gateways')).toHaveLength(1);
    await eventually(() => expect(projector.health().status).toBe('running'));
    await addAll(log, factoryUpdated({ name: 'New' }));
    expect(await namesOf('factories')).toEqual(['New']);
    expect(await withDatabase(listSkipped)).toMatchObject([{ stream: factoryStream, revision: 1n }]);
  });

  it('without which there is no row gives up all of its stream, for good; what belongs to it is parked', async () => {
    const { log, projector } = await projected(
      givenLog(
        ...storedInOrder(
          organizationCreated(),
          factoryCreated({ name: tooLong }),
          factoryUpdated({ location: 'Bremen' }),
          gatewayCreated(),
        ),
      ),
    );
    expect(await withDatabase((client) => skipParked(client, factoryStream))).toHaveLength(2);
    expect(await parked()).toMatchObject([{ stream: gatewayStream, sqlstate: '23503' }]);
    await addAll(log, factoryUpdated(), organizationUpdated({ name: 'New' }), gatewayUpdated());
    expect(await namesOf('organizations')).toEqual(['New']);
    expect(await namesOf('factories')).toEqual([]);
    expect(await withDatabase(listSkipped)).toHaveLength(3);
    expect(await parked()).toMatchObject([{ stream: gatewayStream, queued: 1 }]);

    await withDatabase((client) => skipParked(client, gatewayStream));
    await eventually(() => expect(projector.health().status).toBe('running'));
  });

  it('is refused when nothing of the stream is parked', async () => {
    await projected(
      givenLog(...storedInOrder(organizationCreated(), factoryCreated({ id: FactoryId.parse(aFactory) }))),
    );
    await expect(withDatabase((client) => skipParked(client, factoryStream))).rejects.toThrow(/Nothing of/);
  });
});

async function projected(log: GivenLog, { wait = true } = {}) {
  const progress = createProgress();
  const projector = startProjector({
    databaseUrl: database.url,
    eventLog: log,
    progress,
    logger: pino({ level: 'warn' }, { write: (line: string) => void lines.push(JSON.parse(line)) }),
    backoff,
  });
  scope.defer(() => projector.stop());
  if (wait) await caughtUp(log);
  return { log, projector, progress };
}

/** Adds events to the end of the log, in one batch, and waits until they are committed. */
async function addAll(log: GivenLog, ...events: readonly RegistryEvent[]): Promise<void> {
  const last = log.events.at(-1)?.position.commit ?? 0n;
  const start = log.events.length;
  const added = storedInOrder(...log.events.map(({ type, data }) => ({ type, data }) as RegistryEvent), ...events);
  log.add(...added.slice(start).map((event, index) => ({ ...event, position: at(last + 100n * BigInt(index + 1)) })));
  await caughtUp(log);
}

function caughtUp(log: GivenLog): Promise<void> {
  const last = log.events.at(-1)?.position.commit;
  return eventually(async () =>
    expect((await sql('SELECT commit_position AS at FROM projection_checkpoint'))[0]).toEqual({ at: String(last) }),
  );
}

function at(commit: bigint): Position {
  return { commit, prepare: commit };
}

function withDatabase<T>(use: Parameters<typeof withClient<T>>[1]): Promise<T> {
  return withClient(database.url, use);
}

function parked() {
  return withDatabase(listParked);
}

async function sql(statement: string): Promise<readonly Record<string, unknown>[]> {
  return withDatabase(async (client) => (await client.query(statement)).rows);
}

async function namesOf(table: string): Promise<readonly unknown[]> {
  return (await sql(`SELECT name FROM ${table} ORDER BY created_at, id`)).map(({ name }) => name);
}

async function everything() {
  const tables = ['organizations', 'factories', 'gateways', 'projection_parked'];
  return Promise.all(tables.map((table) => sql(`SELECT * FROM ${table} ORDER BY 1, 2`)));
}

function withBigint(_: string, value: unknown): unknown {
  return typeof value === 'bigint' ? String(value) : value;
}
