// Who listens for months waits millions of times. What is left of a wait must be nothing.
import { setImmediate } from 'node:timers/promises';
import { getHeapStatistics, setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import type { Msg, NatsConnection } from 'nats';
import { describe, expect, it } from 'vitest';
import * as examples from '../../test/support/examples.ts';
import { subscribeEvents } from './subscription.ts';
import { watchGateways } from './watch.ts';

const waits = 5_000;
const place = `${examples.anOrganization}.${examples.aFactory}`;

describe('in memory stays nothing', () => {
  it('of a wait for a change', async () => {
    const scene = aScene((revision) => ({
      subject: `$KV.gateways.${place}.${examples.aGateway}`,
      headers: { 'registry-position': `${revision}` },
      body: {
        id: examples.aGateway,
        organization_id: examples.anOrganization,
        factory_id: examples.aFactory,
        revision,
      },
    }));
    const changes = watchGateways(scene.nats)[Symbol.asyncIterator]();
    expect(await changes.next()).toEqual({ done: false, value: { type: 'current' } });

    expect(await scene.bytesLeftOfWaits(changes)).toBeLessThan(50);
  });

  it('of a wait for an event', async () => {
    const scene = aScene((revision) => ({
      subject: `mti.evt.v1.${place}.gateway.${examples.aGateway}.gateway-updated`,
      headers: {
        'ce-id': `event-${revision}`,
        'ce-type': 'mti.evt.v1.gateway-updated',
        'ce-time': '2026-03-02T09:10:00.000Z',
        'registry-position': `${revision}`,
        'registry-revision': `${revision}`,
      },
      body: {},
    }));
    const events = subscribeEvents(scene.nats, { from: 'start' })[Symbol.asyncIterator]();

    expect(await scene.bytesLeftOfWaits(events)).toBeLessThan(50);
  });
});

interface Said {
  readonly subject: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: object;
}

/** A connection that is always up, and a consumer on it that delivers what it is told to. */
function aScene(messageOf: (revision: number) => Said) {
  let deliver: (error: null, message: Msg) => void = () => undefined;
  let delivered = 0;
  const never = Promise.withResolvers<never>().promise;
  const consumers = {
    add: async () => ({ num_pending: 0, delivered: { consumer_seq: 0 } }),
    delete: async () => true,
  };
  const nats = {
    isClosed: () => false,
    isDraining: () => false,
    closed: () => never,
    status: () => ({ [Symbol.asyncIterator]: () => ({ next: () => never }) }),
    subscribe(_: string, { callback }: { readonly callback: typeof deliver }) {
      deliver = callback;
      return { isClosed: () => false, unsubscribe: () => undefined };
    },
    jetstreamManager: async () => ({ consumers }),
  } as unknown as NatsConnection;
  return { nats, bytesLeftOfWaits };

  /** Bytes that each wait leaves behind. */
  async function bytesLeftOfWaits(iterator: AsyncIterator<unknown>): Promise<number> {
    await wait(iterator, 1_000);
    const before = usedBytes();
    await wait(iterator, waits);
    const left = (usedBytes() - before) / waits;
    await iterator.return?.();
    return left;
  }

  async function wait(iterator: AsyncIterator<unknown>, times: number): Promise<void> {
    for (let n = 0; n < times; n++) {
      const next = iterator.next();
      // By then it waits.
      await setImmediate();
      say();
      await next;
    }
  }

  function say(): void {
    delivered += 1;
    const { subject, headers, body } = messageOf(delivered);
    deliver(null, {
      subject,
      reply: `$JS.ACK.stream.consumer.1.${delivered}.${delivered}.${delivered}.0`,
      headers: { get: (name: string) => headers[name] ?? '' },
      string: () => JSON.stringify(body),
    } as unknown as Msg);
  }
}

setFlagsFromString('--expose-gc');
const collectGarbage: () => void = runInNewContext('gc');

function usedBytes(): number {
  collectGarbage();
  return getHeapStatistics().used_heap_size;
}
