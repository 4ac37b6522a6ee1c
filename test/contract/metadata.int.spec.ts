// Stream metadata, and which events of a stream it hides.

import {
  BACKWARDS,
  END,
  jsonEvent,
  NO_STREAM,
  START,
  STREAM_EXISTS,
  StreamNotFoundError,
  WrongExpectedVersionError,
} from '@eventstore/db-client';
import { describe, expect, it } from 'vitest';
import { append, appendEvent, appendOptions } from './raw.ts';
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

  it('keeps an access control list, which a server without users does not apply', async () => {
    const stream = aStream();
    const acl = { readRoles: ['$admins'], writeRoles: ['$admins'] };
    await store.client.setStreamMetadata(stream, { acl });
    expect((await store.client.getStreamMetadata(stream)).metadata).toMatchObject({ acl });
  });

  it('is replaced as a whole', async () => {
    const stream = aStream();
    await store.client.setStreamMetadata(stream, { maxCount: 5, owner: 'me' });
    await store.client.setStreamMetadata(stream, { owner: 'you' });
    expect((await store.client.getStreamMetadata(stream)).metadata).toEqual({ owner: 'you' });
  });

  it('can be set at an exact revision', async () => {
    const stream = aStream();
    await store.client.setStreamMetadata(stream, { a: 1 }, { expectedRevision: NO_STREAM });
    const set = await store.client.setStreamMetadata(stream, { a: 2 }, { expectedRevision: 0n });
    expect(set.nextExpectedRevision).toBe(1n);
    expect(set.position?.commit).toBe(set.position?.prepare);
  });

  it('leaves a stream that has nothing else not found', async () => {
    const stream = aStream();
    await store.client.setStreamMetadata(stream, { a: 1 });
    await expect(read(store.client.readStream(stream))).rejects.toBeInstanceOf(StreamNotFoundError);
  });

  it('shows no earlier version of itself, whatever is asked for', async () => {
    const stream = aStream();
    for (const a of [1, 2, 3]) await store.client.setStreamMetadata(stream, { a });
    const metastream = `$$${stream}`;
    expect(await read(store.client.readStream(metastream, { direction: BACKWARDS, fromRevision: 1n }))).toEqual([]);
    expect(revisionsOf(await read(store.client.readStream(metastream, { fromRevision: 1n })))).toEqual([2n]);
    expect(await read(store.client.readStream(metastream, { fromRevision: 3n }))).toEqual([]);
  });

  it('may be many events of one append, of which the last counts', async () => {
    const stream = aStream();
    await store.client.appendToStream(stream, numberedUpTo(10));
    const events = [{ $maxCount: 2 }, { $maxCount: 4 }].map((data) => jsonEvent({ type: '$metadata', data }));
    await store.client.appendToStream(`$$${stream}`, events);
    expect(await read(store.client.readStream(stream))).toHaveLength(4);
  });

  it('hides nothing in $all', async () => {
    const stream = aStream();
    const { position } = await store.client.appendToStream(stream, [numbered(0)]);
    await store.client.appendToStream(stream, [numbered(1), numbered(2)]);
    await store.client.setStreamMetadata(stream, { truncateBefore: 3, maxCount: 1 });
    const all = await read(store.client.readAll({ fromPosition: position ?? START }));
    expect(numbersOf(all.filter(({ event }) => event?.streamId === stream))).toEqual([0, 1, 2]);
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

  it.each([
    ['$maxCount', { truncateBefore: 2, maxCount: 3 }, [7, 8, 9]],
    ['$tb', { truncateBefore: 8, maxCount: 5 }, [8, 9]],
  ])('begins where the stricter of $tb and $maxCount says: here %s', async (_, metadata, expected) => {
    expect(numbersOf(await read(store.client.readStream(await tenWith(metadata))))).toEqual(expected);
  });

  it('with $tb is read backwards from its end, and from before what is left not at all', async () => {
    const stream = await tenWith({ truncateBefore: 8 });
    const options = { direction: BACKWARDS, fromRevision: END } as const;
    expect(numbersOf(await read(store.client.readStream(stream, options)))).toEqual([9, 8]);
    expect(await read(store.client.readStream(stream, { ...options, fromRevision: 7n }))).toEqual([]);
    expect(await read(store.client.readStream(stream, { ...options, fromRevision: START }))).toEqual([]);
  });

  it('counts only what is left', async () => {
    const stream = await tenWith({ truncateBefore: 4 });
    expect(numbersOf(await read(store.client.readStream(stream, { maxCount: 2 })))).toEqual([4, 5]);
  });

  it('keeps its revision when nothing of it is left', async () => {
    const stream = await tenWith({ truncateBefore: 10 });
    const attempt = store.client.appendToStream(stream, [numbered(10)], { expectedRevision: NO_STREAM });
    await expect(attempt).rejects.toMatchObject({ actualVersion: 9n });
    const appended = await store.client.appendToStream(stream, [numbered(10)], { expectedRevision: STREAM_EXISTS });
    expect(appended.nextExpectedRevision).toBe(10n);
    expect(numbersOf(await read(store.client.readStream(stream)))).toEqual([10]);
  });

  it.each<[string, string, number]>([
    ['text for a number', '{"$maxCount":"3","$tb":4}', 10],
    ['a fraction', '{"$maxCount":3.5,"$tb":4}', 10],
    ['a number beyond 64 bits', '{"$tb":9223372036854775808,"$maxCount":3}', 10],
    ['an access control list that is none', '{"$acl":{"$r":1},"$tb":4}', 10],
    ['no object', '[{"$tb":4}]', 10],
    ['no JSON', '{"$tb":4', 10],
    ['a $maxCount of zero, beside others', '{"$maxCount":0,"$tb":4}', 6],
    ['a negative $maxCount, beside others', '{"$maxCount":-1,"$tb":4}', 6],
    ['a negative $tb, beside others', '{"$tb":-1,"$maxCount":3}', 3],
    ['a $maxAge of zero, beside others', '{"$maxAge":0,"$maxCount":3}', 3],
    ['unknown keys', '{"mine":{"$tb":"x"},"$maxCount":3}', 3],
    ['the largest $tb that does not delete', '{"$tb":9223372036854775806}', 0],
  ])('takes metadata with %s as it is', async (_, json, left) => {
    const stream = aStream();
    await store.client.appendToStream(stream, numberedUpTo(10));
    const event = { type: '$metadata', 'content-type': 'application/json' };
    const written = appendEvent({ data: Buffer.from(json), metadata: event });
    const { error } = await append(store.raw.streams, [appendOptions(`$$${stream}`), written]);
    expect(error).toBeUndefined();
    expect(await read(store.client.readStream(stream))).toHaveLength(left);
  });

  it.each([
    ['of any type', 'mine', 'application/json', 3],
    ['but only when it is JSON', '$metadata', 'application/octet-stream', 10],
  ])('takes the last event of its metastream for metadata, %s', async (_, type, contentType, left) => {
    const stream = aStream();
    await store.client.appendToStream(stream, numberedUpTo(10));
    const metadata = { type, 'content-type': contentType };
    const written = appendEvent({ data: Buffer.from('{"$maxCount":3}'), metadata });
    await append(store.raw.streams, [appendOptions(`$$${stream}`), written]);
    expect(await read(store.client.readStream(stream))).toHaveLength(left);
  });

  it('is deleted by a $tb of 2^63 - 1, however it is written', async () => {
    const stream = aStream();
    await store.client.appendToStream(stream, numberedUpTo(10));
    const metadata = { type: '$metadata', 'content-type': 'application/json' };
    const written = appendEvent({ data: Buffer.from('{"owner":"me","$tb":9223372036854775807}'), metadata });
    await append(store.raw.streams, [appendOptions(`$$${stream}`), written]);
    await expect(read(store.client.readStream(stream))).rejects.toBeInstanceOf(StreamNotFoundError);
    await store.client.appendToStream(stream, [numbered(10)], { expectedRevision: NO_STREAM });
    expect(numbersOf(await read(store.client.readStream(stream)))).toEqual([10]);
    expect((await store.client.getStreamMetadata(stream)).metadata).toEqual({ owner: 'me', truncateBefore: 10 });
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
