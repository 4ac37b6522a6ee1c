import { setImmediate } from 'node:timers/promises';
import type { NatsConnection } from 'nats';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { StoredEvent } from '../../src/events/event-log.ts';
import { type Collecting, collecting } from '../../test/support/collecting.ts';
import * as examples from '../../test/support/examples.ts';
import { type GivenLog, givenLog } from '../../test/support/given-log.ts';
import { livesOfGateways } from '../../test/support/lives-of-gateways.ts';
import { type NatsClient, natsClient } from '../../test/support/nats-client.ts';
import { type NatsProcess, natsServers, startNatsProcess } from '../../test/support/nats-process.ts';
import { publishing } from '../../test/support/publishing.ts';
import type { Delivery } from './delivery.ts';
import type { SubscribeOptions } from './subscribe-options.ts';
import { subscribeEvents } from './subscription.ts';
import type { Trouble } from './trouble.ts';

const stream = 'MTI_EVENTS';
const patiently = { timeout: 20_000, interval: 10 };
const lives = livesOfGateways(40);
const some = lives.slice(0, 100);
const rest = lives.slice(100);

const ways: readonly (readonly [string, Partial<SubscribeOptions>])[] = [
  ['ordered', {}],
  ['durable', { durable: 'a-reactor' }],
];

describe.each(natsServers())('events, with %s,', (_, file) => {
  let nats: NatsProcess;
  let client: NatsClient;

  beforeAll(async () => {
    nats = await startNatsProcess(file);
    client = await natsClient(nats.url);
  });

  afterAll(async () => {
    await client[Symbol.asyncDispose]();
    await nats[Symbol.asyncDispose]();
  });

  describe.each(ways)('%s,', (_name, way) => {
    it('come from the start, each once, in order, and go on', async () => {
      const log = await scene(some);
      await using _publishing = publishing(nats.url, log);
      await using subscription = subscribing({ ...way, from: 'start' });
      await subscription.count(some.length);
      log.add(...rest);
      await subscription.count(lives.length);

      expect(ids(subscription)).toEqual(lives.map(({ id }) => id));
      expect(subscription.items.map(({ sequence }) => sequence)).toEqual(lives.map((_, index) => index + 1));
      expect(subscription.items.every(({ redelivered, gap }) => !redelivered && gap === undefined)).toBe(true);
    });

    it('come from now on', async () => {
      const log = await scene(some);
      await using _publishing = publishing(nats.url, log);
      await published(log);
      await using subscription = subscribing({ ...way, from: 'new' });
      await vi.waitFor(async () => expect(await consumers()).toHaveLength(1), patiently);
      log.add(...rest);
      await subscription.count(rest.length);

      expect(ids(subscription)).toEqual(rest.map(({ id }) => id));
    });

    it('come after a sequence', async () => {
      const log = await scene(lives);
      await using _publishing = publishing(nats.url, log);
      await published(log);
      await using subscription = subscribing({ ...way, from: { after: 100 } });
      await subscription.count(rest.length);

      expect(ids(subscription)).toEqual(rest.map(({ id }) => id));
    });

    it('come once each while the server is killed', async () => {
      const log = await scene(some);
      await using _publishing = publishing(nats.url, log);
      await using subscription = subscribing({ ...way, from: 'start' });
      await subscription.count(50);
      await nats.kill();
      log.add(...rest);
      await nats.start();
      await subscription.count(lives.length);

      expect(ids(subscription)).toEqual(lives.map(({ id }) => id));
    });

    it('come once each when the server is wiped, and filled again', async () => {
      const log = await scene(some);
      const troubles: Trouble[] = [];
      await using _publishing = publishing(nats.url, log);
      await using subscription = subscribing({ ...way, from: 'start', onTrouble: (trouble) => troubles.push(trouble) });
      await subscription.count(some.length);
      troubles.length = 0;
      await nats.kill();
      await nats.wipe();
      await nats.start();
      log.add(...rest);
      await subscription.count(lives.length);

      expect(ids(subscription)).toEqual(lives.map(({ id }) => id));
      expect(subscription.items.filter(({ gap }) => gap)).toEqual([]);
      expect(troubles.length).toBeGreaterThan(0);
    });

    it('come once each when the server is wiped, and filled with fewer messages', async () => {
      const log = await scene(lives);
      const first = publishing(nats.url, log);
      await using subscription = subscribing({ ...way, from: 'start' });
      await subscription.count(lives.length);
      await first[Symbol.asyncDispose]();
      await nats.kill();
      await nats.wipe();
      await nats.start();
      const [last] = lives.slice(-1) as [StoredEvent];
      const added = examples.stored(examples.organizationCreated(), { revision: 0n, position: 1_000_000n });
      await using _publishing = publishing(nats.url, givenLog(last, added));
      await subscription.count(lives.length + 1);

      expect(ids(subscription)).toEqual([...lives.map(({ id }) => id), added.id]);
    });

    it('come once each when the stream is purged, and filled again behind what it had', async () => {
      const log = await scene(some);
      const first = publishing(nats.url, log);
      await using subscription = subscribing({ ...way, from: 'start' });
      await subscription.count(some.length);
      await first[Symbol.asyncDispose]();
      const { streams } = await client.connection.jetstreamManager();
      // Made anew before: NATS would refuse the ids of the last two minutes in one that was purged only.
      const { config } = await streams.info(stream);
      await streams.delete(stream);
      await streams.add(config);
      for (const _ of lives) await client.connection.jetstream().publish('mti.evt.litter');
      await streams.purge(stream);
      await using _publishing = publishing(nats.url, log);
      log.add(...rest);
      await subscription.count(lives.length);

      expect(ids(subscription)).toEqual(lives.map(({ id }) => id));
    });

    it('come once each when the stream is made anew, and what was not seen stands where other events have stood', async () => {
      const log = await scene(some);
      const first = publishing(nats.url, log);
      await using subscription = subscribing({ ...way, from: 'start' });
      await subscription.count(some.length);
      await first[Symbol.asyncDispose]();
      // Filled long before an ordered subscription notices that its consumer has gone with the stream.
      const { streams } = await client.connection.jetstreamManager();
      await streams.delete(stream);
      const anew = givenLog(...some.slice(-1), ...rest);
      await using _publishing = publishing(nats.url, anew);
      await published(anew);
      await subscription.count(lives.length);

      expect(ids(subscription)).toEqual(lives.map(({ id }) => id));
    });

    it('come once each when the server freezes', async () => {
      const log = await scene(some);
      await using _publishing = publishing(nats.url, log);
      const troubles: Trouble[] = [];
      await using subscription = subscribing({ ...way, from: 'start', onTrouble: (trouble) => troubles.push(trouble) });
      await subscription.count(some.length);
      troubles.length = 0;
      nats.freeze();
      log.add(...rest);
      await vi.waitFor(() => expect(troubles.length).toBeGreaterThan(0), patiently);
      nats.thaw();
      await subscription.count(lives.length);

      expect(ids(subscription)).toEqual(lives.map(({ id }) => id));
    });

    it('come once each when the consumer is deleted', async () => {
      const log = await scene(some);
      await using _publishing = publishing(nats.url, log);
      await using subscription = subscribing({ ...way, from: 'start' });
      await subscription.count(some.length);
      await deleteConsumers();
      log.add(...rest);
      await subscription.count(lives.length);

      expect(ids(subscription)).toEqual(lives.map(({ id }) => id));
    });

    it('end when the connection is closed, and do not begin on one that is', async () => {
      const log = await scene(some);
      await using _publishing = publishing(nats.url, log);
      const own = await natsClient(nats.url);
      await using subscription = subscribing({ ...way, from: 'start' }, own.connection);
      await subscription.count(some.length);
      await own.connection.close();
      await using late = subscribing({ ...way, from: 'start' }, own.connection);

      for (const ended of [subscription, late]) {
        await vi.waitFor(() => expect(ended.error()).toMatchObject({ code: 'CONNECTION_CLOSED' }), patiently);
      }
    });

    it('wait for a stream that is not there yet', async () => {
      await scene([]);
      const troubles: Trouble[] = [];
      await using subscription = subscribing({ ...way, from: 'start', onTrouble: (trouble) => troubles.push(trouble) });
      await vi.waitFor(() => expect(troubles.length).toBeGreaterThan(1), patiently);
      await using _publishing = publishing(nats.url, givenLog(...some));
      await subscription.count(some.length);

      expect(new Set(troubles.map(({ kind }) => kind))).toEqual(new Set(['missing']));
    });

    it('come from now on, all of them, when the stream is not there yet', async () => {
      await scene([]);
      const troubles: Trouble[] = [];
      await using subscription = subscribing({ ...way, from: 'new', onTrouble: (trouble) => troubles.push(trouble) });
      // Then it pauses for longer than it takes to fill the stream.
      await vi.waitFor(() => expect(troubles.length).toBeGreaterThan(4), patiently);
      const log = givenLog(...some);
      await using _publishing = publishing(nats.url, log);
      await published(log);
      await subscription.count(some.length);

      expect(ids(subscription)).toEqual(some.map(({ id }) => id));
      expect(new Set(troubles.map(({ kind }) => kind))).toEqual(new Set(['missing']));
    });

    it('can be left after the connection was closed', async () => {
      const log = await scene(some);
      await using _publishing = publishing(nats.url, log);
      const own = await natsClient(nats.url);
      for await (const { sequence } of subscribeEvents(own.connection, { ...way, from: 'start' })) {
        if (sequence < 3) continue;
        await own.connection.close();
        // By then it has noticed.
        await setImmediate();
        break;
      }

      expect(own.connection.isClosed()).toBe(true);
    });

    it('are those of one organization, or of one kind', async () => {
      const events = examples.storedInOrder(
        examples.organizationCreated(),
        examples.organizationCreated({ id: examples.anotherOrganization }),
        examples.factoryCreated(),
        examples.gatewayCreated(),
      );
      const log = await scene(events);
      await using _publishing = publishing(nats.url, log);
      await using ours = subscribing({ ...way, from: 'start', organization: examples.anOrganization });
      await ours.count(3);
      await using factories = subscribing({
        ...way,
        ...(way.durable && { durable: 'other' }),
        from: 'start',
        kind: 'factory',
      });
      await factories.count(1);

      expect(ours.items.map(({ event }) => event.type)).toEqual([
        'organization-created',
        'factory-created',
        'gateway-created',
      ]);
      expect(factories.items.map(({ event }) => event.type)).toEqual(['factory-created']);
    });

    it('tell of a gap, and of a message that is none', async () => {
      const [created, , changed] = examples.storedInOrder(
        examples.gatewayCreated(),
        examples.gatewayUpdated(),
        examples.gatewayPasswordChanged(),
      ) as [StoredEvent, StoredEvent, StoredEvent];
      const log = await scene([created, changed]);
      await using _publishing = publishing(nats.url, log);
      await published(log);
      await client.connection.jetstream().publish('mti.evt.v1.a.b.gateway.c.d', 'nonsense');
      const troubles: Trouble[] = [];
      await using subscription = subscribing({ ...way, from: 'start', onTrouble: (trouble) => troubles.push(trouble) });
      await subscription.count(2);
      await vi.waitFor(() => expect(troubles.map(({ kind }) => kind)).toEqual(['unreadable']), patiently);

      expect(subscription.items.map(({ gap }) => gap)).toEqual([
        undefined,
        { stream: created.stream, expected: 1, found: 2 },
      ]);
    });
  });

  it('that are handed out in order leave no consumer behind, whether the loop is left or ended', async () => {
    const log = await scene(some);
    await using _publishing = publishing(nats.url, log);
    await published(log);
    for await (const { sequence } of subscribeEvents(client.connection, { from: 'start' })) if (sequence === 3) break;
    expect(await consumers()).toEqual([]);

    const ending = new AbortController();
    for await (const { sequence } of subscribeEvents(client.connection, { from: 'start', signal: ending.signal })) {
      if (sequence === some.length) setTimeout(() => ending.abort());
    }
    expect(await consumers()).toEqual([]);
  });

  it('that are handed out by a durable consumer come again when they were not acknowledged', async () => {
    const log = await scene(some);
    await using _publishing = publishing(nats.url, log);
    await published(log);
    const options = { from: 'start', durable: 'a-reactor' } as const;
    for await (const { sequence } of subscribeEvents(client.connection, options)) if (sequence === 3) break;
    await using subscription = subscribing(options);
    await subscription.count(some.length - 2);

    expect(subscription.items.slice(0, 2)).toMatchObject([
      { sequence: 3, redelivered: true },
      { sequence: 4, redelivered: false },
    ]);
    await using other = subscribing(options);
    log.add(...rest);
    await vi.waitFor(() => expect(subscription.items.length + other.items.length).toBe(lives.length - 2), patiently);
  });

  it('that are shared by several processes have no gaps where others had what is between', async () => {
    const updates = Array.from({ length: 100 }, (_, n) => examples.gatewayUpdated({ name: `Hall ${n}` }));
    const log = await scene(examples.storedInOrder(examples.gatewayCreated(), ...updates));
    await using _publishing = publishing(nats.url, log);
    await published(log);
    const options = { from: 'start', durable: 'a-reactor' } as const;
    await using one = subscribing(options);
    await using other = subscribing(options);
    await vi.waitFor(() => expect(one.items.length + other.items.length).toBe(log.events.length), patiently);

    expect(Math.min(one.items.length, other.items.length)).toBeGreaterThan(10);
    expect([...one.items, ...other.items].filter(({ gap }) => gap)).toEqual([]);
  });

  it('that are older than what a durable consumer has told are left out, which it says once', async () => {
    const first = publishing(nats.url, await scene(lives));
    const troubles: Trouble[] = [];
    await using subscription = subscribing({
      from: 'start',
      durable: 'a-reactor',
      onTrouble: (trouble) => troubles.push(trouble),
    });
    await subscription.count(lives.length);
    await first[Symbol.asyncDispose]();
    const anew = await scene(some);
    await using _publishing = publishing(nats.url, anew);
    await published(anew);
    const added = examples.stored(examples.organizationCreated(), { revision: 0n, position: 1_000_000n });
    anew.add(added);
    await subscription.count(lives.length + 1);

    expect(ids(subscription)).toEqual([...lives.map(({ id }) => id), added.id]);
    expect(troubles.filter(({ kind }) => kind === 'behind')).toHaveLength(1);
  });

  it('that come a second time from a durable consumer made anew are no trouble', async () => {
    const log = await scene(some);
    await using _publishing = publishing(nats.url, log);
    const troubles: Trouble[] = [];
    await using subscription = subscribing({
      from: 'start',
      durable: 'a-reactor',
      onTrouble: (trouble) => troubles.push(trouble),
    });
    await subscription.count(some.length);
    await deleteConsumers();
    log.add(...rest);
    await subscription.count(lives.length);

    expect(troubles.map(({ kind }) => kind)).not.toContain('behind');
  });

  it('are refused to a durable consumer that was made for others', async () => {
    const log = await scene(some);
    await using _publishing = publishing(nats.url, log);
    await using subscription = subscribing({ from: 'start', durable: 'a-reactor' });
    await subscription.count(1);
    await using other = subscribing({ from: 'start', durable: 'a-reactor', kind: 'factory' });

    await vi.waitFor(() => expect(other.error()).toMatchObject({ code: 'OPTIONS_INVALID' }), patiently);
    expect(String(other.error())).toContain('filter_subject is mti.evt.v1.> and must be mti.evt.v1.*.*.factory.>');
  });

  it('wait at a sequence that the stream has not reached', async () => {
    const log = await scene(some);
    await using _publishing = publishing(nats.url, log);
    await published(log);
    const troubles: Trouble[] = [];
    await using subscription = subscribing({ from: { after: 150 }, onTrouble: (trouble) => troubles.push(trouble) });
    await vi.waitFor(async () => expect(await consumers()).toHaveLength(1), patiently);
    log.add(...rest);
    await subscription.count(lives.length - 150);

    expect(ids(subscription)).toEqual(lives.slice(150).map(({ id }) => id));
  });

  it.each([{ from: { after: -1 } }, { from: 'start', durable: 'a.b' }, { from: 'start', organization: '>' }] as const)(
    'are refused at once with options that cannot be: %j',
    (options) => {
      expect(() => subscribeEvents(client.connection, options)).toThrow('must be');
    },
  );

  async function scene(events: readonly StoredEvent[]): Promise<GivenLog> {
    const { streams } = await client.connection.jetstreamManager();
    for (const name of ['KV_gateways', stream]) await streams.delete(name).catch(() => undefined);
    return givenLog(...events);
  }

  function subscribing(options: SubscribeOptions, connection: NatsConnection = client.connection) {
    return collecting((signal) => subscribeEvents(connection, { ...options, signal }));
  }

  async function published(log: GivenLog): Promise<void> {
    await vi.waitFor(async () => expect(await client.lastSequence(stream)).toBe(log.events.length), patiently);
  }

  async function consumers(): Promise<readonly string[]> {
    const { consumers } = await client.connection.jetstreamManager();
    return (await consumers.list(stream).next()).map(({ name }) => name);
  }

  async function deleteConsumers(): Promise<void> {
    const { consumers: api } = await client.connection.jetstreamManager();
    for (const name of await consumers()) await api.delete(stream, name);
  }
});

function ids({ items }: Collecting<Delivery>): readonly string[] {
  return items.map(({ event }) => event.id);
}
