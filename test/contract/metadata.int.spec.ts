import { BACKWARDS, END, jsonEvent, NO_STREAM, STREAM_EXISTS, WrongExpectedVersionError } from '@eventstore/db-client';
import { describe, expect, it } from 'vitest';
import { aStream, follow, numbered, numberedUpTo, numbersOf, read, revisionsOf, useEventStore } from './support.ts';

const store = useEventStore();

describe('Stream metadata', () => {
  it('comes back as it was set', async () => {
    const stream = aStream();
    const metadata = { maxCount: 5, maxAge: 60, cacheControl: 9, truncateBefore: 1, owner: { name: 'me' } };
    const set = await store.client.setStreamMetadata(stream, metadata);
    expect(set.nextExpectedRevision).toBe(0n);
    expect((await store.client.getStreamMetadata(stream)).metadata).toEqual(metadata);
  });

  it('of a stream without any is absent', async () =>
    expect(await store.client.getStreamMetadata(aStream())).not.toHaveProperty('metadata'));

  it('is refused at a wrong revision', async () => {
    const stream = aStream();
    await store.client.setStreamMetadata(stream, { a: 1 }, { expectedRevision: NO_STREAM });
    await expect(
      store.client.setStreamMetadata(stream, { a: 2 }, { expectedRevision: NO_STREAM }),
    ).rejects.toBeInstanceOf(WrongExpectedVersionError);
  });

  it('shows only its latest version, in either direction, and keeps counting', async () => {
    const stream = aStream();
    for (const a of [1, 2, 3]) await store.client.setStreamMetadata(stream, { a });
    const forwards = await read(store.client.readStream(`$$${stream}`));
    const backwards = await read(store.client.readStream(`$$${stream}`, { direction: BACKWARDS, fromRevision: END }));
    expect(revisionsOf(forwards)).toEqual([2n]);
    expect(revisionsOf(backwards)).toEqual([2n]);
  });

  it('makes a stream without events exist, though not readable', async () => {
    const stream = aStream();
    await store.client.setStreamMetadata(stream, { a: 1 });
    const appended = await store.client.appendToStream(stream, [numbered(0)], { expectedRevision: STREAM_EXISTS });
    expect(appended.nextExpectedRevision).toBe(0n);
  });

  it('is an event of $all', async () => {
    const stream = aStream();
    const { position } = await store.client.setStreamMetadata(stream, { a: 1 });
    const [found] = await read(store.client.readAll({ maxCount: 1, ...(position && { fromPosition: position }) }));
    expect(found?.event).toMatchObject({ streamId: `$$${stream}`, type: '$metadata', data: { a: 1 } });
  });
});

describe('A stream of ten events', () => {
  it('with $maxCount 3 shows the last three, also after further appends', async () => {
    const stream = await tenWith({ maxCount: 3 });
    expect(numbersOf(await read(store.client.readStream(stream)))).toEqual([7, 8, 9]);
    await store.client.appendToStream(stream, [numbered(10)], { expectedRevision: 9n });
    expect(numbersOf(await read(store.client.readStream(stream)))).toEqual([8, 9, 10]);
    expect(numbersOf(await read(store.client.readStream(stream, { fromRevision: 9n })))).toEqual([9, 10]);
  });

  it('with $tb 4 begins there, in both directions', async () => {
    const stream = await tenWith({ truncateBefore: 4 });
    const backwards = await read(store.client.readStream(stream, { direction: BACKWARDS, fromRevision: 5n }));
    expect(numbersOf(await read(store.client.readStream(stream)))).toEqual([4, 5, 6, 7, 8, 9]);
    expect(numbersOf(backwards)).toEqual([5, 4]);
  });

  it('with $tb past its end is empty, not missing, and keeps its revision', async () => {
    const stream = await tenWith({ truncateBefore: 20 });
    expect(await read(store.client.readStream(stream))).toEqual([]);
    await store.client.appendToStream(stream, [numbered(10)], { expectedRevision: 9n });
    expect(await read(store.client.readStream(stream))).toEqual([]);
  });

  it('with $maxAge shows what is young enough', async () => {
    expect(await read(store.client.readStream(await tenWith({ maxAge: 3_600 })))).toHaveLength(10);
  });

  it('with $maxAge 1 is empty, not missing, after a second', async () => {
    const stream = await tenWith({ maxAge: 1 });
    await expect.poll(() => read(store.client.readStream(stream)), { timeout: 10_000 }).toEqual([]);
    const appended = await store.client.appendToStream(stream, [numbered(10)], { expectedRevision: 9n });
    expect(appended.nextExpectedRevision).toBe(10n);
  });

  it('shows everything again when the metadata is lifted', async () => {
    const stream = await tenWith({ maxCount: 1 });
    await store.client.setStreamMetadata(stream, {});
    expect(await read(store.client.readStream(stream))).toHaveLength(10);
  });

  it('is not restricted by malformed metadata', async () => {
    const stream = aStream();
    await store.client.appendToStream(stream, numberedUpTo(10));
    await store.client.appendToStream(`$$${stream}`, [
      jsonEvent({ type: '$metadata', data: { $maxCount: 'three', $tb: 4 } }),
    ]);
    expect(await read(store.client.readStream(stream))).toHaveLength(10);
  });

  it('shows a new subscription what a read shows, and a live one every event', async () => {
    const stream = await tenWith({ maxCount: 2 });
    const subscription = follow(store.client.subscribeToStream(stream));
    await subscription.until(({ caughtUp }) => caughtUp === 1);
    expect(numbersOf(subscription.seen.events)).toEqual([8, 9]);
    await store.client.appendToStream(
      stream,
      [10, 11, 12, 13].map((n) => numbered(n)),
    );
    await subscription.until(({ events }) => events.length === 6);
    expect(numbersOf(subscription.seen.events)).toEqual([8, 9, 10, 11, 12, 13]);
    await subscription.stop();
  });
});

async function tenWith(metadata: { maxCount?: number; truncateBefore?: number; maxAge?: number }): Promise<string> {
  const stream = aStream();
  await store.client.appendToStream(stream, numberedUpTo(10));
  await store.client.setStreamMetadata(stream, metadata);
  return stream;
}
