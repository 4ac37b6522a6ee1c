// Where faults happen to the presence process: an event store and a NATS of its own, tables that follow, and gateways of which
// some beat all the time, and others come and go. All of it is gone when the scope ends.
import { setTimeout as pause } from 'node:timers/promises';
import { pino } from 'pino';
import { until } from '../../embedded/until.ts';
import { commands } from '../../src/commands/index.ts';
import type { StoredEvent } from '../../src/events/event-log.ts';
import { uuidv7 } from '../../src/events/new-id.ts';
import { createEncryption } from '../../src/infrastructure/encryption.ts';
import { connectEventStore } from '../../src/infrastructure/event-store.ts';
import { createProgress } from '../../src/projections/progress.ts';
import { type Projector, startProjector } from '../../src/projections/projector.ts';
import { createMigratedDatabase, withClient } from '../support/database.ts';
import { aKeyRing } from '../support/key-rings.ts';
import { natsClient } from '../support/nats-client.ts';
import { type NatsProcess, startNatsProcess } from '../support/nats-process.ts';
import { readEvents, startEventStoreProcess } from './event-store.ts';
import { complaintsAbout, longestAbsence, type Rules, type Span } from './presence-judge.ts';
import { presenceTiming } from './presence-timing.ts';
import { type Program, startProgram } from './program.ts';
import type { Random } from './random.ts';

export const listeningToHeartbeats = /listening to heartbeats/;

const rules: Rules = { timeout: 3_000, debounce: presenceTiming.debounce, slack: 1_000 };
const beatMs = 100;
const patienceMs = 60_000;
/** What it takes at most to work again after a fault: a new process, the longest back-off, and the first ticks. */
const recoveryMs = 15_000;

export interface PresenceScene extends AsyncDisposable {
  readonly nats: NatsProcess;
  /**
   * Notes that something is down until the fault is over, and for as long afterwards as it takes to recover: meanwhile nobody
   * has to be online.
   */
  during(fault: () => Promise<void>): Promise<void>;
  /** Resolves when all has recovered, and who beats has had its time to come. */
  rest(): Promise<void>;
  stopProjector(): Promise<void>;
  startProjector(): void;
  /** kill -9 of the event store, and the same again on its port and file. */
  restartEventStore(): Promise<void>;
  /** Ends the session that holds the lock. */
  terminateHolder(): Promise<void>;
  startPresence(): Program;
  /** Those that come and go may do so at random. */
  stir(random: Random): void;
  /** Those that come and go have gone. */
  quieten(): void;
  /** Resolves when all that beat are online by the tables, and all others offline, or never seen if they never beat. */
  showsWhoIsThere(): Promise<void>;
  /** What is wrong with the events of all gateways. */
  complaints(): Promise<readonly string[]>;
}

export async function setPresenceScene(): Promise<PresenceScene> {
  await using setting = new AsyncDisposableStack();
  const database = setting.use(await createMigratedDatabase());
  const eventStore = setting.use(await startEventStoreProcess());
  const nats = setting.use(await startNatsProcess());
  const client = setting.use(await natsClient(nats.url));
  const logger = pino({ level: 'silent' });
  const log = setting.adopt(connectEventStore({ url: eventStore.url }), (store) => store.close());
  const progress = createProgress();
  const project = () => startProjector({ databaseUrl: database.url, eventLog: log, progress, logger });
  let projector: Projector = project();
  // Another one may have taken its place.
  setting.defer(() => projector.stop());
  const dependencies = {
    log,
    sealPassword: createEncryption(aKeyRing).seal,
    now: () => new Date(),
    hasActiveChildren: async () => false,
    reservationGrace: 10_000,
  };
  const organization = await create('CreateOrganization', { name: 'Acme' });
  const factory = await create('CreateFactory', { organization_id: organization, name: 'Berlin' });
  const steady = await Promise.all(Array.from({ length: 4 }, (_, number) => aGateway(`steady ${number}`)));
  const restless = await Promise.all(Array.from({ length: 8 }, (_, number) => aGateway(`restless ${number}`)));
  const head = await log.head();
  if (head && !(await progress.reached(head, patienceMs))) throw new Error('the tables do not follow');
  const beating = new Set(steady);
  const troubles: Span[] = [];
  const beats = new Map([...steady, ...restless].map((id): [string, number[]] => [id, []]));
  const timer = setInterval(() => {
    for (const id of beating) {
      client.connection.publish(`mti.hb.v1.${organization}.${id}`);
      beats.get(id)?.push(Date.now());
    }
  }, beatMs);
  setting.defer(() => clearInterval(timer));
  const environment = { DATABASE_URL: database.url, EVENTSTORE_URL: eventStore.url, NATS_URL: nats.url };

  const owned = setting.move();
  return {
    nats,
    async during(fault) {
      const from = Date.now();
      await fault();
      troubles.push([from, Date.now() + recoveryMs]);
    },
    rest: () => pause(recoveryMs + 2 * longestAbsence(rules)),
    stopProjector: () => projector.stop(),
    startProjector() {
      projector = project();
    },
    restartEventStore: eventStore.restart,
    async terminateHolder() {
      await withClient(database.url, (connection) =>
        connection.query(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity
          WHERE application_name = 'registry presence' AND datname = current_database()`),
      );
    },
    startPresence: () => owned.use(startProgram('presence-process.ts', environment)),
    stir(random) {
      for (const id of restless) {
        if (random.below(2) === 0) beating.add(id);
        else beating.delete(id);
      }
    },
    quieten() {
      for (const id of restless) beating.delete(id);
    },
    async showsWhoIsThere() {
      if (await until(async () => (await misshown()).length === 0, patienceMs)) return;
      throw new Error(`the tables do not show who is there: ${(await misshown()).join('; ')}`);
    },
    async complaints() {
      const events = await readEvents(eventStore.url, (stream) => stream.startsWith('gatewayPresence-'));
      const ofEach = Map.groupBy(events, ({ stream }: StoredEvent) => stream.slice('gatewayPresence-'.length));
      return [...beats].flatMap(([id, sent]) => complaintsAbout(ofEach.get(id) ?? [], sent, troubles, rules));
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };

  async function misshown(): Promise<readonly string[]> {
    const { rows } = await withClient(database.url, (connection) =>
      connection.query<{ id: string; status: string | null }>(
        'SELECT gateways.id, status FROM gateways LEFT JOIN gateway_presence USING (id)',
      ),
    );
    return rows.flatMap(({ id, status }) => {
      const fits = beating.has(id) ? status === 'online' : status !== 'online';
      return fits ? [] : [`${id} is ${status ?? 'never seen'}, and ${beating.has(id) ? 'beats' : 'does not beat'}`];
    });
  }

  function aGateway(name: string): Promise<string> {
    const login = { url: 'wss://10.0.0.1/ws', email: 'a@acme.example', password: 'correct horse' };
    const metadata = { offline_after_seconds: rules.timeout / 1_000 };
    return create('CreateGateway', { factory_id: factory, gateway_id: name, name, ...login, metadata });
  }

  async function create(name: string, body: object): Promise<string> {
    const command = commands.find((candidate) => candidate.name === name);
    if (command === undefined) throw new Error(`there is no command ${name}`);
    const id = uuidv7();
    const sender = { actor: 'a-tester', correlationId: 'a-correlation', isNew: true };
    const outcome = await command.run(dependencies, { id, body: command.body?.parse(body), query: {}, sender });
    if (outcome.outcome !== 'accepted') throw new Error(`${name} was ${outcome.outcome}`);
    return id;
  }
}
