import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { until } from '../../embedded/until.ts';
import { aFactory, anOrganization, anotherGateway, aReservation, now } from '../../test/support/examples.ts';
import { anId, type Registry, startRegistry } from '../../test/support/registry.ts';
import { gatewayIdentityStream } from '../domain/gateway-identity.ts';
import { type EventLog, EventLogUnavailable } from '../events/event-log.ts';
import { DeviceId } from '../events/ids.ts';
import { reserveGatewayId } from './reserve-gateway-id.ts';

const taken = expect.objectContaining({
  outcome: 'rejected',
  reason: expect.stringMatching(/^GatewayId(Taken|InFlight)$/),
});
const accepted = { outcome: 'accepted' };
const unusual = [
  'a/b',
  'ü',
  '%',
  '%2F',
  '%25',
  '..',
  '.',
  '/',
  '$all',
  '$$x',
  'a@b',
  ' ',
  '\t',
  '\n',
  '\0',
  '\u202e',
  '😀',
];
const withinGrace = at(9_999);
const afterGrace = at(10_000);

let registry: Registry;
let organization: string;
let factory: string;

beforeAll(async () => {
  registry = await startRegistry();
  organization = anId();
  factory = anId();
  await registry.run('CreateOrganization', organization, { name: 'Acme' });
  await registry.run('CreateFactory', factory, { name: 'Berlin', organization_id: organization });
});

afterAll(async () => {
  await registry?.[Symbol.asyncDispose]();
});

describe('a device id', () => {
  it('goes to exactly one of many that want it at once', async () => {
    const ids = Array.from({ length: 20 }, anId);
    const outcomes = await Promise.all(ids.map((id) => create(id, 'wanted')));
    expect(outcomes.filter(({ outcome }) => outcome === 'accepted')).toHaveLength(1);
    expect(outcomes.filter(({ outcome }) => outcome === 'rejected')).toEqual(Array(19).fill(taken));
    const created = await Promise.all(ids.map((id) => registry.typesIn(`gateway-${id}`)));
    expect(created.flat()).toEqual(['GatewayCreated']);
  });

  it('goes to exactly one of many when it changes hands, too', async () => {
    const holder = anId();
    const rivals = Array.from({ length: 5 }, anId);
    await create(holder, 'passed on');
    await Promise.all(rivals.map((id) => create(id, `rival ${id}`)));
    await registry.run('SoftDeleteGateway', holder);
    const outcomes = await Promise.all([
      registry.run('RestoreGateway', holder),
      create(anId(), 'passed on'),
      ...rivals.map((id) => registry.run('UpdateGateway', id, { gateway_id: 'passed on' })),
    ]);
    expect(outcomes.filter(({ outcome }) => outcome === 'accepted')).toHaveLength(1);
    expect(outcomes.filter(({ outcome }) => outcome === 'rejected')).toEqual(Array(6).fill(taken));
  });

  it('is named with its reservation in both streams', async () => {
    const id = anId();
    await create(id, 'named');
    const reserved = (await registry.log.readLast(identity('named')))?.data;
    const created = (await registry.log.readLast(`gateway-${id}`))?.data as {
      organizationId: string;
      reservationId: string;
    };
    expect(reserved).toEqual({
      id,
      factoryId: factory,
      organizationId: created.organizationId,
      gatewayId: 'named',
      reservationId: created.reservationId,
    });
  });

  it('is free as soon as its gateway is deleted', async () => {
    const holder = anId();
    await create(holder, 'freed by deletion');
    expect(await create(anId(), 'freed by deletion')).toEqual(taken);
    await registry.run('SoftDeleteGateway', holder);
    expect(await create(anId(), 'freed by deletion')).toMatchObject(accepted);
  });

  it('is free as soon as its gateway has another, and that one is taken', async () => {
    const holder = anId();
    await create(holder, 'before');
    await registry.run('UpdateGateway', holder, { gateway_id: 'after' });
    expect(await create(anId(), 'after')).toEqual(taken);
    expect(await create(anId(), 'before')).toMatchObject(accepted);
    expect(await registry.run('UpdateGateway', holder, { gateway_id: 'before' })).toEqual(taken);
    expect(await registry.run('UpdateGateway', holder, { gateway_id: 'after' })).toMatchObject({ outcome: 'ignored' });
  });

  it('goes back to its gateway when nobody took it in between', async () => {
    const id = anId();
    await create(id, 'there');
    await registry.run('UpdateGateway', id, { gateway_id: 'elsewhere' });
    expect(await registry.run('UpdateGateway', id, { gateway_id: 'there' })).toMatchObject(accepted);
    expect(await create(anId(), 'there')).toEqual(taken);
    expect(await create(anId(), 'elsewhere')).toMatchObject(accepted);
  });

  it('that was taken in between keeps its gateway from being restored', async () => {
    const [first, second] = [anId(), anId()];
    await create(first, 'taken in between');
    await registry.run('SoftDeleteGateway', first);
    await create(second, 'taken in between');
    expect(await registry.run('RestoreGateway', first)).toEqual(taken);
    await registry.run('SoftDeleteGateway', second);
    expect(await registry.run('RestoreGateway', first)).toMatchObject(accepted);
    expect(await registry.run('RestoreGateway', second)).toEqual(taken);
  });

  it('is told apart by every character and case', async () => {
    expect(await create(anId(), 'gw')).toMatchObject(accepted);
    for (const other of ['GW', 'gw ', ' gw', 'gw\u0301']) expect(await create(anId(), other)).toMatchObject(accepted);
  });

  it.each(unusual)('may be %j', isADeviceIdLikeAnyOther);

  it.each(['漢', '😀'])('may be 255 times %s', (character) => isADeviceIdLikeAnyOther(character.repeat(255)));

  it('may be any text of 1 to 255 characters, and each is another one', { timeout: 60_000 }, async () => {
    const character = fc.oneof(
      fc.constantFrom(...'%2F$@./ '),
      fc.string({ unit: 'binary', minLength: 1, maxLength: 1 }),
    );
    const text = fc.string({ unit: character, minLength: 1, maxLength: 255, size: 'max' });
    const device = fc.oneof({ weight: 3, arbitrary: text }, { weight: 1, arbitrary: fc.constantFrom(...unusual) });
    const several = fc.uniqueArray(device, { minLength: 2, maxLength: 4 });
    await fc.assert(
      fc.asyncProperty(several, async (devices) => {
        await Promise.all(devices.map(isADeviceIdLikeAnyOther));
      }),
      { numRuns: 20 },
    );
  });
});

describe('a reservation whose gateway event is missing', () => {
  it('counts as taken within the grace period', async () => {
    await reserveAndDie(anId(), 'in flight');
    expect(await create(anId(), 'in flight', withinGrace)).toEqual(taken);
    expect(await registry.typesIn(identity('in flight'))).toEqual(['GatewayIdReserved']);
  });

  it('is abandoned in the stream of its holder after it, and taken over', async () => {
    const [dead, taker] = [anId(), anId()];
    await reserveAndDie(dead, 'left behind');
    expect(await create(taker, 'left behind', afterGrace)).toMatchObject(accepted);
    expect(await registry.typesIn(`gateway-${dead}`)).toEqual(['GatewayIdReservationAbandoned']);
    const [reserved] = await registry.log.read(identity('left behind'));
    expect((await registry.log.readLast(`gateway-${dead}`))?.data).toEqual(reserved?.data);
    expect(await create(anId(), 'left behind', afterGrace)).toEqual(taken);
  });

  it('is abandoned when it seems to be from a day ahead, and what follows it does not seem so', async () => {
    const dead = anId();
    const ahead = at(86_400_000);
    await expect(create(dead, 'from ahead', { ...ahead, log: dying(`gateway-${dead}`) })).rejects.toThrow();
    await expect(reserveAndDie(anId(), 'from ahead')).resolves.toBeUndefined();
    expect(await registry.typesIn(`gateway-${dead}`)).toEqual(['GatewayIdReservationAbandoned']);
    expect((await registry.log.readLast(identity('from ahead')))?.metadata).toMatchObject({ occurredAt: now });
    expect(await create(anId(), 'from ahead', withinGrace)).toEqual(taken);
    expect(await create(anId(), 'from ahead', afterGrace)).toMatchObject(accepted);
  });

  it('goes to exactly one of many takers', async () => {
    await reserveAndDie(anId(), 'left to many');
    const outcomes = await Promise.all(Array.from({ length: 8 }, () => create(anId(), 'left to many', afterGrace)));
    expect(outcomes.filter(({ outcome }) => outcome === 'accepted')).toHaveLength(1);
    expect(outcomes.filter(({ outcome }) => outcome === 'rejected')).toEqual(Array(7).fill(taken));
  });

  it('leaves the gateway that wanted another id as it was', async () => {
    const id = anId();
    await create(id, 'kept');
    await expect(
      registry.run('UpdateGateway', id, { gateway_id: 'never got' }, { log: dying(`gateway-${id}`) }),
    ).rejects.toThrow(EventLogUnavailable);
    const before = await registry.run('UpdateGateway', id, { gateway_id: 'kept' });
    expect(await create(anId(), 'never got', afterGrace)).toMatchObject(accepted);
    expect(await registry.typesIn(`gateway-${id}`)).toEqual(['GatewayCreated', 'GatewayIdReservationAbandoned']);
    expect(await registry.run('UpdateGateway', id, { gateway_id: 'kept' })).toMatchObject({
      outcome: 'ignored',
      resource: 'resource' in before ? before.resource : undefined,
    });
    expect(await create(anId(), 'kept', afterGrace)).toEqual(taken);
  });

  it('does not stop the same gateway from trying again', async () => {
    const id = anId();
    await create(id, 'first');
    const dead = { log: dying(`gateway-${id}`) };
    await expect(registry.run('UpdateGateway', id, { gateway_id: 'second' }, dead)).rejects.toThrow();
    expect(await registry.run('UpdateGateway', id, { gateway_id: 'second' })).toMatchObject(accepted);
    expect(await registry.typesIn(identity('second'))).toEqual(['GatewayIdReserved', 'GatewayIdReserved']);
  });

  it('is not fenced twice when two judge it at the same time', async () => {
    const dead = anId();
    await reserveAndDie(dead, 'judged by two');
    await Promise.all([create(anId(), 'judged by two', afterGrace), create(anId(), 'judged by two', afterGrace)]);
    expect(await registry.typesIn(`gateway-${dead}`)).toEqual(['GatewayIdReservationAbandoned']);
  });
});

describe('a device id that commands of one gateway fight for', () => {
  it('is free at once for others when all of them but one were in vain: restored many times at once, then deleted', async () => {
    const id = anId();
    await create(id, 'restored at once');
    await registry.run('SoftDeleteGateway', id);
    await Promise.all([1, 2, 3, 4, 5].map(() => registry.run('RestoreGateway', id)));
    await registry.run('SoftDeleteGateway', id);
    expect(await create(anId(), 'restored at once')).toMatchObject(accepted);
  });

  it('is free at once when the command that reserved it lost against another one', async () => {
    const id = anId();
    await create(id, 'the first of many');
    const names = Array.from({ length: 10 }, (_, n) => `one of many ${n}`);
    const outcomes = await Promise.all(
      names.map((gateway_id) => registry.run('UpdateGateway', id, { gateway_id }, {}, { onlyAt: [0n] })),
    );
    expect(outcomes.filter(({ outcome }) => outcome === 'accepted')).toHaveLength(1);
    const others = await Promise.all(names.map((name) => create(anId(), name)));
    expect(others.filter(({ outcome }) => outcome === 'accepted')).toHaveLength(9);
  });

  it('says where its gateway stands now, and not where it stood when it took the id', async () => {
    const id = anId();
    const other = anId();
    await create(id, 'moved');
    await registry.run('CreateFactory', other, { name: 'Hamburg', organization_id: organization });
    await registry.run('MoveGateway', id, { factory_id: other });
    expect(await create(anId(), 'moved')).toMatchObject({ reason: 'GatewayIdTaken', holder: { id, factoryId: other } });
  });
});

describe('a reservation that is refused', () => {
  const commandId = anId();
  const cause = { commandId, causationId: commandId, correlationId: 'a-correlation', actor: 'a-tester', now };
  const reserve = (device: string) => {
    const ids = { id: anotherGateway, factoryId: aFactory, organizationId: anOrganization };
    const claim = { ...ids, gatewayId: DeviceId.parse(device), reservationId: aReservation };
    return reserveGatewayId(registry.log, claim, cause, 10_000);
  };

  it('says who has the id', async () => {
    const holder = anId();
    await create(holder, 'held');
    expect(await reserve('held')).toEqual({
      status: 'taken',
      holder: { id: holder, factoryId: factory, organizationId: organization },
    });
  });

  it('says when it may be free soon', async () => {
    await reserveAndDie(anId(), 'held by a ghost');
    expect(await reserve('held by a ghost')).toEqual({ status: 'in-flight' });
  });
});

describe('a command that sleeps between its reservation and its event', () => {
  it('has the id when it wakes in time', async () => {
    const sleeper = anId();
    const { log, asleep, wake } = sleeping(`gateway-${sleeper}`);
    const creating = create(sleeper, 'slept a little', { log });
    expect(await until(asleep, 20_000)).toBe(true);
    expect(await create(anId(), 'slept a little', withinGrace)).toEqual(taken);
    wake();
    expect(await creating).toMatchObject(accepted);
  });

  it('starts again when it wakes too late, and finds the id taken', async () => {
    const [sleeper, taker] = [anId(), anId()];
    const { log, asleep, wake } = sleeping(`gateway-${sleeper}`);
    const creating = create(sleeper, 'slept too long', { log });
    expect(await until(asleep, 20_000)).toBe(true);
    expect(await create(taker, 'slept too long', afterGrace)).toMatchObject(accepted);
    wake();
    expect(await creating).toEqual(taken);
    expect(await registry.typesIn(`gateway-${sleeper}`)).toEqual(['GatewayIdReservationAbandoned']);
  });

  it('has the id after all when its taker gave it back meanwhile', async () => {
    const [sleeper, taker] = [anId(), anId()];
    const { log, asleep, wake } = sleeping(`gateway-${sleeper}`);
    const creating = create(sleeper, 'given back', { log });
    expect(await until(asleep, 20_000)).toBe(true);
    await create(taker, 'given back', afterGrace);
    await registry.run('SoftDeleteGateway', taker);
    wake();
    expect(await creating).toMatchObject({ ...accepted, revision: 1n });
    expect(await create(anId(), 'given back', afterGrace)).toEqual(taken);
  });

  it('that restores a gateway is fenced like one that creates it', async () => {
    const [sleeper, taker] = [anId(), anId()];
    await create(sleeper, 'restored late');
    await registry.run('SoftDeleteGateway', sleeper);
    const { log, asleep, wake } = sleeping(`gateway-${sleeper}`);
    const restoring = registry.run('RestoreGateway', sleeper, undefined, { log });
    expect(await until(asleep, 20_000)).toBe(true);
    expect(await create(anId(), 'restored late', withinGrace)).toEqual(taken);
    expect(await create(taker, 'restored late', afterGrace)).toMatchObject(accepted);
    wake();
    expect(await restoring).toEqual(taken);
  });
});

/** Takes it, gives it back, takes it again and gives it back. */
async function isADeviceIdLikeAnyOther(device: string): Promise<void> {
  const [first, second] = [anId(), anId()];
  expect(await create(first, device)).toMatchObject({ ...accepted, resource: { gateway_id: device } });
  expect(await create(anId(), device)).toMatchObject({ reason: 'GatewayIdTaken', holder: { id: first } });
  await registry.run('SoftDeleteGateway', first);
  expect(await create(second, device)).toMatchObject(accepted);
  await registry.run('SoftDeleteGateway', second);
}

function at(milliseconds: number) {
  return { now: () => new Date(Date.parse(now) + milliseconds) };
}

function create(id: string, device: string, given: Parameters<Registry['run']>[3] = {}) {
  const body = {
    factory_id: factory,
    gateway_id: device,
    name: 'Hall 1',
    url: 'wss://10.0.0.1/ws',
    email: 'gateway@acme.example',
    password: 'hunter2',
  };
  return registry.run('CreateGateway', id, body, given);
}

function identity(device: string): string {
  return gatewayIdentityStream(DeviceId.parse(device));
}

async function reserveAndDie(id: string, device: string): Promise<void> {
  await expect(create(id, device, { log: dying(`gateway-${id}`) })).rejects.toThrow(EventLogUnavailable);
}

/** A log that goes away before the first append to a stream. */
function dying(stream: string): EventLog {
  return {
    ...registry.log,
    append: (to, expected, events) =>
      to === stream
        ? Promise.reject(new EventLogUnavailable('gone before the append'))
        : registry.log.append(to, expected, events),
  };
}

/** A log in which the first append to a stream waits until it is woken. */
function sleeping(stream: string) {
  const waking = Promise.withResolvers<void>();
  let isAsleep = false;
  const log: EventLog = {
    ...registry.log,
    append: async (to, expected, events) => {
      if (to === stream) {
        isAsleep = true;
        await waking.promise;
      }
      return registry.log.append(to, expected, events);
    },
  };
  return { log, asleep: () => isAsleep, wake: () => waking.resolve() };
}
