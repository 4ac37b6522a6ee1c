import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { eventually } from '../../test/support/eventually.ts';
import * as examples from '../../test/support/examples.ts';
import { type GivenLog, givenLog } from '../../test/support/given-log.ts';
import { type NatsClient, natsClient } from '../../test/support/nats-client.ts';
import { type NatsProcess, natsServers, startNatsProcess } from '../../test/support/nats-process.ts';
import type { StoredEvent } from '../events/event-log.ts';
import { connectNats } from '../infrastructure/nats.ts';
import { type Mirror, startMirror } from './mirror.ts';
import { listParked } from './parked-action.ts';
import { type Publisher, startPublisher } from './publisher.ts';

const logger = pino({ level: 'silent' });

describe.each(natsServers())('with %s that takes messages of 2 KiB', (_, file) => {
  let nats: NatsProcess;
  let client: NatsClient;

  beforeEach(async () => {
    nats = await startNatsProcess(file, 'max_payload: 2048');
    client = await natsClient(nats.url);
  });

  afterEach(async () => {
    await client[Symbol.asyncDispose]();
    await nats[Symbol.asyncDispose]();
  });

  it('has the publisher park an event that is larger, visibly, and go on, also when it starts again behind that one', async () => {
    const events = examples.storedInOrder(
      examples.gatewayCreated(),
      examples.gatewayUpdated({ metadata: { long: 'x'.repeat(2_048) } }),
      examples.gatewaySoftDeleted(),
      examples.organizationUpdated({ name: 'y'.repeat(2_048) }),
    );
    expect(await listed()).toEqual(['Nothing is parked.']);
    const log = givenLog(...events);
    const first = publishing(log);
    await has('degraded', first, 4);
    await first.stop();

    await using again = publishing(log);
    await has('degraded', again, 4);
    log.add(examples.stored(examples.factoryCreated(), { revision: 0n, position: 900n }));
    await has('degraded', again, 5);
    const messages = await client.readAll('MTI_EVENTS');
    expect(messages.map(({ headers }) => headers['ce-type'])).toEqual([
      'mti.evt.v1.gateway-created',
      'mti.evt.v1.event-parked',
      'mti.evt.v1.gateway-soft-deleted',
      'mti.evt.v1.event-parked',
      'mti.evt.v1.factory-created',
    ]);
    const { anOrganization, aFactory, aGateway } = examples;
    expect(messages[1]?.subject).toBe(`mti.evt.v1.${anOrganization}.${aFactory}.gateway.${aGateway}.event-parked`);
    expect(messages[1]?.headers['registry-revision']).toBe('1');
    expect(await listed()).toEqual([
      expect.stringMatching(
        `^2  gateway-${aGateway}  revision 1  position ${events[1]?.position.commit}  event .*too-large`,
      ),
      expect.stringMatching(/^4 {2}organization-.*"organization-updated","reason":"too-large"/),
    ]);
    expect(JSON.parse(messages[1]?.body ?? '')).toEqual({ id: aGateway, type: 'gateway-updated', reason: 'too-large' });
  });

  it('has the mirror mark a gateway that is larger, visibly, until it is smaller', async () => {
    const [created, large, elsewhere, small] = examples.storedInOrder(
      examples.gatewayCreated(),
      examples.gatewayUpdated({ metadata: { long: 'x'.repeat(2_048) } }),
      examples.gatewayCreated({ id: examples.anotherGateway, gatewayId: examples.anotherDevice }),
      examples.gatewayUpdated({ metadata: {} }),
    ) as [StoredEvent, StoredEvent, StoredEvent, StoredEvent];
    const key = `${examples.anOrganization}.${examples.aFactory}.${examples.aGateway}`;
    const log = givenLog(created);
    await using mirror = mirroring(log);
    await eventually(() => expect(mirror.health().status).toBe('running'));
    const seen: unknown[] = [];
    const next = [large, elsewhere, small];
    for await (const entry of await (await client.connection.jetstream().views.kv('gateways')).watch()) {
      const { id, revision, reason, url } = JSON.parse(entry.string());
      seen.push([entry.operation, id, revision, reason ?? typeof url]);
      if (next.length === 1) {
        await eventually(() => expect(mirror.health()).toMatchObject({ status: 'degraded', parkedKeys: [key] }));
        expect(await listed()).toEqual([expect.stringMatching(`^${key}  .*"reason":"too-large","revision":1`)]);
      }
      if (next.length === 0) break;
      log.add(...next.splice(0, 1));
    }
    expect(seen).toEqual([
      ['PUT', examples.aGateway, 0, 'string'],
      ['PURGE', examples.aGateway, 1, 'too-large'],
      ['PUT', examples.anotherGateway, 0, 'string'],
      ['PUT', examples.aGateway, 2, 'string'],
    ]);
    await eventually(() => expect(mirror.health()).toEqual({ name: 'mirror', status: 'running' }));
    expect(await listed()).toEqual(['Nothing is parked.']);
  });

  async function listed(): Promise<readonly unknown[]> {
    const bus = connectNats({ url: nats.url, name: 'publisher-test', logger });
    const lines: string[] = [];
    try {
      await listParked(bus, new AbortController().signal, (line) => void lines.push(line));
    } finally {
      await bus.close();
    }
    return lines;
  }

  function publishing(log: GivenLog): Publisher & AsyncDisposable {
    const bus = connectNats({ url: nats.url, name: 'publisher-test', logger });
    const publisher = startPublisher({ log, bus, logger });
    const stop = async () => {
      await publisher.stop();
      await bus.close();
    };
    return { ...publisher, stop, [Symbol.asyncDispose]: stop };
  }

  function mirroring(log: GivenLog): Mirror & AsyncDisposable {
    const bus = connectNats({ url: nats.url, name: 'mirror-test', logger });
    const mirror = startMirror({ log, bus, logger });
    return {
      ...mirror,
      async [Symbol.asyncDispose]() {
        await mirror.stop();
        await bus.close();
      },
    };
  }

  async function has(status: string, publisher: Publisher, messages: number): Promise<void> {
    await eventually(async () => {
      expect(publisher.health()).toMatchObject({ status });
      expect(await client.lastSequence('MTI_EVENTS')).toBe(messages);
    });
  }
});
