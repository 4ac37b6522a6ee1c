// Reads of a stream and of $all, in both directions: what is included, and what is missing.

import {
  type AllStreamResolvedEvent,
  BACKWARDS,
  END,
  FORWARDS,
  type ReadPosition,
  type ReadRevision,
  START,
  StreamNotFoundError,
  UnknownError,
} from '@eventstore/db-client';
import { beforeAll, describe, expect, it } from 'vitest';
import { aStream, follow, numbered, numberedUpTo, numbersOf, read, revisionsOf, useEventStore } from './support.ts';

const store = useEventStore();

describe('A stream of ten events', () => {
  const stream = aStream();
  beforeAll(() => store.client.appendToStream(stream, numberedUpTo(10)));

  it.each<[string, ReadRevision, number, bigint[]]>([
    ['the start', START, 3, [0n, 1n, 2n]],
    ['a revision, inclusively', 4n, 3, [4n, 5n, 6n]],
    ['a revision to the end', 8n, 100, [8n, 9n]],
    ['past the end: nothing', 10n, 5, []],
  ])('is read forwards from %s', async (_, fromRevision, maxCount, expected) =>
    expect(revisionsOf(await read(store.client.readStream(stream, { fromRevision, maxCount })))).toEqual(expected),
  );

  it.each<[string, ReadRevision, number, bigint[]]>([
    ['the end', END, 3, [9n, 8n, 7n]],
    ['a revision, inclusively', 4n, 3, [4n, 3n, 2n]],
    ['a revision to the start', 1n, 100, [1n, 0n]],
    ['past the end: the last', 50n, 2, [9n, 8n]],
    ['the start: the first', START, 5, [0n]],
  ])('is read backwards from %s', async (_, fromRevision, maxCount, expected) => {
    const events = await read(store.client.readStream(stream, { direction: BACKWARDS, fromRevision, maxCount }));
    expect(revisionsOf(events)).toEqual(expected);
  });

  it('cannot be read forwards from its end', async () =>
    await expect(read(store.client.readStream(stream, { fromRevision: END }))).rejects.toBeInstanceOf(UnknownError));

  it('cannot be read for a count of zero', async () =>
    await expect(read(store.client.readStream(stream, { maxCount: 0 }))).rejects.toBeInstanceOf(UnknownError));

  it('cannot be read from a revision that no stream can have', async () =>
    await expect(read(store.client.readStream(stream, { fromRevision: 9223372036854775808n }))).rejects.toBeInstanceOf(
      UnknownError,
    ));

  it('may be left in the middle', async () => {
    const events = store.client.readStream(stream);
    for await (const { event } of events) {
      if (event?.revision !== 2n) continue;
      // The client leaves its call open otherwise, and its dispose() waits for that forever.
      await events.cancel();
      break;
    }
    expect(await read(store.client.readStream(stream, { maxCount: 1 }))).toHaveLength(1);
  });
});

it.each([FORWARDS, BACKWARDS] as const)('A stream that never was is not found %s', async (direction) => {
  const stream = aStream();
  const fromRevision = direction === FORWARDS ? START : END;
  const failure = await read(store.client.readStream(stream, { direction, fromRevision })).catch((error) => error);
  expect(failure).toBeInstanceOf(StreamNotFoundError);
  expect(failure).toMatchObject({ streamName: stream });
});

it('A long stream is read completely, in both directions', async () => {
  const stream = aStream();
  for (const start of [0, 500, 1_000]) {
    await store.client.appendToStream(
      stream,
      Array.from({ length: 500 }, (_, n) => numbered(start + n)),
    );
  }
  const forwards = await read(store.client.readStream(stream));
  const backwards = await read(store.client.readStream(stream, { direction: BACKWARDS, fromRevision: END }));
  const expected = Array.from({ length: 1_500 }, (_, n) => n);
  expect(numbersOf(forwards)).toEqual(expected);
  expect(numbersOf(backwards)).toEqual(expected.toReversed());
});

it('Twenty events of almost a mebibyte are read completely', async () => {
  const stream = aStream();
  const padding = 'x'.repeat(1_000_000);
  for (let n = 0; n < 20; n += 1) {
    await store.client.appendToStream(stream, [{ ...numbered(n), data: { n, padding } }]);
  }
  const expected = Array.from({ length: 20 }, (_, n) => n);
  expect(numbersOf(await read(store.client.readStream(stream)))).toEqual(expected);
});

describe('$all', () => {
  it('contains the events of all streams in the order of their commits', async () => {
    const [one, other] = [aStream(), aStream()];
    const { position } = await store.client.appendToStream(one, [numbered(0)]);
    await store.client.appendToStream(other, [numbered(1), numbered(2)]);
    await store.client.appendToStream(one, [numbered(3)]);
    const events = await read(store.client.readAll({ fromPosition: position ?? START }));
    const ours = events.filter(({ event }) => event?.streamId === one || event?.streamId === other);
    expect(numbersOf(ours)).toEqual([0, 1, 2, 3]);
    const positions = events.map(({ event }) => event?.position?.commit ?? 0n);
    expect(positions).toEqual([...new Set(positions)].toSorted((a, b) => (a < b ? -1 : 1)));
  });

  it('includes, forwards, the event at the position', async () => {
    const { position } = await store.client.appendToStream(aStream(), [numbered(7)]);
    const [first] = await read(store.client.readAll({ fromPosition: position ?? START, maxCount: 1 }));
    expect(first?.event?.position).toEqual(position);
  });

  it('starts, backwards, before the position', async () => {
    const stream = aStream();
    await store.client.appendToStream(stream, [numbered(0), numbered(1)]);
    const [, second] = await read(store.client.readStream(stream));
    const fromPosition = second?.event?.position ?? END;
    const before = await read(store.client.readAll({ direction: BACKWARDS, fromPosition, maxCount: 1 }));
    expect(numbersOf(before)).toEqual([0]);
    expect(before[0]?.event?.streamId).toBe(stream);
  });

  it('begins, backwards from the end, with a recent event', async () => {
    const { position } = await store.client.appendToStream(aStream(), [numbered(0)]);
    const newest = await read(store.client.readAll({ direction: BACKWARDS, fromPosition: END, maxCount: 20 }));
    const positions = newest.map(({ event }) => event?.position?.commit ?? 0n);
    expect(positions[0]).toBeGreaterThanOrEqual(position?.commit ?? 0n);
    expect(positions).toEqual(positions.toSorted((a, b) => (a > b ? -1 : 1)));
  });

  it('is empty forwards from the end and backwards from the start', async () => {
    expect(await read(store.client.readAll({ fromPosition: END }))).toEqual([]);
    expect(await read(store.client.readAll({ direction: BACKWARDS, fromPosition: START }))).toEqual([]);
  });

  it('has something before the first user event', async () => {
    const [first] = await read(store.client.readAll({ maxCount: 1 }));
    expect(first?.event?.streamId).toMatch(/^\$/);
    expect(first?.event?.position?.commit).toBeGreaterThanOrEqual(0n);
  });

  it('has metadata, deletions and tombstones like other events', async () => {
    const stream = aStream();
    const { position } = await store.client.appendToStream(stream, [numbered(0)]);
    await store.client.deleteStream(stream);
    await store.client.tombstoneStream(stream);
    const events = await read(store.client.readAll({ fromPosition: position ?? START }));
    const ours = events.filter(({ event }) => event?.streamId.endsWith(stream));
    expect(ours.map(({ event }) => event?.type)).toEqual(['Numbered', '$metadata', '$streamDeleted']);
  });

  it.each(['checkpoint', 'parked'])('does not have the %s of a persistent subscription to $all', async (kind) => {
    const group = aStream('group');
    const { position } = await store.client.appendToStream(aStream(), [numbered(0)]);
    const hidden = `$persistentsubscription-$all::${group}-${kind}`;
    await store.client.appendToStream(hidden, [numbered(1)]);
    expect(numbersOf(await read(store.client.readStream(hidden)))).toEqual([1]);
    const events = await read(store.client.readAll({ fromPosition: position ?? START }));
    expect(events.filter(({ event }) => event?.streamId === hidden)).toEqual([]);
  });

  it('is read from one of its events to the next', async () => {
    const stream = aStream();
    const { position } = await store.client.appendToStream(stream, numberedUpTo(7));
    const first = await read(store.client.readStream(stream, { maxCount: 1 }));
    let next: ReadPosition = first[0]?.event?.position ?? START;
    const seen: unknown[] = [];
    for (;;) {
      const [one, after]: AllStreamResolvedEvent[] = await read(
        store.client.readAll({ fromPosition: next, maxCount: 2 }),
      );
      if (one?.event?.streamId === stream) seen.push((one.event.data as { n: number }).n);
      if (!after?.event?.position || one?.event?.position?.commit === position?.commit) break;
      next = after.event.position;
    }
    expect(seen).toEqual([0, 1, 2, 3, 4, 5, 6]);
  });

  it('is the same backwards', async () => {
    const stream = aStream();
    await store.client.appendToStream(stream, numberedUpTo(3));
    const { position } = await store.client.appendToStream(aStream('mark'), [numbered(0)]);
    const [first] = await read(store.client.readStream(stream, { maxCount: 1 }));
    const from = first?.event?.position;
    const forwards = (await read(store.client.readAll({ fromPosition: from ?? START }))).filter(
      ({ event }) => (event?.position?.commit ?? 0n) < (position?.commit ?? 0n),
    );
    const backwards = await read(
      store.client.readAll({ direction: BACKWARDS, fromPosition: position ?? END, maxCount: forwards.length }),
    );
    expect(backwards.toReversed()).toEqual(forwards);
  });

  it('stops after the count', async () => {
    await store.client.appendToStream(aStream(), numberedUpTo(5));
    expect(await read(store.client.readAll({ maxCount: 4 }))).toHaveLength(4);
  });

  it('cannot be read from a position whose prepare lies after its commit', async () =>
    await expect(read(store.client.readAll({ fromPosition: { commit: 1n, prepare: 2n } }))).rejects.toBeInstanceOf(
      UnknownError,
    ));

  it('cannot be read, or subscribed to, from a position where no event is', async () => {
    const { position } = await store.client.appendToStream(aStream(), numberedUpTo(3));
    const commit = (position?.commit ?? 0n) - 3n;
    const fromPosition = { commit, prepare: commit };
    await expect(read(store.client.readAll({ fromPosition }))).rejects.toBeInstanceOf(UnknownError);
    const subscription = follow(store.client.subscribeToAll({ fromPosition }));
    await subscription.until(({ error }) => error !== undefined);
    expect(subscription.seen.error).toBeInstanceOf(UnknownError);
  });
});
