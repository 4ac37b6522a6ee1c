// The identity protocol under attack: commands of several processes, their operations on the log interleaved at random,
// with processes that die, appends that are not answered, clocks that differ, and sleepers that wake when others have
// long taken what they wanted. At every position of the log at most one active gateway has a device id; and when the
// grace period has passed, every device id is free that no active gateway has. KILLS=50 makes it long.
import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createAggregateCache } from '../../src/commands/aggregate-cache.ts';
import type { Sender } from '../../src/commands/handler.ts';
import { createIdempotencyKeys } from '../../src/commands/idempotency.ts';
import { createParents } from '../../src/commands/parents.ts';
import { decode, type Recorded } from '../../src/events/codec.ts';
import type { EventLog, SubscriptionOptions } from '../../src/events/event-log.ts';
import { EventId } from '../../src/events/ids.ts';
import { now } from '../support/examples.ts';
import { memoryLog } from '../support/memory-log.ts';
import { type Registry, startRegistry } from '../support/registry.ts';
import { type Command, execute, interleave, type Step } from './identity-interleaving.ts';
import { holdingsAfter } from './identity-judge.ts';
import { kills, sayingTheSeed, seed } from './random.ts';

const keys = createIdempotencyKeys([Buffer.from('a secret')]);
const grace = 10_000;
const processes = 3;

/** What is done next. Gateways and device ids are told by their numbers; which command stands where, is of the run. */
type Act =
  | { readonly act: 'start'; readonly process: number; readonly wish: Wish; readonly by: By; readonly steps: number }
  | { readonly act: 'go on'; readonly place: number; readonly steps: number }
  | { readonly act: 'fail'; readonly place: number; readonly how: Step }
  | { readonly act: 'wait'; readonly milliseconds: number };

type Wish =
  | { readonly wish: 'create anew'; readonly device: number }
  | { readonly wish: 'create' | 'rename'; readonly gateway: number; readonly device: number }
  | { readonly wish: 'delete' | 'restore' | 'touch'; readonly gateway: number };

/** Who wants it: somebody, once; somebody who may send it again, with this key; a process that answers this event. */
type By = { readonly by: 'somebody' } | { readonly by: 'key' | 'event'; readonly number: number };

interface Plan {
  /** Which device id each of the first gateways has to begin with, and whether it is deleted. */
  readonly beginning: readonly { readonly device: number; readonly isDeleted: boolean }[];
  readonly acts: readonly Act[];
  /** By how many milliseconds the clock of each process is ahead. */
  readonly clocks: readonly number[];
  /** In which order sleepers wake at the end. */
  readonly waking: readonly number[];
}

// Few, so that they meet often.
const gateways = 3;
const devices = 2;
const gateway = fc.nat({ max: gateways - 1 });
const device = fc.nat({ max: devices - 1 });

const anyWish: fc.Arbitrary<Wish> = fc.oneof(
  { weight: 2, arbitrary: fc.record({ wish: fc.constant('create anew'), device }) },
  { weight: 4, arbitrary: fc.record({ wish: fc.constantFrom('create', 'rename'), gateway, device }) },
  { weight: 4, arbitrary: fc.record({ wish: fc.constantFrom('delete', 'restore', 'restore'), gateway }) },
  { weight: 1, arbitrary: fc.record({ wish: fc.constant('touch'), gateway }) },
);

const ring = fc.nat({ max: 2 });
/** Each of three gateways wants the id of the next one; one or the other may let go of its own, or be deleted and come back. */
const ringWish: fc.Arbitrary<Wish> = fc.oneof(
  {
    weight: 6,
    arbitrary: ring.map((gateway): Wish => ({ wish: 'rename', gateway, device: (gateway + 1) % 3 })),
  },
  { weight: 2, arbitrary: ring.map((gateway): Wish => ({ wish: 'rename', gateway, device: 3 })) },
  { weight: 2, arbitrary: fc.record({ wish: fc.constantFrom('delete', 'restore', 'restore'), gateway: ring }) },
);

const by = fc.oneof(
  fc.constant<By>({ by: 'somebody' }),
  fc.record({ by: fc.constantFrom('key', 'event'), number: fc.nat({ max: 2 }) }),
);
/** Some commands fall asleep on their way, and others overtake them. */
const steps = fc.oneof(fc.nat({ max: 8 }), fc.constant(30));

function actsOf(wish: fc.Arbitrary<Wish>): fc.Arbitrary<readonly Act[]> {
  const process = fc.nat({ max: processes - 1 });
  const place = fc.nat({ max: 7 });
  const how = fc.constantFrom<Step[]>('dies before', 'dies after', 'is not sent', 'is not answered');
  const milliseconds = fc.constantFrom(1, grace - 1, grace);
  const act: fc.Arbitrary<Act> = fc.oneof(
    { weight: 6, arbitrary: fc.record({ act: fc.constant('start'), process, wish, by, steps }) },
    { weight: 6, arbitrary: fc.record({ act: fc.constant('go on'), place, steps }) },
    { weight: 2, arbitrary: fc.record({ act: fc.constant('fail'), place, how }) },
    { weight: 2, arbitrary: fc.record({ act: fc.constant('wait'), milliseconds }) },
  );
  return fc.array(act, { minLength: 5, maxLength: 40, size: 'max' });
}

const clocks = fc.oneof(
  fc.constant(Array<number>(processes).fill(0)),
  fc.array(fc.integer({ min: -2 * grace, max: 2 * grace }), { minLength: processes, maxLength: processes }),
);
const waking = fc.array(fc.nat({ max: 7 }), { maxLength: 40 });

const anyPlan: fc.Arbitrary<Plan> = fc.record({
  beginning: fc
    .tuple(fc.integer({ min: 0, max: devices }), fc.array(fc.boolean(), { minLength: devices, maxLength: devices }))
    .map(([count, deleted]) => deleted.slice(0, count).map((isDeleted, device) => ({ device, isDeleted }))),
  acts: actsOf(anyWish),
  clocks,
  waking,
});

const ringPlan: fc.Arbitrary<Plan> = fc.record({
  beginning: fc.constant([0, 1, 2].map((device) => ({ device, isDeleted: false }))),
  acts: actsOf(ringWish),
  clocks,
  waking,
});

describe.each([
  ['any commands', anyPlan],
  ['changes of ids in a ring', ringPlan],
])('%s, interleaved at random,', (_, plan) => {
  it(
    'never give a device id to two, and keep none for longer than the grace period',
    () => sayingTheSeed(() => hold(plan, 400 * kills, async () => memoryLog())),
    60_000 + 10_000 * kills,
  );
});

describe('on the event store', () => {
  let registry: Registry;

  beforeAll(async () => {
    registry = await startRegistry();
  });

  afterAll(() => registry?.[Symbol.asyncDispose]());

  it(
    'they do so, too',
    () => sayingTheSeed(() => hold(fc.oneof(anyPlan, ringPlan), 15 * kills, async () => registry.log)),
    60_000 + 10_000 * kills,
  );
});

async function hold(plan: fc.Arbitrary<Plan>, numRuns: number, aLog: () => Promise<EventLog>): Promise<void> {
  await fc.assert(
    fc.asyncProperty(plan, async (chosen) => survives(chosen, await aLog())),
    { numRuns, seed },
  );
}

/** Does what is planned, and looks at what the log says then. */
async function survives({ beginning, acts, clocks, waking }: Plan, log: EventLog): Promise<void> {
  const start: SubscriptionOptions['after'] = (await log.head()) ?? 'start';
  const names = newNames();
  let time = Date.parse(now);
  const clockOf = (process: number) => () => new Date(time + (clocks[process] ?? 0));
  const birth = (process: number) => ({
    // Room for more parents than there are: thousands of processes are born here, and room takes time to make.
    cache: createAggregateCache(1_000_000, createParents(100)),
    hasActiveChildren: async () => false,
    sealPassword: (password: string) => `sealed ${password}`,
    now: clockOf(process),
    reservationGrace: grace,
  });
  const bystander = { log, ...birth(processes) };
  for (const command of names.beginning(beginning)) {
    expect(await execute(bystander, command)).toMatchObject({ outcome: 'accepted' });
  }

  const { history, ...attack } = interleave(log, birth);
  const story = () => `after\n${history.join('\n')}\n`;
  for (const act of acts) {
    if (act.act === 'start') await goOn(await attack.start(act.process, names.commandOf(act.wish, act.by)), act.steps);
    if (act.act === 'go on') await goOn(standingAt(act.place), act.steps);
    if (act.act === 'fail') await attack.step(standingAt(act.place), act.how);
    if (act.act === 'wait') time += act.milliseconds;
  }

  // Who still stands, sleeps while all device ids are taken that are free.
  time += grace + Math.max(0, ...clocks);
  for (const gatewayId of names.devices) {
    const holder = (await holdings()).holderOf(gatewayId);
    const taken = await execute(bystander, names.taker(gatewayId));
    const expected = holder === undefined ? { outcome: 'accepted' } : { outcome: 'rejected', reason: 'GatewayIdTaken' };
    expect(taken, `${gatewayId}, ${story()}`).toMatchObject(expected);
  }
  for (let turn = 0; attack.standing().length > 0; turn++) await attack.step(standingAt(waking[turn] ?? 0), 'goes on');
  expect((await holdings()).shared, story()).toEqual([]);

  function standingAt(place: number): string {
    const standing = attack.standing();
    return standing[place % standing.length] ?? 'nobody';
  }

  async function goOn(name: string, steps: number): Promise<void> {
    for (let step = 0; step < steps; step++) await attack.step(name, 'goes on');
  }

  async function holdings() {
    const events: Recorded[] = [];
    const options = { streamPrefixes: ['gateway-'], after: start, signal: new AbortController().signal };
    for await (const batch of log.readAll(options)) events.push(...batch.flatMap((event) => decode(event) ?? []));
    return holdingsAfter(events);
  }
}

let runs = 0;

/** Names that no other run has: the event store keeps what the last one did. */
function newNames() {
  runs += 1;
  const run = runs.toString(16).padStart(8, '0');
  const id = (kind: string, number: number) => `${run}-${kind}-7000-8000-${`${number}`.padStart(12, '0')}`;
  const factory_id = id('000b', 1);
  const deviceOf = (number: number) => `device ${number} of run ${runs}`;
  const create = (number: number, gateway_id: string, sender: Partial<Sender> = {}): Command => ({
    name: 'CreateGateway',
    id: id('000c', number),
    body: {
      factory_id,
      gateway_id,
      name: 'Hall 1',
      url: 'wss://10.0.0.1/ws',
      email: 'gateway@acme.example',
      password: 'hunter2',
    },
    sender,
  });
  let others = 100;

  return {
    devices: [0, 1, 2, 3].map(deviceOf),
    beginning: (gateways: Plan['beginning']): readonly Command[] => [
      { name: 'CreateOrganization', id: id('000a', 1), body: { name: 'Acme' } },
      { name: 'CreateFactory', id: factory_id, body: { name: 'Berlin', organization_id: id('000a', 1) } },
      ...gateways.map(({ device }, number) => create(number, deviceOf(device))),
      ...gateways.flatMap(({ isDeleted }, number) =>
        isDeleted ? [{ name: 'SoftDeleteGateway', id: id('000c', number) }] : [],
      ),
    ],
    commandOf(wish: Wish, by: By): Command {
      if (wish.wish === 'create anew') return create(others++, deviceOf(wish.device), { isNew: true });
      const command = commandAbout(wish);
      return { ...command, sender: senderOf(command, by) };
    },
    taker: (device: string): Command => create(others++, device),
  };

  function commandAbout(wish: Exclude<Wish, { wish: 'create anew' }>): Command {
    const gateway = id('000c', wish.gateway);
    switch (wish.wish) {
      case 'create':
        return create(wish.gateway, deviceOf(wish.device));
      case 'rename':
        return { name: 'UpdateGateway', id: gateway, body: { gateway_id: deviceOf(wish.device) } };
      case 'delete':
        return { name: 'SoftDeleteGateway', id: gateway };
      case 'restore':
        return { name: 'RestoreGateway', id: gateway };
      case 'touch':
        return { name: 'UpdateGateway', id: gateway, body: { password: 'hunter3' } };
    }
  }

  // What has the same key, or answers the same event, is the same command sent again: it happens once.
  function senderOf({ name, id: resource, body }: Command, who: By): Partial<Sender> {
    if (who.by === 'somebody') return {};
    if (who.by === 'key') {
      return { idempotency: keys.recognize({ actor: 'a-tester', command: name, resource }, `key ${who.number}`, body) };
    }
    const reaction = createHash('md5')
      .update(JSON.stringify([who.number, name, resource, body]))
      .digest('hex');
    const eventId = EventId.parse(reaction.replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-'));
    return { reaction: { cause: EventId.parse(id('000e', who.number)), eventId } };
  }
}
