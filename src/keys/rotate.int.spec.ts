import { beforeEach, describe, expect, it } from 'vitest';
import { aKeyCalled } from '../../test/support/key-rings.ts';
import { anId, type Registry, startRegistry } from '../../test/support/registry.ts';
import type { CommandDependencies } from '../commands/handler.ts';
import { decode, type Recorded } from '../events/codec.ts';
import { type EventLog, EventLogUnavailable } from '../events/event-log.ts';
import { GatewayId } from '../events/ids.ts';
import { createEncryption } from '../infrastructure/encryption.ts';
import { ringOf } from '../infrastructure/key-ring.ts';
import { type Rotated, rotate } from './rotate.ts';
import { survey } from './survey.ts';

const oldKey = aKeyCalled('old', 1);
const newKey = aKeyCalled('new', 2);
const before = createEncryption(ringOf([oldKey]));
const between = createEncryption(ringOf([newKey, oldKey]));
const after = createEncryption(ringOf([newKey]));
const never = new AbortController().signal;

let registry: Registry;
let factory: string;

beforeEach(async () => {
  registry = await startRegistry();
  const organization = anId();
  factory = anId();
  await registry.run('CreateOrganization', organization, { name: 'Acme' });
  await registry.run('CreateFactory', factory, { organization_id: organization, name: 'Berlin' });
  return () => registry[Symbol.asyncDispose]();
});

describe('a rotation', () => {
  it('seals every password with the first key: deleted gateways included, and all still the same', async () => {
    const created = await aGatewayWith('one');
    const changed = await aGatewayWith('two');
    await registry.run('UpdateGateway', changed, { password: 'three' }, sealedWith(before));
    const deleted = await aGatewayWith('four');
    await registry.run('SoftDeleteGateway', deleted);

    expect(await rotated()).toEqual({ sealed: 3, left: 0, failures: [] });

    expect(await passwordsBy(after, created, changed, deleted)).toEqual(['one', 'three', 'four']);
    expect((await last(deleted)).type).toBe('GatewayPasswordReencrypted');
    expect((await last(deleted)).metadata.actor).toBe('operator:keys');
    expect(await typesIn(deleted)).toEqual(['GatewayCreated', 'GatewaySoftDeleted', 'GatewayPasswordReencrypted']);
  });

  it('leaves what is under the first key as it is, and does nothing when it is run again', async () => {
    const old = await aGatewayWith('one');
    const current = await aGatewayWith('two', after);
    expect(await rotated()).toEqual({ sealed: 1, left: 0, failures: [] });
    expect(await rotated()).toEqual({ sealed: 0, left: 0, failures: [] });
    expect(await typesIn(old)).toEqual(['GatewayCreated', 'GatewayPasswordReencrypted']);
    expect(await typesIn(current)).toEqual(['GatewayCreated']);
  });

  it('leaves the events of the past as they were', async () => {
    const gateway = await aGatewayWith('one');
    const [first] = await registry.log.read(`gateway-${gateway}`);
    await rotated();
    expect((await registry.log.read(`gateway-${gateway}`))[0]).toEqual(first);
  });

  it('does not undo a password that is changed meanwhile', async () => {
    const gateways = await Promise.all(Array.from({ length: 20 }, () => aGatewayWith('before')));
    const found = await surveyed();
    const [changed = gateways[0], ...others] = gateways;
    await registry.run('UpdateGateway', changed ?? '', { password: 'changed before' }, sealedWith(before));

    const [result] = await Promise.all([
      rotate({ ...options(), survey: found }),
      ...others.map((id) => registry.run('UpdateGateway', id, { password: `of ${id}` }, sealedWith(between))),
    ]);

    expect(result.failures).toEqual([]);
    expect(await passwordsBy(after, ...gateways)).toEqual(['changed before', ...others.map((id) => `of ${id}`)]);
  });

  it('is decided anew when its append comes too late', async () => {
    const gateway = await aGatewayWith('before');
    let late = 0;
    const log: EventLog = {
      ...registry.log,
      append: async (...args) => {
        if (late++ === 0) {
          await registry.run('UpdateGateway', gateway, { password: 'in between' }, sealedWith(after));
        }
        return registry.log.append(...args);
      },
    };
    expect(await rotated({ log })).toEqual({ sealed: 0, left: 0, failures: [] });
    expect(await passwordsBy(after, gateway)).toEqual(['in between']);
    expect(await typesIn(gateway)).toEqual(['GatewayCreated', 'GatewayPasswordChanged']);
  });

  it('stops in order when it is told to, and does the rest when it is run again', async () => {
    const gateways = await Promise.all(Array.from({ length: 60 }, () => aGatewayWith('one')));
    const stopping = new AbortController();
    const onProgress = (dealtWith: number) => dealtWith === 20 && stopping.abort();
    const { sealed, left } = await rotate({
      ...options(),
      survey: await surveyed(),
      signal: stopping.signal,
      onProgress,
    });
    expect(sealed + left).toBe(60);
    expect(sealed).toBeGreaterThanOrEqual(20);
    expect(left).toBeGreaterThan(0);
    const done = [...(await surveyed()).values()].filter(({ keyId }) => keyId === 'new');
    expect(done).toHaveLength(sealed);

    expect(await rotated()).toEqual({ sealed: left, left: 0, failures: [] });
    const types = await Promise.all(gateways.map((id) => typesIn(id)));
    expect(types.every((each) => each.length === 2)).toBe(true);
  });

  it('tells of the passwords that it cannot open by gateway and key, and does all others', async () => {
    const lost = createEncryption(ringOf([aKeyCalled('lost', 3)]));
    const closed = await aGatewayWith('one', lost);
    const open = await aGatewayWith('two');
    const result = await rotated();
    expect(result).toEqual({
      sealed: 1,
      left: 0,
      failures: [
        `the password of gateway ${closed} was sealed with key lost, which is not here (new, old are): ` +
          'add it to ENCRYPTION_KEYS',
      ],
    });
    expect(await passwordsBy(after, open)).toEqual(['two']);
    expect(await typesIn(closed)).toEqual(['GatewayCreated']);
  });

  it.each([
    ['a type that this version does not know', 'GatewayRepainted', {}],
    ['a version that is to come', 'GatewayUpdated', { schemaVersion: 99 }],
  ])('names the gateway that has an event of %s, and does all others', async (_, type, metadata) => {
    const odd = await aGatewayWith('one');
    const event = { id: anId(), type, data: {}, metadata };
    await registry.log.append(`gateway-${odd}`, 0n, [event]);
    const others = await Promise.all(Array.from({ length: 30 }, () => aGatewayWith('two')));

    const { sealed, left, failures } = await rotated();

    expect({ sealed, left }).toEqual({ sealed: 30, left: 0 });
    expect(failures).toEqual([expect.stringContaining(`${type} at revision 1 of gateway-${odd}`)]);
    expect(new Set(await passwordsBy(after, ...others))).toEqual(new Set(['two']));
    expect(await typesIn(odd)).toEqual(['GatewayCreated', type]);
  });

  it('brings back what two keys of one id have sealed, as is advised: with a third key, and with each of the two in turn', async () => {
    const impostor = aKeyCalled('old', 4);
    const one = await aGatewayWith('one');
    const two = await aGatewayWith('two', createEncryption(ringOf([impostor])));

    const withTheOne = await rotated({}, createEncryption(ringOf([newKey, impostor])));
    expect(withTheOne).toMatchObject({ sealed: 1, left: 0, failures: [expect.stringContaining(one)] });
    expect(await rotated({}, createEncryption(ringOf([newKey, oldKey])))).toEqual({ sealed: 1, left: 0, failures: [] });

    expect(await passwordsBy(after, one, two)).toEqual(['one', 'two']);
  });

  it('ends with the error when the event store goes away', async () => {
    for (let made = 0; made < 30; made++) await aGatewayWith('one');
    let appended = 0;
    const log: EventLog = {
      ...registry.log,
      append: (...args) => {
        if (appended++ < 5) return registry.log.append(...args);
        return Promise.reject(new EventLogUnavailable('it is away'));
      },
    };
    await expect(rotated({ log })).rejects.toThrow(new EventLogUnavailable('it is away'));
    expect(await rotated()).toEqual({ sealed: 25, left: 0, failures: [] });
  });
});

describe('a survey', () => {
  it('tells of each password under which key it is now, and whether it opens', async () => {
    const impostor = createEncryption(ringOf([aKeyCalled('new', 4)]));
    const old = await aGatewayWith('one');
    const current = await aGatewayWith('two', after);
    const wrong = await aGatewayWith('three', impostor);
    const lost = await aGatewayWith('four', createEncryption(ringOf([aKeyCalled('lost', 3)])));
    const none = await aGatewayWith('five', { ...before, seal: () => 'five' });
    expect(Object.fromEntries(await surveyed())).toEqual({
      [old]: { keyId: 'old', opens: true },
      [current]: { keyId: 'new', opens: true },
      [wrong]: { keyId: 'new', opens: false },
      [lost]: { keyId: 'lost', opens: false },
      [none]: { keyId: undefined, opens: false },
    });
  });

  it('is not complete when it is stopped, and says so', async () => {
    await aGatewayWith('one');
    const signal = AbortSignal.abort(new Error('stopped'));
    await expect(surveyed(signal)).rejects.toThrow('stopped');
  });
});

function surveyed(signal = never, encryption = between) {
  return survey({ log: registry.log, encryption, signal, onProgress: () => undefined });
}

function options(encryption = between) {
  const dependencies = { ...registry.dependencies, ...sealedWith(encryption) };
  return { dependencies, encryption, signal: never, onProgress: () => undefined };
}

async function rotated(given: Partial<CommandDependencies> = {}, encryption = between): Promise<Rotated> {
  const { dependencies, ...others } = options(encryption);
  const found = await surveyed(never, encryption);
  return rotate({ ...others, dependencies: { ...dependencies, ...given }, survey: found });
}

function sealedWith({ seal }: { seal: CommandDependencies['sealPassword'] }) {
  return { sealPassword: seal };
}

async function aGatewayWith(password: string, { seal } = before): Promise<GatewayId> {
  const id = GatewayId.parse(anId());
  const fields = { factory_id: factory, gateway_id: `device of ${id}`, name: 'Hall 1', url: 'wss://10.0.0.1/ws' };
  const body = { ...fields, email: 'gateway@acme.example', password };
  expect((await registry.run('CreateGateway', id, body, sealedWith({ seal }))).outcome).toBe('accepted');
  return id;
}

async function passwordsBy({ open }: typeof after, ...gateways: readonly GatewayId[]): Promise<readonly string[]> {
  return Promise.all(
    gateways.map(async (id) => {
      const events = (await registry.log.read(`gateway-${id}`)).map((stored) => decode(stored)?.data);
      const sealed = events.flatMap((data) => (data && 'passwordEncrypted' in data ? data.passwordEncrypted : []));
      return open(sealed.at(-1) ?? '', id);
    }),
  );
}

function typesIn(id: GatewayId): Promise<readonly string[]> {
  return registry.typesIn(`gateway-${id}`);
}

async function last(id: GatewayId): Promise<Recorded> {
  const stored = await registry.log.readLast(`gateway-${id}`);
  const event = stored && decode(stored);
  if (event === undefined) throw new Error(`gateway ${id} has no event`);
  return event;
}
