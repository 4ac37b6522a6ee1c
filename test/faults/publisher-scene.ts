// Where faults happen to the publisher: an event store and a NATS of its own as processes, commands without end, bursts of
// events, and publishers as processes. All of it is gone when the scope ends.
import { expect } from 'vitest';
import { until } from '../../embedded/until.ts';
import { encode } from '../../src/events/codec.ts';
import type { GatewayId } from '../../src/events/ids.ts';
import { uuidv7 } from '../../src/events/new-id.ts';
import { connectEventStore } from '../../src/infrastructure/event-store.ts';
import * as examples from '../support/examples.ts';
import { natsClient } from '../support/nats-client.ts';
import { type NatsProcess, startNatsProcess } from '../support/nats-process.ts';
import { lastEvent, readEvents, startEventStoreProcess } from './event-store.ts';
import { type Load, startLoad } from './load.ts';
import { type Program, startProgram } from './program.ts';
import { complaints, isPublished } from './publisher-judge.ts';

export interface PublisherScene extends AsyncDisposable {
  readonly load: Load;
  readonly nats: NatsProcess;
  startPublisher(): Program;
  restartEventStore(): Promise<void>;
  /** So many events at once, so that a publisher has something to catch up with. */
  burst(events: number): Promise<void>;
  /** Resolves when the stream has so many messages more than now. */
  grows(messages: number): Promise<void>;
  /** Whether the stream lacks any of the events that the log has now. */
  isBehind(): Promise<boolean>;
  /** Resolves when the stream has all of the events that the log has now. */
  isPublished(withinMs?: number): Promise<void>;
  /** Compares the whole stream with the whole log, when the load has stopped. */
  expectNoDifference(): Promise<void>;
}

const patienceMs = 60_000;
const stream = 'MTI_EVENTS';
/** As many as one append may hold, and some room. */
const eventsOfAppend = 500;

/** @param natsServer the program file of the nats-server to use */
export async function setPublisherScene(natsServer: string): Promise<PublisherScene> {
  await using setting = new AsyncDisposableStack();
  const eventStore = setting.use(await startEventStoreProcess());
  const nats = setting.use(await startNatsProcess(natsServer));
  const log = setting.adopt(connectEventStore({ url: eventStore.url }), (store) => store.close());
  const client = setting.use(await natsClient(nats.url));
  const load = setting.use(await startLoad(eventStore.url));
  const publishers: Program[] = [];

  const owned = setting.move();
  return {
    load,
    nats,
    startPublisher() {
      const environment = { EVENTSTORE_URL: eventStore.url, NATS_URL: nats.url };
      const publisher = owned.use(startProgram('publisher-process.ts', environment));
      publishers.push(publisher);
      return publisher;
    },
    restartEventStore: eventStore.restart,
    async burst(events) {
      for (let left = events; left > 0; left -= eventsOfAppend) {
        const id = uuidv7() as string as GatewayId;
        const outcome = await log.append(`gateway-${id}`, 'no_stream', burstOf(id, Math.min(left, eventsOfAppend)));
        expect(outcome.status).toBe('appended');
      }
    },
    async grows(messages) {
      const target = (await client.lastSequence(stream)) + messages;
      await expectSoon(async () => (await client.lastSequence(stream)) >= target, 'does not grow');
    },
    isBehind: async () => (await lastPublished()) < (await endOfLog()),
    isPublished: followsTheLog,
    async expectNoDifference() {
      await followsTheLog();
      expect(
        complaints(await readEvents(eventStore.url, isPublished), await client.readAll(stream)).slice(0, 10),
      ).toEqual([]);
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };

  async function followsTheLog(withinMs = patienceMs): Promise<void> {
    const end = await endOfLog();
    await expectSoon(async () => (await lastPublished()) >= end, 'does not follow the log', withinMs);
  }

  async function endOfLog(): Promise<bigint> {
    return (await lastEvent(eventStore.url, isPublished))?.position.commit ?? -1n;
  }

  /** The position in the last message; below all others when there is none, or no NATS just now. */
  async function lastPublished(): Promise<bigint> {
    try {
      const manager = await client.connection.jetstreamManager({ checkAPI: false, timeout: 1_000 });
      const { state } = await manager.streams.info(stream);
      if (state.messages === 0) return -1n;
      const { header } = await manager.streams.getMessage(stream, { seq: state.last_seq });
      return BigInt(header.get('registry-position'));
    } catch {
      return -1n;
    }
  }

  async function expectSoon(condition: () => Promise<boolean>, what: string, withinMs = patienceMs): Promise<void> {
    if (await until(condition, withinMs)) return;
    const alive = publishers.filter(({ child }) => child.exitCode === null && child.signalCode === null);
    throw new Error(`the stream ${what}. ${alive.map((publisher) => publisher.lastWords()).join('\n')}`);
  }
}

function burstOf(id: GatewayId, count: number) {
  const metadata = {
    $correlationId: 'burst',
    $causationId: 'burst',
    actor: 'burst',
    commandId: 'burst',
    occurredAt: examples.now,
  };
  return Array.from({ length: count }, (_, index) =>
    encode(
      uuidv7(),
      index === 0 ? examples.gatewayCreated({ id }) : examples.gatewayUpdated({ id, name: `Burst ${index}` }),
      metadata,
    ),
  );
}
