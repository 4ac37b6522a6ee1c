// One device id, two processes of the service on one event store, and many who want it at the same moment. One of the two
// is also killed in the middle of it. Neither Postgres nor NATS is needed for that. KILLS=50 makes it long.
import { afterAll, beforeAll, expect, it } from 'vitest';
import { spawned } from '../../embedded/event-store/spawned.ts';
import { until } from '../../embedded/until.ts';
import { decode, type Recorded } from '../../src/events/codec.ts';
import type { Position } from '../../src/events/event-log.ts';
import { connectEventStore, type EventStore } from '../../src/infrastructure/event-store.ts';
import { type Service, startService } from '../e2e/service.ts';
import { encodedKey } from '../support/key-rings.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { holdingsAfter } from './identity-judge.ts';
import { kills, randomNumbers, restarts, sayingTheSeed, seed } from './random.ts';

const rivals = 200;
const rounds = 2 * kills;
/** As long as the service waits for a command that has reserved a device id, and a second to ask again. */
const freeWithin = 11_000;
/** Of all ports the one that nothing listens on: ports below 1024 are given out by hand. */
const nowhere = '127.0.0.1:1';

const scope = new AsyncDisposableStack();
let log: EventStore;
let start: () => Promise<Service>;
let factory: string;

beforeAll(async () => {
  const eventStore = scope.use(spawned(['--file', ':memory:', '--stop-with-parent']));
  const url = await eventStore.ready;
  log = scope.adopt(connectEventStore({ url }), (store) => store.close());
  start = async () => {
    const folder = scope.use(await temporaryFolder());
    return startService({
      dataDir: folder.path,
      environment: {
        EVENTSTORE_URL: url,
        DATABASE_URL: `postgres://nobody@${nowhere}/mti_wifi`,
        NATS_URL: `nats://${nowhere}`,
        ENCRYPTION_KEY: encodedKey(0xa1),
      },
    });
  };
  await using service = await start();
  const { body: organization } = await send(service, '/api/organizations', { name: 'Acme' });
  factory = (await send(service, '/api/factories', { name: 'Berlin', organization_id: organization.id })).body.id;
});

afterAll(() => scope.disposeAsync());

it(
  `of ${rivals} creates of one device id through two processes exactly one succeeds, ${rounds} times`,
  async () => {
    await using first = await start();
    await using second = await start();
    for (let round = 1; round <= rounds; round++) {
      const device = `wanted in round ${round}`;
      const answers = await Promise.all(
        Array.from({ length: rivals }, (_, n) => create(n % 2 === 0 ? first : second, device)),
      );
      const created = answers.filter(({ status }) => status === 201);
      expect(counted(answers), `round ${round}`).toEqual({ '201': 1, '409 GATEWAY_ID_TAKEN': rivals - 1 });
      expect((await holdings()).holderOf(device)).toBe(created[0]?.body.id);
    }
    expect((await holdings()).shared).toEqual([]);
  },
  60_000 + rounds * 10_000,
);

it(
  'when one of the processes is killed in the middle, each device id has one gateway or is free within the grace period',
  () => sayingTheSeed(survivesKills),
  60_000 + restarts * 30_000,
);

async function survivesKills(): Promise<void> {
  const random = randomNumbers(seed);
  await using survivor = await start();
  const freed: Promise<void>[] = [];
  for (let round = 1; round <= restarts; round++) {
    const victim = await start();
    const devices = Array.from({ length: 20 }, (_, n) => `killed for in round ${round}: ${n}`);
    const before = (await log.head()) ?? 'start';
    const ends = Promise.allSettled(
      devices.flatMap((device) => [victim, survivor, victim].map((service) => create(service, device))),
    );
    await reservations(before, 1 + random.below(4));
    await victim.end('SIGKILL');
    await victim[Symbol.asyncDispose]();
    const deadline = Date.now() + freeWithin;
    await ends;
    freed.push(...devices.map((device) => becomesTaken(survivor, device, deadline)));
  }
  await Promise.all(freed);
  expect((await holdings()).shared).toEqual([]);
}

/** Resolves when so many device ids have been reserved: the moment in which their gateways are about to be created. */
async function reservations(after: Position | 'start', count: number): Promise<void> {
  const enough = new AbortController();
  const options = { streamPrefixes: ['gatewayIdentity-'], after, signal: enough.signal };
  let seen = 0;
  for await (const items of log.subscribe(options)) {
    seen += items.filter(({ kind }) => kind === 'event').length;
    if (seen >= count) enough.abort();
  }
}

/** Resolves when an active gateway has the device id, be it one that had to be made now. */
async function becomesTaken(service: Service, device: string, deadline: number): Promise<void> {
  const isTaken = async () => {
    if ((await holdings()).holderOf(device) !== undefined) return true;
    return (await create(service, device)).status === 201;
  };
  if (!(await until(isTaken, deadline - Date.now()))) throw new Error(`${device} is not free yet`);
}

function create(service: Service, device: string) {
  return send(service, '/api/gateways', {
    factory_id: factory,
    gateway_id: device,
    name: 'Hall 1',
    url: 'wss://10.0.0.1/ws',
    email: 'gateway@acme.example',
    password: 'hunter2',
  });
}

function send(service: Service, path: string, body: object) {
  return service.ask('POST', path, body, { prefer: 'respond-async' });
}

/** How many answers there are of each kind. */
function counted(answers: readonly Awaited<ReturnType<typeof create>>[]): Readonly<Record<string, number>> {
  const kinds = answers.map(({ status, body }) => (status === 201 ? '201' : `${status} ${body.error.code}`));
  return Object.fromEntries([...new Set(kinds)].map((kind) => [kind, kinds.filter((it) => it === kind).length]));
}

async function holdings() {
  const events: Recorded[] = [];
  const options = { streamPrefixes: ['gateway-'], after: 'start', signal: new AbortController().signal } as const;
  for await (const batch of log.readAll(options)) events.push(...batch.flatMap((event) => decode(event) ?? []));
  return holdingsAfter(events);
}
