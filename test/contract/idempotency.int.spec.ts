// Appends that are made again, and what tells them apart from conflicts: exact revisions compare the ids that are
// stored, ANY and STREAM_EXISTS those that the server remembers.

import { randomUUID } from 'node:crypto';
import {
  ANY,
  type AppendExpectedRevision,
  NO_STREAM,
  STREAM_EXISTS,
  StreamDeletedError,
  StreamNotFoundError,
  WrongExpectedVersionError,
} from '@eventstore/db-client';
import { describe, expect, it } from 'vitest';
import { appendPaths, aStream, embeddedOnly, idsOf, numbered, numberedUpTo, read, useEventStore } from './support.ts';

const store = useEventStore();

describe.each(appendPaths)('By remembered ids ($path)', ({ via }) => {
  it('an append with STREAM_EXISTS is known again', async () => {
    const stream = await streamOf(1);
    const events = numberedUpTo(2);
    const first = await append(stream, events, STREAM_EXISTS);
    await append(stream, [numbered(9)], ANY);
    expect(await append(stream, events, STREAM_EXISTS)).toEqual(first);
    expect(await idsIn(stream)).toHaveLength(4);
  });

  it('an append at an exact revision is known again with ANY', async () => {
    const stream = await streamOf(1);
    const events = numberedUpTo(2);
    const first = await append(stream, events, 0n);
    expect(await append(stream, events, ANY)).toEqual(first);
  });

  it('a part of an append is known again, and answered with the revision of its last event', async () => {
    const stream = aStream();
    const events = numberedUpTo(5);
    await append(stream, events, NO_STREAM);
    expect((await append(stream, events.slice(1, 3), ANY)).nextExpectedRevision).toBe(2n);
  });

  it('the order of the events does not matter: the last one of the request answers', async () => {
    const stream = aStream();
    const [a, b, c] = [numbered(0), numbered(1), numbered(2)];
    await append(stream, [a, b, c], NO_STREAM);
    expect((await append(stream, [c, a], ANY)).nextExpectedRevision).toBe(0n);
    expect(await idsIn(stream)).toEqual([a.id, b.id, c.id]);
  });

  it('events of two appends are known again as one', async () => {
    const stream = aStream();
    const [a, b] = [numbered(0), numbered(1)];
    await append(stream, [a], ANY);
    await append(stream, [b], ANY);
    expect((await append(stream, [a, b], ANY)).nextExpectedRevision).toBe(1n);
    expect(await idsIn(stream)).toEqual([a.id, b.id]);
  });

  it('an append that begins anew is stored whole, even when later events are known', async () => {
    const stream = aStream();
    const known = numbered(0);
    const fresh = numbered(1);
    await append(stream, [known], ANY);
    expect((await append(stream, [fresh, known], ANY)).nextExpectedRevision).toBe(2n);
    expect(await idsIn(stream)).toEqual([known.id, fresh.id, known.id]);
  });

  it.each<[string, AppendExpectedRevision]>([
    ['ANY', ANY],
    ['STREAM_EXISTS', STREAM_EXISTS],
  ])('an append that begins as known and goes on anew is a conflict, with %s', async (_, expectedRevision) => {
    const stream = aStream();
    const known = numbered(0);
    await append(stream, [known, numbered(1)], ANY);
    const failure = await append(stream, [known, numbered(2)], expectedRevision).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(WrongExpectedVersionError);
    expect(failure).toMatchObject({ actualVersion: 1n });
    expect(await idsIn(stream)).toHaveLength(2);
  });

  it('an append to another stream is not known', async () => {
    const [stream, other] = [aStream(), aStream()];
    const events = numberedUpTo(2);
    await append(stream, events, ANY);
    expect((await append(other, events, ANY)).nextExpectedRevision).toBe(1n);
    expect(await idsIn(other)).toEqual(events.map(({ id }) => id));
  });

  it('ids are the same in capitals', async () => {
    const stream = aStream();
    const id = randomUUID();
    const first = await append(stream, [numbered(0, id)], ANY);
    expect(await append(stream, [numbered(0, id.toUpperCase())], ANY)).toEqual(first);
  });

  it('an append is known again after the stream was soft-deleted, which it stays', async () => {
    const stream = aStream();
    const events = numberedUpTo(2);
    await append(stream, events, ANY);
    await store.client.deleteStream(stream);
    expect(await append(stream, events, ANY)).toMatchObject({ nextExpectedRevision: 1n, position: undefined });
    await expect(idsIn(stream)).rejects.toBeInstanceOf(StreamNotFoundError);
  });

  it('an append is known again after it was truncated, without its position', async () => {
    const stream = aStream();
    const events = numberedUpTo(2);
    await append(stream, events, ANY);
    await append(stream, [numbered(2)], ANY);
    await store.client.setStreamMetadata(stream, { truncateBefore: 2 });
    expect(await append(stream, events, ANY)).toMatchObject({ nextExpectedRevision: 1n, position: undefined });
  });

  it('an append is not known when only its id was refused before', async () => {
    const stream = await streamOf(1);
    const event = numbered(1);
    await append(stream, [event], 7n).catch(() => undefined);
    expect((await append(stream, [event], ANY)).nextExpectedRevision).toBe(1n);
  });

  function append(stream: string, events: ReturnType<typeof numberedUpTo>, expectedRevision: AppendExpectedRevision) {
    return store.client.appendToStream(stream, events, { expectedRevision, ...via });
  }
});

describe.each(appendPaths)('By stored ids ($path)', ({ via }) => {
  it('a repeat is known although the stream went on', async () => {
    const stream = aStream();
    const events = numberedUpTo(3);
    const first = await append(stream, events, NO_STREAM);
    await append(stream, numberedUpTo(3), 2n);
    expect(await append(stream, events, NO_STREAM)).toEqual(first);
  });

  it('the beginning of an append is known, and answered with its own last revision', async () => {
    const stream = aStream();
    const events = numberedUpTo(3);
    await append(stream, events, NO_STREAM);
    expect((await append(stream, events.slice(0, 2), NO_STREAM)).nextExpectedRevision).toBe(1n);
  });

  it('events of two appends are known as one', async () => {
    const stream = aStream();
    const [a, b] = [numbered(0), numbered(1)];
    await append(stream, [a], NO_STREAM);
    await append(stream, [b], 0n);
    expect((await append(stream, [a, b], NO_STREAM)).nextExpectedRevision).toBe(1n);
  });

  it.each([
    ['begins differently', (a: Event, b: Event) => [numbered(9), a, b]],
    ['goes on differently', (a: Event, _: Event) => [a, numbered(9)]],
    ['goes on past the end of the stream', (a: Event, b: Event) => [a, b, numbered(9)]],
    ['has the same events in another order', (a: Event, b: Event) => [b, a]],
    ['has no events', () => []],
  ])('an append that %s is a conflict', async (_, repeat) => {
    const stream = aStream();
    const [a, b] = [numbered(0), numbered(1)];
    await append(stream, [a, b], NO_STREAM);
    const failure = await append(stream, repeat(a, b), NO_STREAM).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(WrongExpectedVersionError);
    expect(failure).toMatchObject({ actualVersion: 1n });
    expect(await idsIn(stream)).toEqual([a.id, b.id]);
  });

  it('an append at the last revision is stored, known or not', async () => {
    const stream = aStream();
    const events = numberedUpTo(2);
    await append(stream, events, NO_STREAM);
    expect((await append(stream, events, 1n)).nextExpectedRevision).toBe(3n);
    expect(await idsIn(stream)).toHaveLength(4);
  });

  it('an append after the last revision is a conflict, known or not', async () => {
    const stream = aStream();
    const events = numberedUpTo(2);
    await append(stream, events, NO_STREAM);
    await expect(append(stream, events, 2n)).rejects.toBeInstanceOf(WrongExpectedVersionError);
  });

  it('an append is known although it was truncated, without its position', async () => {
    const stream = aStream();
    const events = numberedUpTo(2);
    await append(stream, events, NO_STREAM);
    await append(stream, [numbered(2)], 1n);
    await store.client.setStreamMetadata(stream, { truncateBefore: 2 });
    expect(await append(stream, events, NO_STREAM)).toMatchObject({ nextExpectedRevision: 1n, position: undefined });
  });

  it('the first append is known after the stream was soft-deleted, which it stays', async () => {
    const stream = aStream();
    const events = numberedUpTo(2);
    await append(stream, events, NO_STREAM);
    await store.client.deleteStream(stream);
    expect((await append(stream, events, NO_STREAM)).nextExpectedRevision).toBe(1n);
    await expect(idsIn(stream)).rejects.toBeInstanceOf(StreamNotFoundError);
  });

  it('another first append brings a soft-deleted stream back', async () => {
    const stream = aStream();
    const events = numberedUpTo(2);
    await append(stream, events, NO_STREAM);
    await store.client.deleteStream(stream);
    const other = numbered(2);
    expect((await append(stream, [other], NO_STREAM)).nextExpectedRevision).toBe(2n);
    expect(await idsIn(stream)).toEqual([other.id]);
  });

  it('the first append to a soft-deleted stream is a conflict when it goes on differently', async () => {
    const stream = aStream();
    const [a, b] = [numbered(0), numbered(1)];
    await append(stream, [a, b], NO_STREAM);
    await store.client.deleteStream(stream);
    await expect(append(stream, [a, numbered(2)], NO_STREAM)).rejects.toBeInstanceOf(WrongExpectedVersionError);
  });

  it.each<[string, AppendExpectedRevision]>([
    ['ANY', ANY],
    ['NO_STREAM', NO_STREAM],
    ['STREAM_EXISTS', STREAM_EXISTS],
    ['an exact revision', 0n],
  ])('a tombstone hides with %s what would be known', async (_, expectedRevision) => {
    const stream = aStream();
    const [a, b] = [numbered(0), numbered(1)];
    await append(stream, [a, b], NO_STREAM);
    await store.client.tombstoneStream(stream);
    const repeat = expectedRevision === 0n ? [b] : [a, b];
    await expect(append(stream, repeat, expectedRevision)).rejects.toBeInstanceOf(StreamDeletedError);
  });

  it('is how many who make the same append at once all succeed, and it is stored once', async () => {
    const stream = aStream();
    const events = numberedUpTo(3);
    const answers = await Promise.all(Array.from({ length: 10 }, () => append(stream, events, NO_STREAM)));
    expect(new Set(answers.map(({ nextExpectedRevision }) => nextExpectedRevision))).toEqual(new Set([2n]));
    expect(await idsIn(stream)).toEqual(events.map(({ id }) => id));
  });

  function append(stream: string, events: readonly Event[], expectedRevision: AppendExpectedRevision) {
    return store.client.appendToStream(stream, [...events], { expectedRevision, ...via });
  }
});

describe('An empty append', () => {
  it.each<[string, AppendExpectedRevision]>([
    ['ANY', ANY],
    ['NO_STREAM', NO_STREAM],
  ])('with %s to a stream that never was succeeds and makes none', async (_, expectedRevision) => {
    const stream = aStream();
    expect((await store.client.appendToStream(stream, [], { expectedRevision })).success).toBe(true);
    await expect(idsIn(stream)).rejects.toBeInstanceOf(StreamNotFoundError);
  });

  it.each<[string, AppendExpectedRevision]>([
    ['ANY', ANY],
    ['STREAM_EXISTS', STREAM_EXISTS],
    ['the last revision', 2n],
  ])('with %s to a stream answers with its last revision', async (_, expectedRevision) => {
    const appended = await store.client.appendToStream(await streamOf(3), [], { expectedRevision });
    expect(appended.nextExpectedRevision).toBe(2n);
  });

  it.each<[string, AppendExpectedRevision]>([
    ['STREAM_EXISTS', STREAM_EXISTS],
    ['an exact revision', 0n],
  ])('with %s to a stream that never was is a conflict', async (_, expectedRevision) => {
    const attempt = store.client.appendToStream(aStream(), [], { expectedRevision });
    await expect(attempt).rejects.toBeInstanceOf(WrongExpectedVersionError);
  });
});

describe('The ids that are remembered', () => {
  it('are those of thousands of events', async () => {
    const stream = aStream();
    const events = numberedUpTo(2);
    const first = await store.client.appendToStream(stream, events);
    await Promise.all(Array.from({ length: 50 }, () => store.client.appendToStream(aStream(), numberedUpTo(100))));
    expect(await store.client.appendToStream(stream, events)).toEqual(first);
  });

  it('are not those of all events', async (context) => {
    embeddedOnly(context, 'how many ids are remembered is a matter of memory');
    const stream = aStream();
    const events = numberedUpTo(2);
    await store.client.appendToStream(stream, events);
    for (let round = 0; round < 14; round += 1) {
      await Promise.all(Array.from({ length: 10 }, () => store.client.appendToStream(aStream(), numberedUpTo(500))));
    }
    expect((await store.client.appendToStream(stream, events)).nextExpectedRevision).toBe(3n);
  });
});

type Event = ReturnType<typeof numbered>;

async function streamOf(count: number): Promise<string> {
  const stream = aStream();
  await store.client.appendToStream(stream, numberedUpTo(count), { expectedRevision: NO_STREAM });
  return stream;
}

async function idsIn(stream: string) {
  return idsOf(await read(store.client.readStream(stream)));
}
