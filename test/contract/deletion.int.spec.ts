// Soft deletion, which a stream can be brought back from, and the tombstone, which ends it.

import {
  ANY,
  type AppendExpectedRevision,
  BACKWARDS,
  END,
  type ExpectedRevision,
  NO_STREAM,
  START,
  STREAM_EXISTS,
  StreamDeletedError,
  StreamNotFoundError,
  WrongExpectedVersionError,
} from '@eventstore/db-client';
import { describe, expect, it } from 'vitest';
import {
  appendPaths,
  aStream,
  follow,
  numbered,
  numberedUpTo,
  numbersOf,
  read,
  revisionsOf,
  useEventStore,
} from './support.ts';

const store = useEventStore();

describe('A soft-deleted stream', () => {
  it.each<[string, ExpectedRevision]>([
    ['ANY', ANY],
    ['the exact revision', 1n],
  ])('was deleted with %s, is not found, and its events stay in $all', async (_, expectedRevision) => {
    const stream = aStream();
    const first = await store.client.appendToStream(stream, [numbered(0)]);
    await store.client.appendToStream(stream, [numbered(1)]);
    const deletion = await store.client.deleteStream(stream, { expectedRevision });
    expect(deletion.position?.commit).toBeGreaterThan(first.position?.commit ?? 0n);
    await expect(read(store.client.readStream(stream))).rejects.toBeInstanceOf(StreamNotFoundError);
    const all = await read(store.client.readAll({ fromPosition: first.position ?? START }));
    expect(numbersOf(all.filter(({ event }) => event?.streamId === stream))).toEqual([0, 1]);
    expect(all.find(({ event }) => event?.streamId === `$$${stream}`)?.event).toMatchObject({
      type: '$metadata',
      isJson: true,
      position: deletion.position,
    });
  });

  it.each<[string, AppendExpectedRevision]>([
    ['ANY', ANY],
    ['NO_STREAM', NO_STREAM],
    ['the exact last revision', 2n],
  ])('comes back with %s, and goes on numbering where it stopped', async (_, expectedRevision) => {
    const stream = await deletedStream();
    const appended = await store.client.appendToStream(stream, [numbered(3), numbered(4)], { expectedRevision });
    const events = await read(store.client.readStream(stream));
    expect(appended.nextExpectedRevision).toBe(4n);
    expect(revisionsOf(events)).toEqual([3n, 4n]);
    expect(events.at(-1)?.event?.position).toEqual(appended.position);
    expect((await store.client.getStreamMetadata(stream)).metadata).toEqual({ truncateBefore: 3 });
  });

  it.each(appendPaths)('is deleted for STREAM_EXISTS ($path)', async ({ via }) => {
    const stream = await deletedStream();
    const options = { expectedRevision: STREAM_EXISTS, ...via } as const;
    const failure = await store.client.appendToStream(stream, [numbered(3)], options).catch((error) => error);
    expect(failure).toBeInstanceOf(StreamDeletedError);
    expect(failure).toMatchObject({ streamName: stream });
  });

  it('comes back with a note of where it begins, right after what was appended', async () => {
    const stream = await deletedStream();
    const { position } = await store.client.appendToStream(stream, [numbered(3), numbered(4)]);
    const [last, note] = await read(store.client.readAll({ fromPosition: position ?? START, maxCount: 2 }));
    expect(last?.event).toMatchObject({ streamId: stream, revision: 4n });
    expect(note?.event).toMatchObject({ streamId: `$$${stream}`, type: '$metadata', data: { $tb: 3 }, revision: 1n });
  });

  it('has the note of its deletion as its metadata', async () => {
    const stream = await deletedStream();
    const { metadata } = await store.client.getStreamMetadata(stream);
    expect(metadata).toEqual({ truncateBefore: Number(2n ** 63n - 1n) });
  });

  it('is not found from any revision, in either direction', async () => {
    const stream = await deletedStream();
    for (const fromRevision of [0n, 2n, 9n]) {
      await expect(read(store.client.readStream(stream, { fromRevision }))).rejects.toBeInstanceOf(StreamNotFoundError);
      const options = { direction: BACKWARDS, fromRevision } as const;
      await expect(read(store.client.readStream(stream, options))).rejects.toBeInstanceOf(StreamNotFoundError);
    }
  });

  it('can be tombstoned', async () => {
    const stream = await deletedStream();
    await store.client.tombstoneStream(stream, { expectedRevision: 2n });
    await expect(read(store.client.readStream(stream))).rejects.toBeInstanceOf(StreamDeletedError);
  });

  it('says nothing to a subscription that has seen its events', async () => {
    const stream = aStream();
    await store.client.appendToStream(stream, numberedUpTo(2));
    const subscription = follow(store.client.subscribeToStream(stream));
    await subscription.until(({ caughtUp }) => caughtUp === 1);
    await store.client.deleteStream(stream);
    await store.client.appendToStream(stream, [numbered(2)]);
    await subscription.until(({ events }) => events.length === 3);
    expect(subscription.seen.log).toEqual(['0', '1', 'caught up', '2']);
    await subscription.stop();
  });

  it('refuses an older revision', async () => {
    const stream = await deletedStream();
    await expect(store.client.appendToStream(stream, [numbered(3)], { expectedRevision: 0n })).rejects.toBeInstanceOf(
      WrongExpectedVersionError,
    );
  });

  it('can be deleted again', async () => {
    const stream = await deletedStream();
    await expect(store.client.deleteStream(stream)).resolves.toHaveProperty('position');
    await expect(store.client.deleteStream(stream, { expectedRevision: 2n })).resolves.toHaveProperty('position');
  });

  it('has lost the metadata it had', async () => {
    const stream = aStream();
    await store.client.appendToStream(stream, numberedUpTo(3));
    await store.client.setStreamMetadata(stream, { maxCount: 2, owner: 'me' });
    await store.client.deleteStream(stream);
    await store.client.appendToStream(stream, numberedUpTo(4));
    expect(await read(store.client.readStream(stream))).toHaveLength(4);
    expect((await store.client.getStreamMetadata(stream)).metadata).toEqual({ truncateBefore: 3 });
  });

  it('comes back, empty, when its metadata is set', async () => {
    const stream = await deletedStream();
    await store.client.setStreamMetadata(stream, { owner: 'me' });
    expect(await read(store.client.readStream(stream))).toEqual([]);
    expect((await store.client.getStreamMetadata(stream)).metadata).toEqual({ owner: 'me', truncateBefore: 3 });
    await store.client.appendToStream(stream, [numbered(3)], { expectedRevision: 2n });
    expect(revisionsOf(await read(store.client.readStream(stream)))).toEqual([3n]);
  });

  it('can be deleted and come back many times', async () => {
    const stream = aStream();
    for (const n of [0, 1, 2]) {
      const { nextExpectedRevision } = await store.client.appendToStream(stream, [numbered(n)], {
        expectedRevision: NO_STREAM,
      });
      expect(nextExpectedRevision).toBe(BigInt(n));
      expect(numbersOf(await read(store.client.readStream(stream)))).toEqual([n]);
      await store.client.deleteStream(stream, { expectedRevision: nextExpectedRevision });
    }
  });

  it('still gives a subscription what is appended later', async () => {
    const stream = await deletedStream();
    const subscription = follow(store.client.subscribeToStream(stream, { fromRevision: START }));
    await subscription.until(({ caughtUp }) => caughtUp === 1);
    expect(subscription.seen.events).toEqual([]);
    await store.client.appendToStream(stream, [numbered(3)]);
    await subscription.until(({ events }) => events.length === 1);
    expect(numbersOf(subscription.seen.events)).toEqual([3]);
    await subscription.stop();
  });
});

describe('Deleting is refused', () => {
  it.each<[string, ExpectedRevision, bigint]>([
    ['at an older revision', 0n, 0n],
    ['at a later revision', 9n, 9n],
    ['with NO_STREAM', NO_STREAM, -1n],
  ])('%s', async (_, expectedRevision, expectedVersion) => {
    const stream = aStream();
    await store.client.appendToStream(stream, numberedUpTo(3));
    const failure = await store.client.deleteStream(stream, { expectedRevision }).catch((error) => error);
    expect(failure).toBeInstanceOf(WrongExpectedVersionError);
    expect(failure).toMatchObject({ streamName: stream, expectedVersion, actualVersion: 2n });
  });

  it.each<[string, ExpectedRevision]>([
    ['ANY', ANY],
    ['NO_STREAM', NO_STREAM],
    ['an exact revision', 0n],
  ])(
    'for a stream that never was, with %s',
    async (_, expectedRevision) =>
      await expect(store.client.deleteStream(aStream(), { expectedRevision })).rejects.toBeInstanceOf(
        WrongExpectedVersionError,
      ),
  );

  it('but not for a stream that has only metadata', async () => {
    const stream = aStream();
    await store.client.setStreamMetadata(stream, { owner: 'me' });
    await expect(store.client.deleteStream(stream, { expectedRevision: NO_STREAM })).resolves.toHaveProperty(
      'position',
    );
    const appended = await store.client.appendToStream(stream, [numbered(0)], { expectedRevision: NO_STREAM });
    expect(appended.nextExpectedRevision).toBe(0n);
    expect(numbersOf(await read(store.client.readStream(stream)))).toEqual([0]);
  });
});

describe('A tombstoned stream', () => {
  it.each(appendPaths)('refuses appends for good ($path)', async ({ via }) => {
    const stream = await tombstonedStream();
    for (const expectedRevision of [ANY, NO_STREAM, STREAM_EXISTS, 2n] as const) {
      const attempt = store.client.appendToStream(stream, [numbered(3)], { expectedRevision, ...via });
      await expect(attempt).rejects.toBeInstanceOf(StreamDeletedError);
    }
  });

  it('refuses to be read, deleted, tombstoned or subscribed to, and so does its metadata', async () => {
    const stream = await tombstonedStream();
    await expect(read(store.client.readStream(stream))).rejects.toBeInstanceOf(StreamDeletedError);
    await expect(read(store.client.readStream(`$$${stream}`))).rejects.toBeInstanceOf(StreamDeletedError);
    await expect(store.client.deleteStream(stream)).rejects.toBeInstanceOf(StreamDeletedError);
    await expect(store.client.tombstoneStream(stream)).rejects.toBeInstanceOf(StreamDeletedError);
    const subscription = follow(store.client.subscribeToStream(stream));
    await subscription.until(({ error }) => error !== undefined);
    expect(subscription.seen.error).toBeInstanceOf(StreamDeletedError);
  });

  it('leaves its mark in $all', async () => {
    const stream = aStream();
    await store.client.appendToStream(stream, [numbered(0)]);
    const { position } = await store.client.tombstoneStream(stream, { expectedRevision: 0n });
    const [mark] = await read(store.client.readAll({ fromPosition: position ?? START, maxCount: 1 }));
    expect(mark?.event).toMatchObject({ streamId: stream, type: '$streamDeleted', revision: 9223372036854775807n });
  });

  it('ends a subscription after that mark', async () => {
    const stream = aStream();
    await store.client.appendToStream(stream, [numbered(0)]);
    const subscription = follow(store.client.subscribeToStream(stream, { fromRevision: END }));
    await subscription.until(({ caughtUp }) => caughtUp === 1);
    await store.client.tombstoneStream(stream);
    await subscription.until(({ error }) => error !== undefined);
    expect(subscription.seen.events.map(({ event }) => event?.type)).toEqual(['$streamDeleted']);
    expect(subscription.seen.error).toBeInstanceOf(StreamDeletedError);
  });

  it('keeps its events in $all', async () => {
    const stream = aStream();
    const { position } = await store.client.appendToStream(stream, [numbered(0)]);
    await store.client.tombstoneStream(stream);
    const all = await read(store.client.readAll({ fromPosition: position ?? START }));
    const ours = all.filter(({ event }) => event?.streamId === stream);
    expect(ours.map(({ event }) => event?.type)).toEqual(['Numbered', '$streamDeleted']);
  });

  it('refuses to have its metadata set or asked for', async () => {
    const stream = await tombstonedStream();
    await expect(store.client.setStreamMetadata(stream, { a: 1 })).rejects.toBeInstanceOf(StreamDeletedError);
    await expect(store.client.getStreamMetadata(stream)).rejects.toBeInstanceOf(StreamDeletedError);
  });

  it('can have had nothing but metadata', async () => {
    const stream = aStream();
    await store.client.setStreamMetadata(stream, { a: 1 });
    await store.client.tombstoneStream(stream, { expectedRevision: NO_STREAM });
    await expect(read(store.client.readStream(stream))).rejects.toBeInstanceOf(StreamDeletedError);
  });

  it('can have been truncated to nothing', async () => {
    const stream = aStream();
    await store.client.appendToStream(stream, numberedUpTo(2));
    await store.client.setStreamMetadata(stream, { truncateBefore: 2 });
    await store.client.tombstoneStream(stream, { expectedRevision: 1n });
    await expect(read(store.client.readStream(stream))).rejects.toBeInstanceOf(StreamDeletedError);
  });

  it('leaves other streams alone', async () => {
    const [stream, other] = [aStream(), aStream()];
    await store.client.appendToStream(other, [numbered(0)]);
    await store.client.tombstoneStream(stream);
    expect(numbersOf(await read(store.client.readStream(other)))).toEqual([0]);
  });

  it('need not have existed before', async () => {
    const stream = aStream();
    await store.client.tombstoneStream(stream, { expectedRevision: NO_STREAM });
    await expect(store.client.appendToStream(stream, [numbered(0)])).rejects.toBeInstanceOf(StreamDeletedError);
  });

  it('is not made at a wrong revision', async () => {
    const stream = aStream();
    await store.client.appendToStream(stream, numberedUpTo(3));
    const failure = await store.client.tombstoneStream(stream, { expectedRevision: 0n }).catch((error) => error);
    expect(failure).toBeInstanceOf(WrongExpectedVersionError);
    expect(failure).toMatchObject({ expectedVersion: 0n, actualVersion: 2n });
  });
});

async function deletedStream(): Promise<string> {
  const stream = aStream();
  await store.client.appendToStream(stream, numberedUpTo(3));
  await store.client.deleteStream(stream, { expectedRevision: 2n });
  return stream;
}

async function tombstonedStream(): Promise<string> {
  const stream = aStream();
  await store.client.appendToStream(stream, numberedUpTo(3));
  await store.client.tombstoneStream(stream, { expectedRevision: 2n });
  return stream;
}
