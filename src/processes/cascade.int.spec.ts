import { EventStoreDBClient } from '@eventstore/db-client';
import pino from 'pino';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { deleteMarkerBy, readHistory, untilQuiet } from '../../test/support/cascade.ts';
import { createMigratedDatabase, withClient } from '../../test/support/database.ts';
import { eventually } from '../../test/support/eventually.ts';
import { now } from '../../test/support/examples.ts';
import { anId, type Registry, startRegistry } from '../../test/support/registry.ts';
import type { TestDatabase } from '../../test/support/servers.ts';
import { resetDatabase } from '../database/reset.ts';
import { type EventLog, EventLogUnavailable, type Position, type StoredEvent } from '../events/event-log.ts';
import { EventId, FactoryId, GatewayId } from '../events/ids.ts';
import { uuidv7 } from '../events/new-id.ts';
import { createPool, type Pool } from '../infrastructure/postgres.ts';
import { createProgress, type Progress } from '../projections/progress.ts';
import { startProjector } from '../projections/projector.ts';
import type { Bond } from './cascade.ts';
import { giveBack } from './cascade-commands.ts';
import { type CascadeOptions, startCascade } from './cascade-process.ts';
import { checkpointStream, readCheckpoint, takeOver } from './checkpoint.ts';
import { parkedStream } from './parked.ts';
import { reactionId } from './reaction-id.ts';

const logger = pino({ level: 'silent' });
const backoff = { first: 10, longest: 50 };

let scope: AsyncDisposableStack;
let registry: Registry;
let database: TestDatabase;
let progress: Progress;
let pool: Pool;

beforeEach(async () => {
  scope = new AsyncDisposableStack();
  registry = scope.use(await startRegistry());
  database = scope.use(await createMigratedDatabase());
  const databaseUrl = database.url;
  progress = createProgress();
  pool = scope.adopt(createPool({ databaseUrl, logger }), (made) => made.end());
  scope.adopt(startProjector({ databaseUrl, eventLog: registry.log, progress, logger, backoff }), (loop) =>
    loop.stop(),
  );
});

afterEach(() => scope.disposeAsync());

describe('when a factory is deleted', () => {
  it('its active gateways are deleted, each by an event that names the deletion', async () => {
    react();
    const { factory } = await aPlant();
    const gateways = [await aGatewayIn(factory), await aGatewayIn(factory), await aGatewayIn(factory)];
    const traceparent = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';
    await registry.run('SoftDeleteFactory', factory, undefined, {}, { traceparent });
    await quiet();
    const deletion = await lastOf(`factory-${factory}`);
    for (const gateway of gateways) {
      expect(await lastOf(`gateway-${gateway}`)).toMatchObject({
        id: reactionId(EventId.parse(deletion.id), gateway),
        type: 'GatewaySoftDeleted',
        data: { cause: deletion.id },
        metadata: {
          actor: 'process:cascade',
          $causationId: deletion.id,
          $correlationId: 'a-correlation',
          traceparent,
        },
      });
    }
  });

  it('gateways of other factories are left alone, and one that has moved away in time', async () => {
    const { organization, factory } = await aPlant();
    const other = await aFactoryIn(organization);
    const elsewhere = await aGatewayIn(other);
    const moved = await aGatewayIn(factory);
    await send('SoftDeleteFactory', factory);
    await send('MoveGateway', moved, { factory_id: other });
    react();
    await quiet();
    expect(await registry.typesIn(`gateway-${elsewhere}`)).toEqual(['GatewayCreated']);
    expect(await registry.typesIn(`gateway-${moved}`)).toEqual(['GatewayCreated', 'GatewayMoved']);
  });

  it('a gateway that comes into it at the same moment ends deleted: created, restored or moved there', async () => {
    react();
    const { organization, factory } = await aPlant();
    const other = await aFactoryIn(organization);
    const restored = await aGatewayIn(factory);
    const moved = await aGatewayIn(other);
    await send('SoftDeleteGateway', restored);
    await quiet();
    // What each of the three read before the deletion, it appends after it.
    const created = anId();
    await afterReading(factory, async (given) => {
      await send('SoftDeleteFactory', factory);
      await quiet();
      await send('CreateGateway', created, gatewayBody(factory, 'late'), given);
      await send('RestoreGateway', restored, undefined, given);
      await send('MoveGateway', moved, { factory_id: factory }, given);
    });
    await quiet();
    const { id: cause } = await lastOf(`factory-${factory}`);
    for (const gateway of [created, restored, moved]) {
      expect(await lastOf(`gateway-${gateway}`)).toMatchObject({ type: 'GatewaySoftDeleted', data: { cause } });
    }
  });

  it('so are many', async () => {
    react();
    const { factory } = await aPlant();
    await Promise.all(Array.from({ length: 520 }, () => aGatewayIn(factory)));
    await send('SoftDeleteFactory', factory);
    await quiet();
    expect(await activeGateways()).toEqual([]);
    await send('RestoreFactory', factory);
    await quiet();
    expect(await activeGateways()).toHaveLength(520);
  }, 120_000);
});

describe('when a factory is restored', () => {
  it('exactly those of its gateways come back that its deletion took', async () => {
    react();
    const { factory } = await aPlant();
    const taken = await aGatewayIn(factory);
    const deletedBefore = await aGatewayIn(factory);
    await send('SoftDeleteGateway', deletedBefore);
    await send('SoftDeleteFactory', factory);
    await quiet();
    await send('RestoreFactory', factory);
    await quiet();
    const { id: cause } = await lastOf(`factory-${factory}`);
    expect(await lastOf(`gateway-${taken}`)).toMatchObject({ type: 'GatewayRestored', data: { cause } });
    expect(await registry.typesIn(`gateway-${deletedBefore}`)).toEqual(['GatewayCreated', 'GatewaySoftDeleted']);
  });

  it('one whose device id is taken meanwhile stays deleted, with the reason in its history, also later', async () => {
    react();
    const { organization, factory } = await aPlant();
    const gateway = await aGatewayIn(factory, 'fought for');
    const other = await aGatewayIn(await aFactoryIn(organization));
    await send('SoftDeleteFactory', factory);
    await quiet();
    await send('UpdateGateway', other, { gateway_id: 'fought for' });
    await send('RestoreFactory', factory);
    await quiet();
    const restoration = await lastOf(`factory-${factory}`);
    expect(await lastOf(`gateway-${gateway}`)).toMatchObject({
      type: 'GatewayRestorationRefused',
      data: { reason: 'GatewayIdTaken', cause: restoration.id },
    });

    await send('UpdateGateway', other, { gateway_id: 'free again' });
    await send('SoftDeleteFactory', factory);
    await send('RestoreFactory', factory);
    await quiet();
    expect((await registry.typesIn(`gateway-${gateway}`)).slice(2)).toEqual(['GatewayRestorationRefused']);
    await send('RestoreGateway', gateway);
    expect((await lastOf(`gateway-${gateway}`)).type).toBe('GatewayRestored');
  });

  it('waits for one whose device id somebody is about to have', async () => {
    const reserver = uuidv7();
    react({ commands: { ...registry.dependencies, now: () => new Date(), reservationGrace: 700 } });
    const { factory } = await aPlant();
    const gateway = await aGatewayIn(factory, 'reserved');
    await send('SoftDeleteFactory', factory);
    await quiet();
    // The command that reserved it dies: nothing comes of it.
    const dying = { ...registry.log, append: dyingAt(`gateway-${reserver}`), readAll: registry.log.readAll };
    const another = await aPlant();
    await expect(
      send('CreateGateway', reserver, gatewayBody(another.factory, 'reserved'), { log: dying, now: () => new Date() }),
    ).rejects.toThrow('dies here');
    await send('RestoreFactory', factory);
    await quiet();
    expect((await lastOf(`gateway-${gateway}`)).type).toBe('GatewayRestored');
  });

  it('waits neither for one whose device id was reserved by a clock that runs a day ahead', async () => {
    const reserver = uuidv7();
    react();
    const { factory } = await aPlant();
    const gateway = await aGatewayIn(factory, 'reserved ahead');
    await send('SoftDeleteFactory', factory);
    await quiet();
    const dying = { ...registry.log, append: dyingAt(`gateway-${reserver}`) };
    const ahead = { log: dying, now: () => new Date(Date.parse(now) + 86_400_000) };
    const { factory: another } = await aPlant();
    const creating = send('CreateGateway', reserver, gatewayBody(another, 'reserved ahead'), ahead);
    await expect(creating).rejects.toThrow('dies here');
    await send('RestoreFactory', factory);
    await quiet();
    expect((await lastOf(`gateway-${gateway}`)).type).toBe('GatewayRestored');
  });

  it('says so when it waits for a device id for longer than it should, once', async () => {
    const records: string[] = [];
    const told = pino({ level: 'warn' }, { write: (line: string) => records.push(line) });
    const reserver = uuidv7();
    const { factory } = await aPlant();
    const gateway = await aGatewayIn(factory, 'waited for');
    await send('SoftDeleteFactory', factory);
    react();
    await quiet();
    const dying = { ...registry.log, append: dyingAt(`gateway-${reserver}`) };
    const { factory: another } = await aPlant();
    const creating = send('CreateGateway', reserver, gatewayBody(another, 'waited for'), { log: dying });
    await expect(creating).rejects.toThrow('dies here');
    // Its clock stands still until the warning is there.
    const clock = () => new Date(Date.parse(now) + (records.length === 0 ? 0 : 1_000));
    const bond: Bond = {
      child: 'gateway',
      id: GatewayId.parse(gateway),
      parent: { kind: 'factory', id: FactoryId.parse(factory) },
    };
    const { id: deletion } = await lastOf(`factory-${factory}`);
    await giveBack(
      {
        commands: { ...registry.dependencies, now: clock, reservationGrace: 100 },
        logger: told,
        signal: new AbortController().signal,
      },
      bond,
      EventId.parse(deletion),
      { id: EventId.parse(uuidv7()), correlationId: 'a-correlation' },
    );
    expect(records).toHaveLength(1);
    expect(JSON.parse(records[0] ?? '')).toMatchObject({ child: `gateway ${gateway}`, reason: 'GatewayIdInFlight' });
    expect((await lastOf(`gateway-${gateway}`)).type).toBe('GatewayRestored');
  });

  it('and deleted and restored again before anybody could react, its gateways are as if nothing had been', async () => {
    const { factory } = await aPlant();
    const gateway = await aGatewayIn(factory);
    for (const command of ['SoftDeleteFactory', 'RestoreFactory', 'SoftDeleteFactory', 'RestoreFactory']) {
      await send(command, factory);
    }
    react();
    await quiet();
    expect(await registry.typesIn(`gateway-${gateway}`)).toEqual(['GatewayCreated']);
  });

  it('a gateway that its deletion took only now is given back', async () => {
    react();
    const { factory } = await aPlant();
    const gateway = await aGatewayIn(factory);
    await send('SoftDeleteFactory', factory);
    const deletion = EventId.parse((await lastOf(`factory-${factory}`)).id);
    await quiet();
    await send('RestoreFactory', factory);
    await quiet();
    // An instance that was frozen in the middle of its reaction does the rest of it.
    const late = await aGatewayIn(factory);
    await appendReaction(late, deletion);
    await quiet();
    expect(await registry.typesIn(`gateway-${late}`)).toEqual([
      'GatewayCreated',
      'GatewaySoftDeleted',
      'GatewayRestored',
    ]);
    expect((await lastOf(`gateway-${gateway}`)).type).toBe('GatewayRestored');
  });
});

describe('an organization', () => {
  it('takes its factories along, these their gateways, and brings all of them back', async () => {
    react();
    const { organization, factory } = await aPlant();
    const second = await aFactoryIn(organization);
    const closed = await aFactoryIn(organization);
    const gateways = [await aGatewayIn(factory), await aGatewayIn(second)];
    const ofClosed = await aGatewayIn(closed);
    await send('SoftDeleteFactory', closed);
    await quiet();
    await send('SoftDeleteOrganization', organization);
    await quiet();
    const deletion = await lastOf(`organization-${organization}`);
    for (const [index, id] of [factory, second].entries()) {
      const taken = await lastOf(`factory-${id}`);
      expect(taken).toMatchObject({ type: 'FactorySoftDeleted', data: { cause: deletion.id } });
      expect(await lastOf(`gateway-${gateways[index]}`)).toMatchObject({
        type: 'GatewaySoftDeleted',
        data: { cause: taken.id },
        metadata: { $correlationId: 'a-correlation' },
      });
    }

    await send('RestoreOrganization', organization);
    await quiet();
    expect(await activeGateways()).toEqual(gateways.toSorted());
    expect((await lastOf(`factory-${closed}`)).data).toMatchObject({ cause: null });
    expect((await lastOf(`gateway-${ofClosed}`)).type).toBe('GatewaySoftDeleted');
  });

  it('takes a factory along that is created while it is being deleted', async () => {
    react();
    const { organization } = await aPlant();
    const factory = anId();
    await afterReading(organization, async (given) => {
      await send('SoftDeleteOrganization', organization);
      await quiet();
      await send('CreateFactory', factory, { organization_id: organization, name: 'Late' }, given);
    });
    await quiet();
    expect((await lastOf(`factory-${factory}`)).type).toBe('FactorySoftDeleted');
  });
});

describe('what has been reacted to', () => {
  it('is not reacted to again, from however old a checkpoint', async () => {
    const first = react();
    const { organization, factory } = await aPlant();
    const gateway = await aGatewayIn(factory);
    await send('SoftDeleteFactory', factory);
    await quiet();
    await send('RestoreFactory', factory);
    await quiet();
    await send('SoftDeleteOrganization', organization);
    await quiet();
    await send('RestoreOrganization', organization);
    await quiet();
    await send('SoftDeleteGateway', gateway);
    await send('RestoreGateway', gateway);
    await first.stop();
    const before = await readHistory(registry.log);

    await forgetCheckpoint();
    react();
    await quiet();
    expect((await readHistory(registry.log)).slice(0, before.length)).toEqual(before);
    expect(ofCascade(await readHistory(registry.log))).toEqual(ofCascade(before));
  });

  it('is not judged by states: an id that the stream holds is enough', async () => {
    const { factory } = await aPlant();
    const gateway = await aGatewayIn(factory);
    await send('SoftDeleteFactory', factory);
    const deletion = EventId.parse((await lastOf(`factory-${factory}`)).id);
    await appendReaction(gateway, deletion);
    // Somebody else's program brought it back, which no command of ours does under a deleted factory.
    await appendAsIs(gateway, 'GatewayRestored', { gatewayId: 'x', reservationId: uuidv7(), cause: null });
    react();
    await quiet();
    expect(await registry.typesIn(`gateway-${gateway}`)).toEqual([
      'GatewayCreated',
      'GatewaySoftDeleted',
      'GatewayRestored',
    ]);
  });

  it('stays so when the database is made anew', async () => {
    const first = react();
    const { factory } = await aPlant();
    const gateway = await aGatewayIn(factory);
    await send('SoftDeleteFactory', factory);
    await quiet();
    await send('RestoreFactory', factory);
    await quiet();
    await send('UpdateGateway', gateway, { name: 'New' });
    await first.stop();
    const before = await readHistory(registry.log);
    const { position } = await readCheckpoint(registry.log, 'cascade');

    await resetDatabase({
      databaseUrl: database.url,
      eventLog: registry.log,
      seed: async () => undefined,
      environment: 'development',
      force: undefined,
      terminal: { isTTY: false, write: () => undefined },
      logger,
      signal: new AbortController().signal,
    });
    react();
    await quiet();
    expect(ofCascade(await readHistory(registry.log))).toEqual(ofCascade(before));
    expect((await readCheckpoint(registry.log, 'cascade')).position?.commit).toBeGreaterThan(position?.commit ?? 0n);
  });
});

describe('of several instances', () => {
  it('one reacts, another takes over when it ends', async () => {
    const [first, second] = [react(), react()];
    await eventually(() => expect(second.health().status).toBe('running'));
    const { factory } = await aPlant();
    const gateway = await aGatewayIn(factory);
    await first.stop();
    await send('SoftDeleteFactory', factory);
    await quiet();
    expect((await lastOf(`gateway-${gateway}`)).type).toBe('GatewaySoftDeleted');
    expect(second.health().status).toBe('running');
  });

  it('one whose checkpoint was moved by another starts anew, and goes on when it may', async () => {
    const process = react();
    await quiet();
    await takeOver(registry.log, 'cascade');
    const { factory } = await aPlant();
    const gateway = await aGatewayIn(factory);
    await send('SoftDeleteFactory', factory);
    await quiet();
    expect((await lastOf(`gateway-${gateway}`)).type).toBe('GatewaySoftDeleted');
    expect(process.health().status).toBe('running');
  });

  it('one that loses its session gives way', async () => {
    react();
    await quiet();
    await withClient(database.url, (client) =>
      client.query(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity
        WHERE application_name = 'registry cascade' AND datname = current_database()`),
    );
    await quiet();
  });
});

describe('the checkpoint', () => {
  it('is one event, however often it is moved, and not moved by what nothing follows from', async () => {
    react();
    await quiet();
    const { revision } = await readCheckpoint(registry.log, 'cascade');
    const { factory } = await aPlant();
    await aGatewayIn(factory);
    await quiet();
    const moved = await readCheckpoint(registry.log, 'cascade');
    expect(moved.revision).toBe((revision as bigint) + 1n);
    expect(await registry.log.read(checkpointStream('cascade'))).toHaveLength(1);
  });

  it('is one event also after somebody has deleted its stream', async () => {
    const first = react();
    await quiet();
    await first.stop();
    await deleteSoftly(checkpointStream('cascade'));
    expect(await registry.log.read(checkpointStream('cascade'))).toEqual([]);
    react();
    await quiet();
    await quiet();
    expect(await registry.log.read(checkpointStream('cascade'))).toHaveLength(1);
    expect((await lastOf(`$$${checkpointStream('cascade')}`)).data).toMatchObject({ $maxCount: 1 });
  });

  it('is moved when the process ends', async () => {
    const { log } = registry;
    const done: string[] = [];
    const watched: EventLog = {
      ...log,
      async *subscribe(options) {
        for await (const items of log.subscribe(options)) {
          yield items;
          done.push(...items.flatMap((item) => (item.kind === 'event' ? item.event.stream : [])));
        }
      },
    };
    const process = react({ log: watched });
    const { factory } = await aPlant();
    await eventually(() => expect(done).toContain(`factory-${factory}`));
    await process.stop();
    expect((await readCheckpoint(log, 'cascade')).position).toEqual((await lastOf(`factory-${factory}`)).position);
  });
});

describe('a gateway that cannot be read', () => {
  it('keeps neither its siblings nor later deletions waiting, and is not forgotten', async () => {
    const records: string[] = [];
    const told = pino({ level: 'error' }, { write: (line: string) => records.push(line) });
    const first = react({ logger: told });
    const { organization, factory } = await aPlant();
    const [odd, sibling] = [await aGatewayIn(factory), await aGatewayIn(factory)];
    const other = await aFactoryIn(organization);
    const ofOther = await aGatewayIn(other);
    const { log, mend } = unreadable(`gateway-${odd}`);
    await quiet();
    await first.stop();

    const second = react({ log, commands: { ...registry.dependencies, log }, logger: told, retryMs: 20 });
    await send('SoftDeleteFactory', factory);
    await send('SoftDeleteFactory', other);
    await quiet();
    expect((await lastOf(`gateway-${sibling}`)).type).toBe('GatewaySoftDeleted');
    expect((await lastOf(`gateway-${ofOther}`)).type).toBe('GatewaySoftDeleted');
    expect(second.health()).toEqual({ name: 'cascade', status: 'degraded', parked: 1 });
    expect(records).toHaveLength(1);
    expect(JSON.parse(records[0] ?? '')).toMatchObject({
      child: `gateway-${odd}`,
      cause: `factory-${factory} at revision 1`,
      msg: expect.stringMatching(/Painted .* is of a type that this version does not know/),
    });

    await second.stop();
    const third = react({ log, commands: { ...registry.dependencies, log }, logger: told, retryMs: 20 });
    await eventually(() => expect(third.health()).toMatchObject({ status: 'degraded', parked: 1 }));
    mend();
    await eventually(() => expect(third.health()).toEqual({ name: 'cascade', status: 'running' }));
    expect((await lastOf(`gateway-${odd}`)).type).toBe('GatewaySoftDeleted');
    expect(records).toHaveLength(1);
    expect(await registry.typesIn(parkedStream('cascade'))).toEqual(['ReactionParked', 'ReactionSettled']);
  });

  it('is left alone in the end when its factory is restored meanwhile', async () => {
    const { factory } = await aPlant();
    const odd = await aGatewayIn(factory);
    const { log, mend } = unreadable(`gateway-${odd}`);
    const first = react({ log, commands: { ...registry.dependencies, log } });
    await quiet();
    await send('SoftDeleteFactory', factory);
    await eventually(() => expect(first.health()).toMatchObject({ parked: 1 }));
    await first.stop();
    await send('RestoreFactory', factory);
    mend();
    const second = react();
    await quiet();
    await eventually(() => expect(second.health()).toMatchObject({ status: 'running' }));
    expect(await registry.typesIn(`gateway-${odd}`)).toEqual(['GatewayCreated']);
  });
});

describe('a cascade that fails at the same event each time', () => {
  it('backs off further and further, stays failing, and leaves the checkpoint as it is', async () => {
    const pauses: number[] = [];
    const told = pino({ level: 'warn' }, { write: (line: string) => pauses.push(JSON.parse(line).pause) });
    const { factory } = await aPlant();
    const gateway = await aGatewayIn(factory);
    const away: EventLog = {
      ...registry.log,
      // What can be done comes before what cannot, in each life.
      subscribe: (options) => registry.log.subscribe({ ...options, maxBatch: 1 }),
      append: (stream, ...rest) =>
        stream === `gateway-${gateway}`
          ? Promise.reject(new EventLogUnavailable('gone before the append'))
          : registry.log.append(stream, ...rest),
    };
    const given = {
      log: away,
      commands: { ...registry.dependencies, log: away },
      backoff: { first: 4, longest: 2_000 },
    };
    const instances = [react({ ...given, logger: told }), react({ ...given, logger: told })];
    await eventually(() => expect(instances[0]?.health().status).toMatch(/running|failing/));
    await send('SoftDeleteFactory', factory);
    await eventually(() => expect(Math.max(0, ...pauses)).toBeGreaterThan(200));
    for (const { health } of instances) expect(health().status).toBe('failing');
    const { revision } = await readCheckpoint(registry.log, 'cascade');
    // Each of two instances fails seven times on the way there.
    expect(Number(revision)).toBeLessThan(40);
  });
});

describe('an event that cannot be read', () => {
  it('is parked, and stops nothing else', async () => {
    const { factory } = await aPlant();
    const { factory: other } = await aPlant();
    const [gateway, ofOther] = [await aGatewayIn(factory), await aGatewayIn(other)];
    const { log } = registry;
    let isMended = false;
    const seen = (event: StoredEvent) =>
      event.type === 'FactorySoftDeleted' && event.stream === `factory-${factory}` && !isMended
        ? { ...event, data: {} }
        : event;
    const odd: EventLog = {
      ...log,
      read: async (...where) => (await log.read(...where)).map(seen),
      async *subscribe(options) {
        for await (const items of log.subscribe(options)) {
          yield items.map((item) => (item.kind === 'event' ? { ...item, event: seen(item.event) } : item));
        }
      },
    };
    const process = react({ log: odd, retryMs: 20 });
    await send('SoftDeleteFactory', factory);
    await send('SoftDeleteFactory', other);
    await quiet();
    expect((await lastOf(`gateway-${ofOther}`)).type).toBe('GatewaySoftDeleted');
    expect(process.health()).toMatchObject({ status: 'degraded' });
    isMended = true;
    await eventually(() => expect(process.health()).toMatchObject({ status: 'running' }));
    expect((await lastOf(`gateway-${gateway}`)).type).toBe('GatewaySoftDeleted');
  });

  it('is none of its business in a stream of others', async () => {
    react();
    const event = { id: uuidv7(), type: 'FactorySoftDeleted', data: {}, metadata: {} };
    await registry.log.append('theirs-1', 'no_stream', [event]);
    await quiet();
  });
});

function react(options: Partial<CascadeOptions> = {}) {
  const { log, dependencies } = registry;
  const given = { databaseUrl: database.url, log, pool, readModelReaches: progress.reached, commands: dependencies };
  return scope.adopt(startCascade({ ...given, logger, backoff, ...options }), (loop) => loop.stop());
}

async function send(
  name: string,
  id: string,
  body?: object,
  given?: Parameters<Registry['run']>[3],
): Promise<{ readonly position?: Position }> {
  const outcome = await registry.run(name, id, body, given);
  if (outcome.outcome === 'rejected') throw new Error(`${name} was refused: ${outcome.reason}`);
  return outcome;
}

function quiet(): Promise<void> {
  return untilQuiet(registry.log, () => deleteMarkerBy(send));
}

async function aPlant() {
  const organization = anId();
  await send('CreateOrganization', organization, { name: 'Acme' });
  return { organization, factory: await aFactoryIn(organization) };
}

async function aFactoryIn(organization: string): Promise<string> {
  const id = anId();
  await send('CreateFactory', id, { organization_id: organization, name: 'Berlin' });
  return id;
}

async function aGatewayIn(factory: string, device?: string): Promise<string> {
  const id = anId();
  await send('CreateGateway', id, gatewayBody(factory, device ?? `device of ${id}`));
  return id;
}

function gatewayBody(factory: string, device: string): object {
  const login = { url: 'wss://10.0.0.1/ws', email: 'gateway@acme.example', password: 'secret' };
  return { factory_id: factory, gateway_id: device, name: 'Hall 1', ...login };
}

/** Runs with a log in which a parent is as it is now, whatever happens to it meanwhile. */
async function afterReading(parent: string, use: (given: object) => Promise<void>): Promise<void> {
  const { log } = registry;
  const streams = [`factory-${parent}`, `organization-${parent}`];
  const read = new Map(await Promise.all(streams.map(async (stream) => [stream, await log.read(stream)] as const)));
  await use({
    log: {
      ...log,
      read: async (stream: string, from?: bigint, upTo?: bigint) => read.get(stream) ?? log.read(stream, from, upTo),
    },
  });
}

function dyingAt(stream: string): Registry['log']['append'] {
  return (to, ...rest) => {
    if (to === stream) throw new Error('dies here');
    return registry.log.append(to, ...rest);
  };
}

/** A log in which a stream begins with an event of an unknown type, until it is mended. */
function unreadable(stream: string): { readonly log: EventLog; readonly mend: () => void } {
  let isMended = false;
  const log: EventLog = {
    ...registry.log,
    async read(from, ...rest) {
      const events = await registry.log.read(from, ...rest);
      return from !== stream || isMended ? events : events.map((event) => ({ ...event, type: 'GatewayPainted' }));
    },
  };
  return {
    log,
    mend: () => {
      isMended = true;
    },
  };
}

async function deleteSoftly(stream: string): Promise<void> {
  const client = EventStoreDBClient.connectionString(registry.url);
  await client.deleteStream(stream);
  await client.dispose();
}

async function lastOf(stream: string) {
  const event = await registry.log.readLast(stream);
  if (event === undefined) throw new Error(`there is no ${stream}`);
  return event;
}

/** What the reaction to a deletion appends to a gateway. */
function appendReaction(gateway: string, deletion: EventId): Promise<void> {
  return appendAsIs(gateway, 'GatewaySoftDeleted', { cause: deletion }, reactionId(deletion, gateway));
}

async function appendAsIs(gateway: string, type: string, data: object, id: string = uuidv7()): Promise<void> {
  const stream = `gateway-${gateway}`;
  const last = await lastOf(stream);
  const { factoryId, organizationId } = last.data as Record<string, unknown>;
  const metadata = { ...(last.metadata as object), schemaVersion: 2 };
  await registry.log.append(stream, last.revision, [
    { id, type, data: { id: gateway, factoryId, organizationId, ...data }, metadata },
  ]);
}

async function forgetCheckpoint(): Promise<void> {
  const { revision } = await readCheckpoint(registry.log, 'cascade');
  const event = { id: uuidv7(), type: 'ProcessCheckpointMoved', data: { position: null }, metadata: {} };
  await registry.log.append(checkpointStream('cascade'), revision, [event]);
}

async function activeGateways(): Promise<readonly string[]> {
  const states = new Map<string, boolean>();
  for (const { type, data } of await readHistory(registry.log)) {
    if (type === 'GatewayCreated' || type === 'GatewayRestored') states.set(data.id, true);
    if (type === 'GatewaySoftDeleted') states.set(data.id, false);
  }
  return [...states].flatMap(([id, isActive]) => (isActive ? [id] : [])).toSorted();
}

function ofCascade(events: Awaited<ReturnType<typeof readHistory>>) {
  return events.filter(({ metadata }) => metadata.actor === 'process:cascade');
}
