// What happens to the server, the stream and the consumer while events are handed out.
import { describe, expect, it } from 'vitest';
import type { StoredEvent } from '../../src/events/event-log.ts';
import { eventually } from '../../test/support/eventually.ts';
import * as examples from '../../test/support/examples.ts';
import { givenLog } from '../../test/support/given-log.ts';
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
import type { Trouble } from './trouble.ts';

// Both servers at once: most of the time goes by waiting for what a server that is gone does not say.
describe.concurrent.each(natsServers())('events, with %s,', (_, file) => {
  const { shared, scene, subscribing, published } = subscriptionStage(file);

  describe.each(ways)('%s,', { concurrent: false }, (_name, way) => {
    it('come once each while the server is killed', async () => {
      const log = await scene(some);
      await using _publishing = publishing(shared.nats.url, log);
      await using subscription = subscribing({ ...way, from: 'start' });
      await subscription.count(50);
      await shared.nats.kill();
      log.add(...rest);
      await shared.nats.start();
      await subscription.count(lives.length);

      expect(handedOut(subscription)).toEqual(idsOf(lives));
    });

    it('come once each when the server is wiped, and filled again', async () => {
      const log = await scene(some);
      const troubles: Trouble[] = [];
      await using _publishing = publishing(shared.nats.url, log);
      await using subscription = subscribing({ ...way, from: 'start', onTrouble: (trouble) => troubles.push(trouble) });
      await subscription.count(some.length);
      troubles.length = 0;
      await shared.nats.kill();
      await shared.nats.wipe();
      await shared.nats.start();
      log.add(...rest);
      await subscription.count(lives.length);

      expect(handedOut(subscription)).toEqual(idsOf(lives));
      expect(subscription.items.filter(({ gap }) => gap)).toEqual([]);
      expect(troubles.length).toBeGreaterThan(0);
    });

    it('come once each when the server is wiped, and filled with fewer messages', async () => {
      const log = await scene(lives);
      const first = publishing(shared.nats.url, log);
      await using subscription = subscribing({ ...way, from: 'start' });
      await subscription.count(lives.length);
      await first[Symbol.asyncDispose]();
      await shared.nats.kill();
      await shared.nats.wipe();
      await shared.nats.start();
      const [last] = lives.slice(-1) as [StoredEvent];
      const added = examples.stored(examples.organizationCreated(), { revision: 0n, position: 1_000_000n });
      await using _publishing = publishing(shared.nats.url, givenLog(last, added));
      await subscription.count(lives.length + 1);

      expect(handedOut(subscription)).toEqual([...idsOf(lives), added.id]);
    });

    it('come once each when the stream is purged, and filled again behind what it had', async () => {
      const log = await scene(some);
      const first = publishing(shared.nats.url, log);
      await using subscription = subscribing({ ...way, from: 'start' });
      await subscription.count(some.length);
      await first[Symbol.asyncDispose]();
      const { streams } = await shared.client.connection.jetstreamManager();
      // Made anew before: NATS would refuse the ids of the last two minutes in one that was purged only.
      const { config } = await streams.info(stream);
      await shared.client.deleteStreams(stream);
      await streams.add(config);
      for (const _ of lives) await shared.client.connection.jetstream().publish('mti.evt.litter');
      await streams.purge(stream);
      await using _publishing = publishing(shared.nats.url, log);
      log.add(...rest);
      await subscription.count(lives.length);

      expect(handedOut(subscription)).toEqual(idsOf(lives));
    });

    it('come once each when the stream is made anew, and what was not seen stands where other events have stood', async () => {
      const log = await scene(some);
      const first = publishing(shared.nats.url, log);
      await using subscription = subscribing({ ...way, from: 'start' });
      await subscription.count(some.length);
      await first[Symbol.asyncDispose]();
      // Filled long before an ordered subscription notices that its consumer has gone with the stream.
      await shared.client.deleteStreams(stream);
      const anew = givenLog(...some.slice(-1), ...rest);
      await using _publishing = publishing(shared.nats.url, anew);
      await published(anew);
      await subscription.count(lives.length);

      expect(handedOut(subscription)).toEqual(idsOf(lives));
    });

    it('come once each when the server freezes', async () => {
      const log = await scene(some);
      await using _publishing = publishing(shared.nats.url, log);
      const troubles: Trouble[] = [];
      await using subscription = subscribing({ ...way, from: 'start', onTrouble: (trouble) => troubles.push(trouble) });
      await subscription.count(some.length);
      troubles.length = 0;
      shared.nats.freeze();
      log.add(...rest);
      await eventually(() => expect(troubles.length).toBeGreaterThan(0));
      shared.nats.thaw();
      await subscription.count(lives.length);

      expect(handedOut(subscription)).toEqual(idsOf(lives));
    });

    it('come once each when the consumer is deleted', async () => {
      const log = await scene(some);
      await using _publishing = publishing(shared.nats.url, log);
      await using subscription = subscribing({ ...way, from: 'start' });
      await subscription.count(some.length);
      await shared.client.deleteConsumersOf(stream);
      log.add(...rest);
      await subscription.count(lives.length);

      expect(handedOut(subscription)).toEqual(idsOf(lives));
    });
  });
});
