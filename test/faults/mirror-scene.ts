// Where faults happen to the mirror: an event store and a NATS of its own as processes, commands without end, gateways that
// move all the time, mirrors as processes, and tables that a projector makes beside them. All of it is gone when the scope
// ends.
import type { MsgHdrs } from 'nats';
import { expect } from 'vitest';
import { until } from '../../embedded/until.ts';
import type { RegistryEvent } from '../../src/events/catalogue.ts';
import { encode } from '../../src/events/codec.ts';
import { DeviceId, FactoryId, GatewayId, OrganizationId } from '../../src/events/ids.ts';
import { uuidv7 } from '../../src/events/new-id.ts';
import { connectEventStore } from '../../src/infrastructure/event-store.ts';
import { readBucket } from '../support/bucket.ts';
import { createMigratedDatabase, withClient } from '../support/database.ts';
import * as examples from '../support/examples.ts';
import { natsClient } from '../support/nats-client.ts';
import { type NatsProcess, startNatsProcess } from '../support/nats-process.ts';
import { readEvents, startEventStoreProcess } from './event-store.ts';
import { type Load, startLoad } from './load.ts';
import { complaints, isAlwaysWritten, isOfGateway, type Row } from './mirror-judge.ts';
import { type Program, startProgram } from './program.ts';

export interface MirrorScene extends AsyncDisposable {
  readonly load: Load;
  readonly nats: NatsProcess;
  /** @param dies where it is to kill itself: when the first half of a move of a gateway is stored, and the second is not sent */
  startMirror(dies?: { readonly inMoveOf: GatewayId }): Program;
  restartEventStore(): Promise<void>;
  /** A gateway that moves so many times at once, so that a mirror has something to catch up with. */
  moves(times: number): Promise<GatewayId>;
  /** Resolves when so many messages more than now have been written. */
  grows(messages: number): Promise<void>;
  /** Whether the last message in the bucket is the first half of a move. */
  isHalfAMove(): Promise<boolean>;
  /** Resolves when all has been written that the log has now. */
  follows(): Promise<void>;
  /** Resolves when the bucket shows what the tables show at the end of the log, when the load has stopped. */
  equalsTheReadModel(): Promise<void>;
}

const patienceMs = 60_000;
const stream = 'KV_gateways';

/** @param natsServer the program file of the nats-server to use */
export async function setMirrorScene(natsServer: string): Promise<MirrorScene> {
  await using setting = new AsyncDisposableStack();
  const database = setting.use(await createMigratedDatabase());
  const eventStore = setting.use(await startEventStoreProcess());
  const nats = setting.use(await startNatsProcess(natsServer));
  const log = setting.adopt(connectEventStore({ url: eventStore.url }), (store) => store.close());
  const client = setting.use(await natsClient(nats.url));
  const load = setting.use(await startLoad(eventStore.url));
  const environment = { EVENTSTORE_URL: eventStore.url, NATS_URL: nats.url, DATABASE_URL: database.url };
  setting.use(startProgram('projector-process.ts', environment));
  const mirrors: Program[] = [];
  const ids = { organizationId: OrganizationId.parse(uuidv7()), factoryId: FactoryId.parse(uuidv7()) };
  const elsewhere = FactoryId.parse(uuidv7());
  await append(`organization-${ids.organizationId}`, [examples.organizationCreated({ id: ids.organizationId })]);
  for (const id of [ids.factoryId, elsewhere]) {
    await append(`factory-${id}`, [examples.factoryCreated({ id, organizationId: ids.organizationId })]);
  }

  const owned = setting.move();
  return {
    load,
    nats,
    startMirror(dies) {
      const more = dies && { DIES_IN_MOVE_OF: dies.inMoveOf };
      const mirror = owned.use(startProgram('mirror-process.ts', { ...environment, ...more }));
      mirrors.push(mirror);
      return mirror;
    },
    restartEventStore: eventStore.restart,
    async moves(times) {
      const id = GatewayId.parse(uuidv7());
      const there = examples.gatewayMoved({ ...ids, id, factoryId: elsewhere, fromFactoryId: ids.factoryId });
      const back = examples.gatewayMoved({ ...ids, id, fromFactoryId: elsewhere });
      const moves = Array.from({ length: times }, (_, index) => (index % 2 === 0 ? there : back));
      const created = examples.gatewayCreated({ ...ids, id, gatewayId: DeviceId.parse(`GW-${id}`) });
      await append(`gateway-${id}`, [created, ...moves]);
      return id;
    },
    async grows(messages) {
      const target = (await client.lastSequence(stream)) + messages;
      await expectSoon(async () => (await client.lastSequence(stream)) >= target, 'does not grow');
    },
    isHalfAMove: async () => (await tail())?.get('registry-step') === '1/2',
    async follows() {
      const events = await readEvents(eventStore.url, isOfGateway);
      const end = events.findLast(isAlwaysWritten)?.position.commit ?? 0n;
      // NATS may go away between one question and the next.
      const position = async () => BigInt((await tail().catch(() => undefined))?.get('registry-position') || -1);
      await expectSoon(async () => (await position()) >= end, 'does not follow the log');
    },
    async equalsTheReadModel() {
      let last: readonly string[] = [];
      const isEqual = async () => {
        last = await compare().catch((error: unknown) => [String(error)]);
        return last.length === 0;
      };
      await expectSoon(isEqual, () => `is not what the tables are: ${last.slice(0, 3).join('\n')}`);
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };

  /** The headers of the last message; undefined when there is none, or no NATS just now. */
  async function tail(): Promise<MsgHdrs | undefined> {
    if ((await client.lastSequence(stream)) === 0) return undefined;
    const { streams } = await client.connection.jetstreamManager({ checkAPI: false, timeout: 1_000 });
    // Not by its number: what a mirror had sent when it was killed arrives later, and may put another one in its place.
    return (await streams.getMessage(stream, { last_by_subj: '$KV.gateways.>' })).header;
  }

  async function append(to: string, events: readonly RegistryEvent[]): Promise<void> {
    const metadata = {
      $correlationId: 'scene',
      $causationId: 'scene',
      actor: 'scene',
      commandId: 'scene',
      occurredAt: examples.now,
    };
    const outcome = await log.append(
      to,
      'no_stream',
      events.map((event) => encode(uuidv7(), event, metadata)),
    );
    expect(outcome.status).toBe('appended');
  }

  async function compare(): Promise<readonly string[]> {
    const bucket = await readBucket(client);
    const { rows } = await withClient(database.url, (session) =>
      session.query<Row>(
        'SELECT *, stream_revision::int AS revision FROM gateways WHERE deleted_at IS NULL ORDER BY id',
      ),
    );
    return complaints(await readEvents(eventStore.url, isOfGateway), rows, bucket);
  }

  async function expectSoon(condition: () => Promise<boolean>, what: string | (() => string)): Promise<void> {
    if (await until(condition, patienceMs)) return;
    const alive = mirrors.filter(({ child }) => child.exitCode === null && child.signalCode === null);
    const told = typeof what === 'string' ? what : what();
    throw new Error(`the bucket ${told}. ${alive.map((mirror) => mirror.lastWords()).join('\n')}`);
  }
}
