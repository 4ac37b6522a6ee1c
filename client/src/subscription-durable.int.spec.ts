import { describe, expect, it } from 'vitest';
import { eventually } from '../../test/support/eventually.ts';
import * as examples from '../../test/support/examples.ts';
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
} from '../../test/support/subscription-stage.ts';
import { subscribeEvents } from './subscription.ts';
import type { Trouble } from './trouble.ts';

describe.each(natsServers())('events of a durable consumer, with %s,', (_, file) => {
  const { shared, scene, subscribing, published } = subscriptionStage(file);

  it('come again when they were not acknowledged', async () => {
    const log = await scene(some);
    await using _publishing = publishing(shared.nats.url, log);
    await published(log);
    const options = { from: 'start', durable: 'a-reactor' } as const;
    for await (const { sequence } of subscribeEvents(shared.client.connection, options)) if (sequence === 3) break;
    await using subscription = subscribing(options);
    await subscription.count(some.length - 2);

    expect(subscription.items.slice(0, 2)).toMatchObject([
      { sequence: 3, redelivered: true },
      { sequence: 4, redelivered: false },
    ]);
    await using other = subscribing(options);
    log.add(...rest);
    await eventually(() => expect(subscription.items.length + other.items.length).toBe(lives.length - 2));
  });

  it('that are shared by several processes have no gaps where others had what is between', async () => {
    const updates = Array.from({ length: 100 }, (_, n) => examples.gatewayUpdated({ name: `Hall ${n}` }));
    const log = await scene(examples.storedInOrder(examples.gatewayCreated(), ...updates));
    await using _publishing = publishing(shared.nats.url, log);
    await published(log);
    const options = { from: 'start', durable: 'a-reactor' } as const;
    await using one = subscribing(options);
    await using other = subscribing(options);
    await eventually(() => expect(one.items.length + other.items.length).toBe(log.events.length));

    expect(Math.min(one.items.length, other.items.length)).toBeGreaterThan(10);
    expect([...one.items, ...other.items].filter(({ gap }) => gap)).toEqual([]);
  });

  it('that are older than what was told are left out, which is said once', async () => {
    const first = publishing(shared.nats.url, await scene(lives));
    const troubles: Trouble[] = [];
    await using subscription = subscribing({
      from: 'start',
      durable: 'a-reactor',
      onTrouble: (trouble) => troubles.push(trouble),
    });
    await subscription.count(lives.length);
    await first[Symbol.asyncDispose]();
    const anew = await scene(some);
    await using _publishing = publishing(shared.nats.url, anew);
    await published(anew);
    const added = examples.stored(examples.organizationCreated(), { revision: 0n, position: 1_000_000n });
    anew.add(added);
    await subscription.count(lives.length + 1);

    expect(handedOut(subscription)).toEqual([...idsOf(lives), added.id]);
    expect(troubles.filter(({ kind }) => kind === 'behind')).toHaveLength(1);
  });

  it('that come a second time because the consumer is made anew are no trouble', async () => {
    const log = await scene(some);
    await using _publishing = publishing(shared.nats.url, log);
    const troubles: Trouble[] = [];
    await using subscription = subscribing({
      from: 'start',
      durable: 'a-reactor',
      onTrouble: (trouble) => troubles.push(trouble),
    });
    await subscription.count(some.length);
    await shared.client.deleteConsumersOf(stream);
    log.add(...rest);
    await subscription.count(lives.length);

    expect(troubles.map(({ kind }) => kind)).not.toContain('behind');
  });

  it('are refused to a consumer that was made for others', async () => {
    const log = await scene(some);
    await using _publishing = publishing(shared.nats.url, log);
    await using subscription = subscribing({ from: 'start', durable: 'a-reactor' });
    await subscription.count(1);
    await using other = subscribing({ from: 'start', durable: 'a-reactor', kind: 'factory' });

    await eventually(() => expect(other.error()).toMatchObject({ code: 'OPTIONS_INVALID' }));
    expect(String(other.error())).toContain('filter_subject is mti.evt.v1.> and must be mti.evt.v1.*.*.factory.>');
  });
});
