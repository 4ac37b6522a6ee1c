// Catch-up subscriptions: where they begin, how they go live, and filters. Checkpoints have their file.

import {
  type AllStreamSubscription,
  END,
  eventTypeFilter,
  excludeSystemEvents,
  jsonEvent,
  type Position,
  START,
  streamNameFilter,
} from '@eventstore/db-client';
import { describe, expect, it } from 'vitest';
import {
  aStream,
  follow,
  numbered,
  numberedUpTo,
  numbersOf,
  read,
  revisionsOf,
  since,
  useEventStore,
} from './support.ts';

const store = useEventStore();

describe('A subscription to a stream', () => {
  it('delivers what is there, says once that it has caught up, then delivers what comes', async () => {
    const stream = await streamOf(3);
    const subscription = follow(store.client.subscribeToStream(stream));
    await subscription.until(({ caughtUp }) => caughtUp === 1);
    await store.client.appendToStream(stream, [numbered(3)]);
    await store.client.appendToStream(stream, [numbered(4)]);
    await subscription.until(({ events }) => events.length === 5);
    expect(subscription.seen.log).toEqual(['0', '1', '2', 'caught up', '3', '4']);
    await subscription.stop();
  });

  it.each([
    ['after a revision, exclusively', 1n, [2, 3]],
    ['after the last revision', 2n, [3]],
    ['from its end', END, [3]],
    ['from its start', START, [0, 1, 2, 3]],
  ] as const)('begins %s', async (_, fromRevision, expected) => {
    const stream = await streamOf(3);
    const subscription = follow(store.client.subscribeToStream(stream, { fromRevision }));
    await subscription.until(({ caughtUp }) => caughtUp === 1);
    await store.client.appendToStream(stream, [numbered(3)]);
    await subscription.until(({ events }) => events.length >= expected.length);
    expect(numbersOf(subscription.seen.events)).toEqual(expected);
    await subscription.stop();
  });

  it.for([START, END] as const)('waits, from its %s, for a stream that does not exist yet', async (from, context) => {
    await since('24.2', context, store.raw, 'they say that they have caught up when there is a stream');
    const stream = aStream();
    const subscription = follow(store.client.subscribeToStream(stream, { fromRevision: from }));
    await subscription.until(({ caughtUp }) => caughtUp === 1);
    await store.client.appendToStream(aStream(), [numbered(9)]);
    await store.client.appendToStream(stream, [numbered(0)]);
    await subscription.until(({ events }) => events.length === 1);
    expect(subscription.seen.log).toEqual(['caught up', '0']);
    await subscription.stop();
  });

  it('begins after a revision that the stream does not have yet', async () => {
    const stream = await streamOf(2);
    const subscription = follow(store.client.subscribeToStream(stream, { fromRevision: 4n }));
    await subscription.until(({ caughtUp }) => caughtUp === 1);
    await store.client.appendToStream(
      stream,
      [2, 3, 4, 5, 6].map((n) => numbered(n)),
    );
    await subscription.until(({ events }) => events.some(({ event }) => event?.revision === 6n));
    expect(numbersOf(subscription.seen.events)).toEqual([5, 6]);
    await subscription.stop();
  });

  it('delivers metadata from its stream', async () => {
    const stream = aStream();
    for (const a of [1, 2]) await store.client.setStreamMetadata(stream, { a });
    const subscription = follow(store.client.subscribeToStream(`$$${stream}`));
    await subscription.until(({ caughtUp }) => caughtUp === 1);
    await store.client.setStreamMetadata(stream, { a: 3 });
    await subscription.until(({ events }) => events.length === 2);
    expect(revisionsOf(subscription.seen.events)).toEqual([1n, 2n]);
    await subscription.stop();
  });

  it('says nothing when its stream is truncated', async () => {
    const stream = await streamOf(3);
    const subscription = follow(store.client.subscribeToStream(stream));
    await subscription.until(({ caughtUp }) => caughtUp === 1);
    await store.client.setStreamMetadata(stream, { truncateBefore: 3 });
    await store.client.appendToStream(stream, [numbered(3)]);
    await subscription.until(({ events }) => events.length === 4);
    expect(subscription.seen.log).toEqual(['0', '1', '2', 'caught up', '3']);
    await subscription.stop();
  });

  it('is one of many that see the same', async () => {
    const stream = await streamOf(3);
    const subscriptions = Array.from({ length: 20 }, () => follow(store.client.subscribeToStream(stream)));
    await store.client.appendToStream(stream, [numbered(3)]);
    for (const subscription of subscriptions) {
      await subscription.until(({ events }) => events.length === 4);
      expect(numbersOf(subscription.seen.events)).toEqual([0, 1, 2, 3]);
      await subscription.stop();
    }
  });

  it('goes live while others append, without gap, duplicate or disorder', async () => {
    const stream = await streamOf(500);
    const total = 2_000;
    const writing = (async () => {
      for (let n = 500; n < total; n += 50) {
        await Promise.all(
          Array.from({ length: 50 }, (_, offset) => store.client.appendToStream(stream, [numbered(n + offset)])),
        );
      }
    })();
    const subscription = follow(store.client.subscribeToStream(stream));
    await writing;
    await subscription.until(({ events }) => events.length >= total);
    expect(revisionsOf(subscription.seen.events)).toEqual(Array.from({ length: total }, (_, n) => BigInt(n)));
    await subscription.stop();
  });

  it('costs nothing after it was cancelled', async () => {
    const stream = await streamOf(3);
    const subscription = follow(store.client.subscribeToStream(stream));
    await subscription.until(({ caughtUp }) => caughtUp === 1);
    await subscription.stop();
    await store.client.appendToStream(stream, [numbered(3)]);
    expect(await read(store.client.readStream(stream))).toHaveLength(4);
    expect(subscription.seen.error).toBeUndefined();
  });

  it('can be read one event at a time by a slow consumer while much is appended', async () => {
    const stream = aStream();
    const subscription = store.client.subscribeToStream(stream, { fromRevision: START });
    const padding = 'x'.repeat(1_000);
    const writing = Promise.all(
      Array.from({ length: 3_000 }, (_, n) =>
        store.client.appendToStream(stream, [jsonEvent({ type: 'Padded', data: { n, padding } })]),
      ),
    );
    const revisions: bigint[] = [];
    for await (const { event } of subscription) {
      if (event) revisions.push(event.revision);
      if (revisions.length % 100 === 0) await read(store.client.readStream(stream, { maxCount: 1 }));
      if (revisions.length === 3_000) break;
    }
    await writing;
    expect(revisions).toEqual(Array.from({ length: 3_000 }, (_, n) => BigInt(n)));
    await subscription.unsubscribe();
  });
});

describe('A subscription to $all', () => {
  it('begins after its position, exclusively, and delivers every stream in order', async () => {
    const from = await mark();
    const [one, other] = [aStream(), aStream()];
    await store.client.appendToStream(one, [numbered(0)]);
    await store.client.appendToStream(other, [numbered(1)]);
    const subscription = followAll(store.client.subscribeToAll({ fromPosition: from }));
    await subscription.until(({ caughtUp }) => caughtUp === 1);
    await store.client.appendToStream(one, [numbered(2)]);
    const isOurs = inStreams(one, other);
    await subscription.until(({ events }) => events.filter(isOurs).length === 3);
    expect(numbersOf(subscription.seen.events.filter(isOurs))).toEqual([0, 1, 2]);
    expect(commits(subscription.seen.events).every((commit) => commit > from.commit)).toBe(true);
    await subscription.stop();
  });

  it('from the end delivers only what is appended later', async () => {
    const stream = await streamOf(1);
    const subscription = followAll(store.client.subscribeToAll({ fromPosition: END }));
    await subscription.until(({ caughtUp }) => caughtUp === 1);
    await store.client.appendToStream(stream, [numbered(1)]);
    const isOurs = inStreams(stream);
    await subscription.until(({ events }) => events.some(isOurs));
    expect(numbersOf(subscription.seen.events.filter(isOurs))).toEqual([1]);
    await subscription.stop();
  });

  it('goes live while others append, without gap, duplicate or disorder', async () => {
    const from = await mark();
    const streams = Array.from({ length: 20 }, () => aStream());
    const answers = Promise.all(
      Array.from({ length: 100 }, (_, n) => n).flatMap((n) =>
        streams.map((stream) => store.client.appendToStream(stream, [numbered(n)])),
      ),
    );
    const subscription = followAll(store.client.subscribeToAll({ fromPosition: from }));
    const positions = (await answers).map(({ position }) => position?.commit ?? 0n);
    const isOurs = inStreams(...streams);
    await subscription.until(({ events }) => events.filter(isOurs).length >= 2_000);
    const delivered = commits(subscription.seen.events.filter(isOurs));
    expect(delivered).toEqual(positions.toSorted((a, b) => (a < b ? -1 : 1)));
    for (const stream of streams) {
      const revisions = revisionsOf(subscription.seen.events.filter(inStreams(stream)));
      expect(revisions).toEqual(Array.from({ length: 100 }, (_, n) => BigInt(n)));
    }
    await subscription.stop();
  });

  it('can be resumed after any event it delivered', async () => {
    const from = await mark();
    const stream = await streamOf(5);
    const first = followAll(store.client.subscribeToAll({ fromPosition: from, filter: only(stream) }));
    await first.until(({ events }) => events.length === 5);
    await first.stop();
    const resumeAt = first.seen.events[2]?.event?.position ?? from;
    const second = followAll(store.client.subscribeToAll({ fromPosition: resumeAt, filter: only(stream) }));
    await second.until(({ caughtUp }) => caughtUp === 1);
    expect(numbersOf(second.seen.events)).toEqual([3, 4]);
    await second.stop();
  });
});

describe('A filtered subscription to $all', () => {
  it.each([
    ['the first of several prefixes', (name: string) => streamNameFilter({ prefixes: [name, 'no'] })],
    ['the last of several prefixes', (name: string) => streamNameFilter({ prefixes: ['no', name] })],
    ['a pattern anywhere in the name', (name: string) => streamNameFilter({ regex: name.slice(12, -3) })],
    ['a pattern that ignores case', (name: string) => streamNameFilter({ regex: `(?i)${name.toUpperCase()}` })],
    ['a choice', (name: string) => streamNameFilter({ regex: `^(?:${name}|no)$` })],
    ['the anchors of .NET', (name: string) => streamNameFilter({ regex: `\\A${name}\\z` })],
  ])('finds a stream by %s', async (_, filterFor) => {
    const from = await mark();
    const name = aStream();
    await store.client.appendToStream(name, [numbered(0)]);
    const subscription = followAll(store.client.subscribeToAll({ fromPosition: from, filter: filterFor(name) }));
    await subscription.until(({ events }) => events.length === 1);
    expect(subscription.seen.events[0]?.event?.streamId).toBe(name);
    await subscription.stop();
  });

  it('that leaves out system events has none of them', async () => {
    const from = await mark();
    const stream = aStream();
    await store.client.setStreamMetadata(stream, { a: 1 });
    await store.client.appendToStream(stream, [numbered(0)]);
    const subscription = followAll(store.client.subscribeToAll({ fromPosition: from, filter: excludeSystemEvents() }));
    await subscription.until(({ events }) => events.some(inStreams(stream)));
    expect(subscription.seen.events.filter(({ event }) => event?.type.startsWith('$'))).toEqual([]);
    await subscription.stop();
  });

  it('from the end has nothing of before, and no checkpoint of before', async () => {
    const stream = await streamOf(3);
    const { commit } = await mark();
    const checkpoints: bigint[] = [];
    const filter = { ...only(stream), checkpointReached: remember(checkpoints) };
    const subscription = followAll(store.client.subscribeToAll({ fromPosition: END, filter }));
    await subscription.until(({ caughtUp }) => caughtUp === 1);
    await store.client.appendToStream(stream, [numbered(3)]);
    await subscription.until(({ events }) => events.length === 1);
    expect(numbersOf(subscription.seen.events)).toEqual([3]);
    expect(checkpoints.filter((checkpoint) => checkpoint < commit)).toEqual([]);
    await subscription.stop();
  });

  it('that finds nothing catches up', async () => {
    const subscription = followAll(
      store.client.subscribeToAll({ fromPosition: await mark(), filter: only(aStream('nothing')) }),
    );
    await subscription.until(({ caughtUp }) => caughtUp === 1);
    expect(subscription.seen.log).toEqual(['caught up']);
    await subscription.stop();
  });

  it.each([
    ['a prefix of the stream name', (name: string) => streamNameFilter({ prefixes: [name] })],
    ['a pattern of the stream name', (name: string) => streamNameFilter({ regex: `^${name}$` })],
    ['a prefix of the event type', (name: string) => eventTypeFilter({ prefixes: [name, 'no'] })],
    ['a pattern of the event type', (name: string) => eventTypeFilter({ regex: `${name.slice(5)}$` })],
  ])('delivers what matches %s', async (_, filterFor) => {
    const from = await mark();
    const name = aStream();
    await store.client.appendToStream(aStream('other'), numberedUpTo(3));
    await store.client.appendToStream(name, [jsonEvent({ type: name, data: { n: 0 } })]);
    const subscription = followAll(store.client.subscribeToAll({ fromPosition: from, filter: filterFor(name) }));
    await subscription.until(({ caughtUp }) => caughtUp === 1);
    await store.client.appendToStream(aStream('other'), numberedUpTo(3));
    await store.client.appendToStream(name, [jsonEvent({ type: name, data: { n: 1 } })]);
    await subscription.until(({ events }) => events.length === 2);
    expect(numbersOf(subscription.seen.events)).toEqual([0, 1]);
    await subscription.stop();
  });

  it('gives live checkpoints that a quiet subscription can resume from without missing anything', async (context) => {
    await since('24.10.14', context, store.raw, 'their first checkpoint is the largest number when nothing matched');
    const from = await mark();
    const stream = aStream();
    const checkpoints: bigint[] = [];
    const filter = {
      ...only(stream),
      maxSearchWindow: 5,
      checkpointInterval: 1,
      checkpointReached: remember(checkpoints),
    };
    const subscription = followAll(store.client.subscribeToAll({ fromPosition: from, filter }));
    await subscription.until(({ caughtUp }) => caughtUp === 1);
    const before = checkpoints.length;
    await store.client.appendToStream(aStream('other'), numberedUpTo(25));
    await store.client.appendToStream(stream, [numbered(0)]);
    await subscription.until(({ events }) => events.length === 1);
    const live = checkpoints.slice(before);
    expect(live.length).toBeGreaterThanOrEqual(4);
    const resumeAt = live[0] ?? 0n;
    const resumed = followAll(
      store.client.subscribeToAll({
        fromPosition: { commit: resumeAt, prepare: resumeAt },
        filter: only(stream),
      }),
    );
    await resumed.until(({ caughtUp }) => caughtUp === 1);
    expect(numbersOf(resumed.seen.events)).toEqual([0]);
    await resumed.stop();
    await subscription.stop();
  });
});

function followAll(subscription: AllStreamSubscription) {
  return follow(subscription);
}

async function streamOf(count: number): Promise<string> {
  const stream = aStream();
  await store.client.appendToStream(stream, numberedUpTo(count));
  return stream;
}

async function mark(): Promise<Position> {
  const { position } = await store.client.appendToStream(aStream('mark'), [numbered(0)]);
  if (!position) throw new Error('The append has no position.');
  return position;
}

function only(stream: string) {
  return streamNameFilter({ prefixes: [stream] });
}

function remember(checkpoints: bigint[]) {
  return (_: unknown, position: Position) => {
    checkpoints.push(position.commit);
    return Promise.resolve();
  };
}

function inStreams(...streams: string[]) {
  return ({ event }: { event?: { streamId: string } }) => event !== undefined && streams.includes(event.streamId);
}

function commits(events: readonly { event?: { position?: Position | undefined } }[]): bigint[] {
  return events.map(({ event }) => event?.position?.commit ?? 0n);
}
