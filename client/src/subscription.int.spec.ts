import { setImmediate } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import type { StoredEvent } from '../../src/events/event-log.ts';
import { eventually } from '../../test/support/eventually.ts';
import * as examples from '../../test/support/examples.ts';
import { givenLog } from '../../test/support/given-log.ts';
import { natsClient } from '../../test/support/nats-client.ts';
import { natsServers } from '../../test/support/nats-process.ts';
import { publishing } from '../../test/support/publishing.ts';
import {
  handedOut,
  idsOf,
  lives,
  rest,
  some,
  stream,
  subscriptionStage,
  ways,
} from '../../test/support/subscription-stage.ts';
import { subscribeEvents } from './subscription.ts';
import type { Trouble } from './trouble.ts';

describe.each(natsServers())('events, with %s,', (_, file) => {
  const { shared, scene, subscribing, published } = subscriptionStage(file);

  describe.each(ways)('%s,', (_name, way) => {
    it('come from the start, each once, in order, and go on', async () => {
      const log = await scene(some);
      await using _publishing = publishing(shared.nats.url, log);
      await using subscription = subscribing({ ...way, from: 'start' });
      await subscription.count(some.length);
      log.add(...rest);
      await subscription.count(lives.length);

      expect(handedOut(subscription)).toEqual(idsOf(lives));
      expect(subscription.items.map(({ sequence }) => sequence)).toEqual(lives.map((_, index) => index + 1));
      expect(subscription.items.every(({ redelivered, gap }) => !redelivered && gap === undefined)).toBe(true);
    });

    it('come from now on', async () => {
      const log = await scene(some);
      await using _publishing = publishing(shared.nats.url, log);
      await published(log);
      await using subscription = subscribing({ ...way, from: 'new' });
      await eventually(async () => expect(await shared.client.consumersOf(stream)).toHaveLength(1));
      log.add(...rest);
      await subscription.count(rest.length);

      expect(handedOut(subscription)).toEqual(idsOf(rest));
    });

    it('come after a sequence', async () => {
      const log = await scene(lives);
      await using _publishing = publishing(shared.nats.url, log);
      await published(log);
      await using subscription = subscribing({ ...way, from: { after: 100 } });
      await subscription.count(rest.length);

      expect(handedOut(subscription)).toEqual(idsOf(rest));
    });

    it('are those of one organization, or of one kind', async () => {
      const events = examples.storedInOrder(
        examples.organizationCreated(),
        examples.organizationCreated({ id: examples.anotherOrganization }),
        examples.factoryCreated(),
        examples.gatewayCreated(),
      );
      const log = await scene(events);
      await using _publishing = publishing(shared.nats.url, log);
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
      await using _publishing = publishing(shared.nats.url, log);
      await published(log);
      await shared.client.connection.jetstream().publish('mti.evt.v1.a.b.gateway.c.d', 'nonsense');
      const troubles: Trouble[] = [];
      await using subscription = subscribing({ ...way, from: 'start', onTrouble: (trouble) => troubles.push(trouble) });
      await subscription.count(2);
      await eventually(() => expect(troubles.map(({ kind }) => kind)).toEqual(['unreadable']));

      expect(subscription.items.map(({ gap }) => gap)).toEqual([
        undefined,
        { stream: created.stream, expected: 1, found: 2 },
      ]);
    });

    it('wait for a stream that is not there yet', async () => {
      await scene([]);
      const troubles: Trouble[] = [];
      await using subscription = subscribing({ ...way, from: 'start', onTrouble: (trouble) => troubles.push(trouble) });
      await eventually(() => expect(troubles.length).toBeGreaterThan(1));
      await using _publishing = publishing(shared.nats.url, givenLog(...some));
      await subscription.count(some.length);

      expect(new Set(troubles.map(({ kind }) => kind))).toEqual(new Set(['missing']));
    });

    it('come from now on, all of them, when the stream is not there yet', async () => {
      await scene([]);
      const troubles: Trouble[] = [];
      await using subscription = subscribing({ ...way, from: 'new', onTrouble: (trouble) => troubles.push(trouble) });
      // Then it pauses for longer than it takes to fill the stream.
      await eventually(() => expect(troubles.length).toBeGreaterThan(4));
      const log = givenLog(...some);
      await using _publishing = publishing(shared.nats.url, log);
      await published(log);
      await subscription.count(some.length);

      expect(handedOut(subscription)).toEqual(idsOf(some));
      expect(new Set(troubles.map(({ kind }) => kind))).toEqual(new Set(['missing']));
    });

    it('end when the connection is closed, and do not begin on one that is', async () => {
      const log = await scene(some);
      await using _publishing = publishing(shared.nats.url, log);
      const own = await natsClient(shared.nats.url);
      await using subscription = subscribing({ ...way, from: 'start' }, own.connection);
      await subscription.count(some.length);
      await own.connection.close();
      await using late = subscribing({ ...way, from: 'start' }, own.connection);

      for (const ended of [subscription, late]) {
        await eventually(() => expect(ended.error()).toMatchObject({ code: 'CONNECTION_CLOSED' }));
      }
    });

    it('can be left after the connection was closed', async () => {
      const log = await scene(some);
      await using _publishing = publishing(shared.nats.url, log);
      const own = await natsClient(shared.nats.url);
      for await (const { sequence } of subscribeEvents(own.connection, { ...way, from: 'start' })) {
        if (sequence < 3) continue;
        await own.connection.close();
        // By then it has noticed.
        await setImmediate();
        break;
      }

      expect(own.connection.isClosed()).toBe(true);
    });
  });

  it('wait at a sequence that the stream has not reached', async () => {
    const log = await scene(some);
    await using _publishing = publishing(shared.nats.url, log);
    await published(log);
    const troubles: Trouble[] = [];
    await using subscription = subscribing({ from: { after: 150 }, onTrouble: (trouble) => troubles.push(trouble) });
    await eventually(async () => expect(await shared.client.consumersOf(stream)).toHaveLength(1));
    log.add(...rest);
    await subscription.count(lives.length - 150);

    expect(handedOut(subscription)).toEqual(idsOf(lives.slice(150)));
  });

  it('that are handed out in order leave no consumer behind, whether the loop is left or ended', async () => {
    const log = await scene(some);
    await using _publishing = publishing(shared.nats.url, log);
    await published(log);
    for await (const { sequence } of subscribeEvents(shared.client.connection, { from: 'start' }))
      if (sequence === 3) break;
    expect(await shared.client.consumersOf(stream)).toEqual([]);

    const ending = new AbortController();
    for await (const { sequence } of subscribeEvents(shared.client.connection, {
      from: 'start',
      signal: ending.signal,
    })) {
      if (sequence === some.length) setTimeout(() => ending.abort());
    }
    expect(await shared.client.consumersOf(stream)).toEqual([]);
  });

  it.each([{ from: { after: -1 } }, { from: 'start', durable: 'a.b' }, { from: 'start', organization: '>' }] as const)(
    'are refused at once with options that cannot be: %j',
    (options) => {
      expect(() => subscribeEvents(shared.client.connection, options)).toThrow('must be');
    },
  );
});
