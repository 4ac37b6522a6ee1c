import { pino } from 'pino';
import { beforeEach, describe, expect, it } from 'vitest';
import { eventually } from '../../test/support/eventually.ts';
import * as examples from '../../test/support/examples.ts';
import { type GivenLog, givenLog } from '../../test/support/given-log.ts';
import { natsServers } from '../../test/support/nats-process.ts';
import { sharedNats } from '../../test/support/shared-nats.ts';
import type { RegistryEvent } from '../events/catalogue.ts';
import type { StoredEvent } from '../events/event-log.ts';
import { GatewayId } from '../events/ids.ts';
import { connectNats } from '../infrastructure/nats.ts';
import { messageIdHeader } from './message.ts';
import { type Publisher, startPublisher } from './publisher.ts';

const stream = 'MTI_EVENTS';
const logger = pino({ level: 'silent' });
const timing = { patience: 500, quiet: 50, backoff: { first: 20, longest: 200 } };

describe.each(natsServers())('the publisher, with %s,', (_, file) => {
  const shared = sharedNats(file);

  beforeEach(() => shared.client.deleteStreams(stream));

  it('publishes what is in the log and what is added, once and in order, without what is not published', async () => {
    const log = givenLog(...examples.storedInOrder(...someOfEach, unknownEvent, ...gateways(1_000)));
    await using _publisher = publishing(log);
    await published(1_000 + someOfEach.length - 1);
    log.add(liveEvent(log));
    await published(1_000 + someOfEach.length);
    expect(await publishedIds()).toEqual(idsOf(log));
  });

  it('resumes after its last message when it starts again', async () => {
    const log = givenLog(...examples.storedInOrder(...gateways(100)));
    await using first = publishing(log);
    await published(100);
    await first[Symbol.asyncDispose]();

    log.add(liveEvent(log), liveEvent(log, 1));
    const readBefore = log.readAfter.length;
    await using _second = publishing(log);
    await published(102);
    expect(await publishedIds()).toEqual(idsOf(log));
    expect(log.readAfter.at(readBefore)).toEqual(log.events[99]?.position);
  });

  it('loses, doubles and disorders nothing while NATS is killed and started again under load', async () => {
    const log = givenLog(...examples.storedInOrder(...gateways(20_000)));
    await using _publisher = publishing(log);
    for (const threshold of [500, 6_000, 12_000]) {
      await published(threshold);
      await shared.nats.kill();
      await shared.nats.start();
    }
    await published(20_000);
    expect(await publishedIds()).toEqual(idsOf(log));
  });

  it('catches up when NATS thaws after it was frozen in mid-pipeline', async () => {
    const log = givenLog(...examples.storedInOrder(...gateways(12_000)));
    await using publisher = publishing(log);
    await published(500);
    shared.nats.freeze();
    await eventually(() => expect(publisher.health().status).toBe('failing'));
    shared.nats.thaw();
    await published(12_000);
    expect(await publishedIds()).toEqual(idsOf(log));
  });

  it('publishes everything again when NATS has lost everything', async () => {
    const log = givenLog(...examples.storedInOrder(...gateways(300)));
    await using _publisher = publishing(log);
    await published(300);
    await shared.nats.kill();
    await shared.nats.wipe();
    await shared.nats.start();
    log.add(liveEvent(log));
    await published(301);
    expect(await publishedIds()).toEqual(idsOf(log));
  });

  it('publishes once and in order when two run, and one goes on when the other stops', async () => {
    const log = givenLog(...examples.storedInOrder(...gateways(10_000)));
    await using one = publishing(log);
    await using _other = publishing(log);
    await published(10_000);
    log.add(liveEvent(log));
    await published(10_001);
    await one[Symbol.asyncDispose]();
    log.add(liveEvent(log, 1));
    await published(10_002);
    expect(await publishedIds()).toEqual(idsOf(log));
  });

  it('leaves no hole where a stranger writes into the stream', async () => {
    const log = givenLog(...examples.storedInOrder(...gateways(12_000)));
    await using publisher = publishing(log);
    for (const threshold of [500, 5_000]) {
      await published(threshold);
      shared.client.connection.publish('mti.evt.v1.stranger', 'in mid-pipeline');
      await eventually(async () => expect(await foreignMessages(), 'the stranger').toBeGreaterThan(0));
    }
    await published(12_002);
    await publisher[Symbol.asyncDispose]();
    shared.client.connection.publish('mti.evt.v1.stranger', 'at the tail');
    await published(12_003);
    log.add(liveEvent(log));
    await using _again = publishing(log);
    await published(12_004);
    expect((await publishedIds()).filter((id) => id !== undefined)).toEqual(idsOf(log));
  });

  it('refuses a stream with other settings and names the difference', async () => {
    const { streams } = await shared.client.connection.jetstreamManager();
    await streams.add({ name: stream, subjects: ['mti.evt.>'], max_msgs: 1_000 });
    await using publisher = publishing(givenLog(...examples.storedInOrder(...someOfEach)));
    await failing(publisher, 'max_msgs is 1000 and must be -1');
  });

  it('lets the oldest messages go when the stream reaches its bound, and resumes all the same', async () => {
    const log = givenLog(...examples.storedInOrder(...gateways(1_000)));
    await using first = publishing(log, 100_000);
    await published(1_000);
    await first[Symbol.asyncDispose]();
    log.add(liveEvent(log));
    await using _second = publishing(log, 100_000);
    await published(1_001);
    const kept = await publishedIds();
    expect(kept.length).toBeLessThan(500);
    expect(kept).toEqual(idsOf(log).slice(-kept.length));
  });

  it('refuses a stream with another bound, and says what can be done', async () => {
    const log = givenLog(...examples.storedInOrder(...someOfEach));
    await using first = publishing(log);
    await published(1);
    await first[Symbol.asyncDispose]();
    await using second = publishing(log, 100_000);
    await failing(
      second,
      'max_bytes is -1 and must be 100000. Change the bound of the stream ' +
        '(nats stream edit MTI_EVENTS --max-bytes=100000), or correct NATS_STREAM_MAX_BYTES',
    );
  });

  it('refuses a stream that was published from another log', async () => {
    await using first = publishing(givenLog(...examples.storedInOrder(...gateways(3))));
    await published(3);
    await first[Symbol.asyncDispose]();
    await using second = publishing(givenLog(...examples.storedInOrder(...someOfEach)));
    await failing(second, 'belongs to another log');
  });

  it('puts no password on the bus, encrypted or not', async () => {
    await using _publisher = publishing(givenLog(...examples.storedInOrder(...someOfEach, ...gateways(50))));
    await published(someOfEach.length - 1 + 50);
    const heard = JSON.stringify(await shared.client.readAll(stream));
    for (const secret of ['password_encrypted', 'passwordEncrypted', examples.aPasswordEncrypted, 'ciphertext']) {
      expect(heard).not.toContain(secret);
    }
  });

  it('waits for a NATS that is away when it starts', async () => {
    await shared.nats.kill();
    const log = givenLog(...examples.storedInOrder(...gateways(10)));
    await using publisher = publishing(log);
    await failing(publisher, 'there is no connection to NATS');
    await shared.nats.start();
    await published(10);
    await eventually(() => expect(publisher.health().status).toBe('running'));
    expect(await publishedIds()).toEqual(idsOf(log));
  });

  function publishing(log: GivenLog, maxBytes?: number): Publisher & AsyncDisposable {
    const bus = connectNats({ url: shared.nats.url, name: 'publisher-test', logger });
    const publisher = startPublisher({ log, bus, logger, maxBytes, timing });
    return {
      ...publisher,
      async [Symbol.asyncDispose]() {
        await publisher.stop();
        await bus.close();
      },
    };
  }

  async function published(count: number): Promise<void> {
    await eventually(async () => expect(await shared.client.lastSequence(stream)).toBeGreaterThanOrEqual(count));
  }

  async function publishedIds(): Promise<readonly (string | undefined)[]> {
    return (await shared.client.readAll(stream)).map(({ headers }) => headers[messageIdHeader]);
  }

  async function foreignMessages(): Promise<number> {
    return (await publishedIds()).filter((id) => id === undefined).length;
  }
});

async function failing(publisher: Publisher, why: string): Promise<void> {
  await eventually(() =>
    expect(publisher.health()).toMatchObject({ status: 'failing', error: expect.stringContaining(why) }),
  );
}

const someOfEach: readonly RegistryEvent[] = [
  examples.organizationCreated(),
  examples.organizationUpdated(),
  examples.factoryCreated(),
  examples.factoryUpdated(),
  examples.gatewayIdReserved(),
  examples.gatewayCreated(),
  examples.gatewayUpdated(),
  examples.gatewayPasswordChanged(),
  examples.gatewayIdReservationAbandoned(),
  examples.gatewaySoftDeleted(),
  examples.gatewayRestored(),
  examples.factorySoftDeleted(),
  examples.factoryRestored(),
  examples.organizationSoftDeleted(),
  examples.organizationRestored(),
];

// A type that only a later version of the service knows.
const unknownEvent = { ...examples.gatewayUpdated(), type: 'GatewayPainted' } as unknown as RegistryEvent;

/** Events of `count / 2` gateways: each is created and gets another password. */
function gateways(count: number): readonly RegistryEvent[] {
  return Array.from({ length: count }, (_, index) => {
    const id = GatewayId.parse(
      `0194c000-0000-7000-9000-${Math.floor(index / 2)
        .toString(16)
        .padStart(12, '0')}`,
    );
    return index % 2 === 0 ? examples.gatewayCreated({ id }) : examples.gatewayPasswordChanged({ id });
  });
}

/** An event that stands behind all of the log. */
function liveEvent({ events }: GivenLog, ahead = 0): StoredEvent {
  const id = GatewayId.parse('0194c000-0000-7000-a000-000000000001');
  const position = BigInt(events.length + 1 + ahead) * 100n;
  return examples.stored(examples.gatewayUpdated({ id, name: 'live' }), {
    revision: BigInt(events.length + ahead),
    position,
  });
}

function idsOf({ events }: GivenLog): readonly string[] {
  const isPublished = ({ type }: StoredEvent) => type !== 'GatewayIdReserved' && type !== 'GatewayPainted';
  return events.filter(isPublished).map(({ id }) => id);
}
