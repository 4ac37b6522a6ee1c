// What no reader of the contract can bring about at will, or see: falling behind, which is a matter of the page size here,
// and what a subscription that has ended leaves behind.

import { binaryEvent, EventStoreDBClient } from '@eventstore/db-client';
import type { ReadResp } from '@eventstore/db-client/generated/streams_pb.js';
import streams from '@eventstore/db-client/generated/streams_pb.js';
import { Server, ServerCredentials } from '@grpc/grpc-js';
import { describe, expect, it } from 'vitest';
import { followRaw, none, ofStream, rawClients, reading } from '../../test/contract/raw.ts';
import { openLog } from './log.ts';
import { startEventStore } from './server.ts';
import { openStore, type Store, serverEvent } from './store.ts';
import { streamsHandlers, streamsService } from './streams-service.ts';

const { Options } = streams.ReadReq;

describe('A filtered subscription that falls a page behind', () => {
  it('has a checkpoint at what it had delivered until then, and another when it has caught up again', async () => {
    const server = await startEventStore({ file: ':memory:' });
    const client = EventStoreDBClient.connectionString(server.url);
    const raw = rawClients(server.url);
    const expression = new Options.FilterOptions.Expression().setPrefixList(['wanted']);
    const filter = new Options.FilterOptions()
      .setEventType(expression)
      .setMax(100)
      .setCheckpointintervalmultiplier(100);
    const all = new Options.AllOptions().setEnd(none());
    {
      using reader = followRaw(
        raw.streams,
        reading((options) => asSubscription(options.setAll(all)).setFilter(filter)),
      );
      await reader.until((responses) => caughtUp(responses) === 1);
      const types = Array.from({ length: 600 }, (_, n) => (n === 5 || n === 550 ? 'wanted' : 'other'));
      await client.appendToStream(
        'a',
        types.map((type) => binaryEvent({ type, data: new Uint8Array() })),
      );
      const { responses } = await reader.until((all) => caughtUp(all) === 2);
      const [early, late] = responses.flatMap((response) => response.getEvent()?.getCommitPosition() ?? []);
      expect(responses.map(described)).toEqual([
        'confirmed',
        'caught up',
        `event ${early}`,
        `checkpoint ${early}`,
        `event ${late}`,
        `checkpoint ${late}`,
        'caught up',
      ]);
    }
    raw.close();
    await client.dispose();
    await server.stop();
  });
});

describe('A subscription', () => {
  it.each<[string, (options: ReadOptions) => ReadOptions]>([
    ['to a stream', (options) => options.setStream(ofStream('a'))],
    ['to $all', (options) => options.setAll(new Options.AllOptions().setStart(none()))],
  ])('%s listens to commits until it is cancelled', async (_, to) => {
    await using served = await servingListenersCounted();
    const subscribed = Array.from({ length: 3 }, () =>
      followRaw(
        served.raw.streams,
        reading((options) => asSubscription(to(options))),
      ),
    );
    for (const reader of subscribed) await reader.until((responses) => caughtUp(responses) === 1);
    expect(served.listening()).toBe(3);
    subscribed[0]?.call.cancel();
    await expect.poll(served.listening, { timeout: 10_000 }).toBe(2);
    for (const { call } of subscribed) call.cancel();
    await expect.poll(served.listening, { timeout: 10_000 }).toBe(0);
  });

  it('to a stream listens no longer when that is tombstoned', async () => {
    await using served = await servingListenersCounted();
    using reader = followRaw(
      served.raw.streams,
      reading((options) => asSubscription(options.setStream(ofStream('a')))),
    );
    await reader.until((responses) => caughtUp(responses) === 1);
    expect(served.listening()).toBe(1);
    await served.store.tombstone('a', 'any');
    await reader.until((_, error) => error !== undefined);
    await expect.poll(served.listening, { timeout: 10_000 }).toBe(0);
  });
});

type ReadOptions = InstanceType<typeof Options>;

function asSubscription(options: ReadOptions): ReadOptions {
  return options.setSubscription(new Options.SubscriptionOptions());
}

/** The streams of a store with one event, and how many listen to its commits. */
async function servingListenersCounted() {
  const store = openStore(openLog(':memory:'));
  await store.append('a', 'any', [serverEvent('first')]);
  const listeners = new Set<symbol>();
  const onCommit: Store['onCommit'] = (stream, listener) => {
    const id = Symbol(stream);
    const stopListening = store.onCommit(stream, listener);
    listeners.add(id);
    return () => {
      listeners.delete(id);
      stopListening();
    };
  };
  const server = new Server();
  server.addService(streamsService, streamsHandlers({ ...store, onCommit }, 1_000));
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) =>
      error ? reject(error) : resolve(bound),
    );
  });
  const raw = rawClients(`esdb://127.0.0.1:${port}?tls=false`);
  return {
    store,
    raw,
    listening: () => listeners.size,
    async [Symbol.asyncDispose]() {
      raw.close();
      server.forceShutdown();
      store.close();
    },
  };
}

function caughtUp(responses: readonly ReadResp[]): number {
  return responses.filter((response) => response.hasCaughtUp()).length;
}

function described(response: ReadResp): string {
  if (response.hasConfirmation()) return 'confirmed';
  if (response.hasCaughtUp()) return 'caught up';
  const checkpoint = response.getCheckpoint()?.getCommitPosition();
  return checkpoint === undefined ? `event ${response.getEvent()?.getCommitPosition()}` : `checkpoint ${checkpoint}`;
}
