// Appends as the client makes them, by either call: expected revisions, atomicity, sizes and order.

import { randomUUID } from 'node:crypto';
import {
  ANY,
  type AppendExpectedRevision,
  binaryEvent,
  EventStoreDBClient,
  jsonEvent,
  MaxAppendSizeExceededError,
  NO_STREAM,
  START,
  STREAM_EXISTS,
  StreamNotFoundError,
  WrongExpectedVersionError,
} from '@eventstore/db-client';
import { describe, expect, it } from 'vitest';
import {
  appendPaths,
  aStream,
  numbered,
  numberedUpTo,
  numbersOf,
  read,
  refusesOneMebibyte,
  revisionsOf,
  useEventStore,
} from './support.ts';

const store = useEventStore();

describe.each(appendPaths)('$path', ({ via }) => {
  it('answers with the last revision and the position of the last event', async () => {
    const stream = aStream();
    const appended = await store.client.appendToStream(stream, numberedUpTo(3), {
      expectedRevision: NO_STREAM,
      ...via,
    });
    const events = await read(store.client.readStream(stream));
    expect(appended).toMatchObject({ success: true, nextExpectedRevision: 2n });
    expect(appended.position).toEqual(events[2]?.event?.position);
    expect(appended.position?.commit).toBe(appended.position?.prepare);
    expect(appended.position?.commit).toBeGreaterThan(0n);
  });

  it('numbers the events of a stream without gaps, and positions rise', async () => {
    const stream = aStream();
    for (const n of [0, 1, 2]) await store.client.appendToStream(stream, [numbered(n)], { ...via });
    const events = await read(store.client.readStream(stream));
    const positions = events.map(({ event }) => event?.position?.commit ?? 0n);
    expect(revisionsOf(events)).toEqual([0n, 1n, 2n]);
    expect(positions).toEqual(positions.toSorted((a, b) => (a < b ? -1 : 1)));
    expect(new Set(positions).size).toBe(3);
  });

  it('keeps events as they were given', async () => {
    const stream = aStream();
    const json = jsonEvent({ type: 'Größe', data: { text: 'ä€😀', list: [1, null] }, metadata: { $causationId: 'x' } });
    const binary = binaryEvent({ type: 'raw', data: Uint8Array.of(0, 255, 10), metadata: Uint8Array.of(1, 2) });
    const bare = binaryEvent({ type: 'bare', data: new Uint8Array() });
    const before = Date.now();
    await store.client.appendToStream(stream, [json, binary, bare], { ...via });
    const events = (await read(store.client.readStream(stream))).map(({ event }) => event);
    expect(events[0]).toMatchObject({ id: json.id, type: json.type, data: json.data, metadata: json.metadata });
    expect(events[0]).toMatchObject({ isJson: true, streamId: stream });
    expect(Math.abs((events[0]?.created.getTime() ?? 0) - before)).toBeLessThan(60_000);
    expect(events[1]).toMatchObject({ id: binary.id, type: 'raw', isJson: false });
    expect(Buffer.from(events[1]?.data as Uint8Array)).toEqual(Buffer.of(0, 255, 10));
    expect(Buffer.from(events[1]?.metadata as Uint8Array)).toEqual(Buffer.of(1, 2));
    expect(events[2]).toMatchObject({ type: 'bare', metadata: undefined });
  });

  it('accepts a stream name outside ASCII, and ids in capitals', async () => {
    const stream = aStream('größe €😀');
    const id = randomUUID();
    await store.client.appendToStream(stream, [numbered(1, id.toUpperCase())], { ...via });
    const [resolved] = await read(store.client.readStream(stream));
    expect(resolved?.event).toMatchObject({ streamId: stream, id });
  });

  it.each<[string, AppendExpectedRevision]>([
    ['NO_STREAM', NO_STREAM],
    ['ANY', ANY],
  ])('starts a stream with %s', async (_, expectedRevision) => {
    const appended = await store.client.appendToStream(aStream(), [numbered(0)], { expectedRevision, ...via });
    expect(appended.nextExpectedRevision).toBe(0n);
  });

  it.each<[string, AppendExpectedRevision]>([
    ['an exact revision', 0n],
    ['STREAM_EXISTS', STREAM_EXISTS],
  ])('refuses to start a stream with %s', async (_, expectedRevision) => {
    const stream = aStream();
    const failure = await store.client
      .appendToStream(stream, [numbered(0)], { expectedRevision, ...via })
      .catch(itself);
    expect(failure).toBeInstanceOf(WrongExpectedVersionError);
    expect(failure).toMatchObject({
      streamName: stream,
      expectedVersion: expectedRevision,
      actualVersion: 'no_stream',
    });
  });

  it.each<[string, AppendExpectedRevision]>([
    ['the exact last revision', 1n],
    ['ANY', ANY],
    ['STREAM_EXISTS', STREAM_EXISTS],
  ])('continues a stream with %s', async (_, expectedRevision) => {
    const stream = await streamOf(2);
    const appended = await store.client.appendToStream(stream, [numbered(2)], { expectedRevision, ...via });
    expect(appended.nextExpectedRevision).toBe(2n);
  });

  it.each<[string, AppendExpectedRevision]>([
    ['an older revision', 0n],
    ['a later revision', 5n],
    ['NO_STREAM', NO_STREAM],
  ])('refuses to continue a stream with %s', async (_, expectedRevision) => {
    const stream = await streamOf(2);
    const failure = await store.client
      .appendToStream(stream, [numbered(2)], { expectedRevision, ...via })
      .catch(itself);
    expect(failure).toBeInstanceOf(WrongExpectedVersionError);
    expect(failure).toMatchObject({ streamName: stream, expectedVersion: expectedRevision, actualVersion: 1n });
    expect(revisionsOf(await read(store.client.readStream(stream)))).toEqual([0n, 1n]);
  });

  it('answers a conflict without throwing when asked to', async () => {
    const stream = await streamOf(3);
    await using client = disposable(store.url('throwOnAppendFailure=false'));
    const answer = await client.appendToStream(stream, [numbered(2)], { expectedRevision: NO_STREAM, ...via });
    expect(answer.success).toBe(false);
    expect(answer.nextExpectedRevision).toBeGreaterThanOrEqual(1n);
  });

  it.each<[string, AppendExpectedRevision]>([
    ['NO_STREAM', NO_STREAM],
    ['ANY', ANY],
  ])('repeated with %s succeeds with the same answer, and stores nothing', async (_, expectedRevision) => {
    const stream = aStream();
    const events = numberedUpTo(3);
    const first = await store.client.appendToStream(stream, events, { expectedRevision, ...via });
    await store.client.appendToStream(stream, [numbered(3)]);
    const second = await store.client.appendToStream(stream, events, { expectedRevision, ...via });
    expect(second).toEqual(first);
    expect(numbersOf(await read(store.client.readStream(stream)))).toEqual([0, 1, 2, 3]);
  });

  it('repeated at an exact revision succeeds with the same answer', async () => {
    const stream = await streamOf(2);
    const events = [numbered(2), numbered(3)];
    const first = await store.client.appendToStream(stream, events, { expectedRevision: 1n, ...via });
    const second = await store.client.appendToStream(stream, events, { expectedRevision: 1n, ...via });
    expect(second).toEqual(first);
  });

  it('repeated in part at an exact revision answers with that part', async () => {
    const stream = aStream();
    const events = numberedUpTo(4);
    await store.client.appendToStream(stream, events, { ...via });
    const again = await store.client.appendToStream(stream, events.slice(1, 3), { expectedRevision: 0n, ...via });
    expect(again.nextExpectedRevision).toBe(2n);
  });

  it.each<[string, AppendExpectedRevision]>([
    ['NO_STREAM', NO_STREAM],
    ['ANY', ANY],
  ])('refuses with %s what begins like an earlier append and goes on differently', async (_, expectedRevision) => {
    const stream = aStream();
    const events = numberedUpTo(2);
    await store.client.appendToStream(stream, events, { ...via });
    const longer = [...events, numbered(2)];
    const failure = await store.client.appendToStream(stream, longer, { expectedRevision, ...via }).catch(itself);
    expect(failure).toBeInstanceOf(WrongExpectedVersionError);
  });

  it('stores the same id again at the exact last revision, and in another stream', async () => {
    const stream = aStream();
    const event = numbered(0);
    await store.client.appendToStream(stream, [event], { ...via });
    await store.client.appendToStream(stream, [event], { expectedRevision: 0n, ...via });
    await store.client.appendToStream(aStream(), [event], { ...via });
    expect(await read(store.client.readStream(stream))).toHaveLength(2);
  });

  it('stores all of a fresh append, even when an id occurs twice in it', async () => {
    const stream = aStream();
    const event = numbered(0);
    await store.client.appendToStream(stream, [event, event], { ...via });
    expect(await read(store.client.readStream(stream))).toHaveLength(2);
  });

  it('of no events succeeds where it is allowed, and stores nothing', async () => {
    const stream = await streamOf(2);
    const appended = await store.client.appendToStream(stream, [], { expectedRevision: 1n, ...via });
    expect(appended).toMatchObject({ success: true, nextExpectedRevision: 1n });
    expect(await read(store.client.readStream(stream))).toHaveLength(2);
    await expect(store.client.appendToStream(stream, [], { expectedRevision: 0n, ...via })).rejects.toBeInstanceOf(
      WrongExpectedVersionError,
    );
  });

  it('refuses more than the size limit, and takes nothing of it', async (context) => {
    await refusesOneMebibyte(context, store.client);
    const stream = aStream();
    const failure = await store.client.appendToStream(stream, bytes(600_000, 600_000), { ...via }).catch(itself);
    expect(failure).toBeInstanceOf(MaxAppendSizeExceededError);
    expect(failure).toMatchObject({ maxAppendSize: 1_048_576 });
    const appended = await store.client.appendToStream(stream, [numbered(0)], { expectedRevision: NO_STREAM, ...via });
    expect(appended.nextExpectedRevision).toBe(0n);
  });

  it('accepts exactly the size limit: data, metadata and twice the length of the type', async (context) => {
    await refusesOneMebibyte(context, store.client);
    const type = 't'.repeat(8);
    const data = new Uint8Array(1_048_576 - 16 - 10);
    const event = binaryEvent({ type, data, metadata: new Uint8Array(10) });
    const larger = binaryEvent({ type, data, metadata: new Uint8Array(11) });
    await expect(store.client.appendToStream(aStream(), [event], { ...via })).resolves.toMatchObject({ success: true });
    await expect(store.client.appendToStream(aStream(), [larger], { ...via })).rejects.toBeInstanceOf(
      MaxAppendSizeExceededError,
    );
  });

  it('lets exactly one of many writers at the same revision win', async () => {
    const stream = await streamOf(1);
    const attempts = await Promise.allSettled(
      Array.from({ length: 20 }, (_, n) =>
        store.client.appendToStream(stream, [numbered(n)], { expectedRevision: 0n, ...via }),
      ),
    );
    expect(attempts.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    expect(await read(store.client.readStream(stream))).toHaveLength(2);
  });
});

it('Ten thousand appends in one tick are all answered and all stored in order', { timeout: 150_000 }, async () => {
  const stream = aStream();
  const padding = 'x'.repeat(1_000);
  // A slow machine may need longer to send them all than the 10 s after which a client gives up a silent connection, or
  // an append.
  const client = EventStoreDBClient.connectionString(store.url('keepAliveInterval=120000&keepAliveTimeout=120000'));
  const outcomes = await Promise.allSettled(
    Array.from({ length: 10_000 }, (_, n) =>
      client.appendToStream(stream, [jsonEvent({ type: 'Padded', data: { n, padding } })], { deadline: 120_000 }),
    ),
  );
  await client.dispose();
  const refusals = outcomes.flatMap((outcome) => (outcome.status === 'rejected' ? [`${outcome.reason}`] : []));
  expect(new Set(refusals)).toEqual(new Set());
  const answers = outcomes.flatMap((outcome) => (outcome.status === 'fulfilled' ? [outcome.value] : []));
  expect(new Set(answers.map(({ nextExpectedRevision }) => nextExpectedRevision)).size).toBe(10_000);
  const positions = answers.map(({ position }) => position?.commit ?? 0n);
  expect(new Set(positions).size).toBe(10_000);
  const revisions = revisionsOf(await read(store.client.readStream(stream)));
  expect(revisions).toEqual(Array.from({ length: 10_000 }, (_, n) => BigInt(n)));
});

it('One append of many events arrives in chunks and is stored as one', async () => {
  const stream = aStream();
  const events = Array.from({ length: 500 }, (_, n) => numbered(n));
  const appended = await store.client.appendToStream(stream, events, { batchAppendSize: 1_024 });
  expect(appended.nextExpectedRevision).toBe(499n);
  expect(numbersOf(await read(store.client.readStream(stream)))).toEqual(events.map(({ data }) => data.n));
});

it('The events of one append are neighbours in $all, and seen all or none', async () => {
  const streams = Array.from({ length: 20 }, () => aStream());
  const { position } = await store.client.appendToStream(aStream('mark'), [numbered(0)]);
  let appended = 0;
  const appends = streams.map(async (stream) => {
    await store.client.appendToStream(stream, numberedUpTo(10));
    appended += 1;
  });
  while (appended < streams.length) {
    const lengths = await Promise.all(streams.map((stream) => lengthOf(stream)));
    expect(lengths.filter((length) => length !== 0 && length !== 10)).toEqual([]);
  }
  await Promise.all(appends);
  const all = await read(store.client.readAll({ fromPosition: position ?? START }));
  const names = all.map(({ event }) => event?.streamId ?? '');
  for (const stream of streams) {
    const first = names.indexOf(stream);
    expect(numbersOf(all.slice(first, first + 10))).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    expect(names.slice(first, first + 10)).toEqual(Array(10).fill(stream));
  }
});

it('An append that is refused leaves the others of the same connection alone', async (context) => {
  await refusesOneMebibyte(context, store.client);
  const [tooLarge, conflict, fine] = await Promise.allSettled([
    store.client.appendToStream(aStream(), bytes(600_000, 600_000)),
    store.client.appendToStream(aStream(), [numbered(0)], { expectedRevision: 4n }),
    store.client.appendToStream(aStream(), [numbered(0)]),
  ]);
  expect([tooLarge.status, conflict.status, fine.status]).toEqual(['rejected', 'rejected', 'fulfilled']);
});

async function lengthOf(stream: string): Promise<number> {
  const events = read(store.client.readStream(stream));
  return await events.then(
    ({ length }) => length,
    (error: unknown) => {
      if (error instanceof StreamNotFoundError) return 0;
      throw error;
    },
  );
}

async function streamOf(count: number): Promise<string> {
  const stream = aStream();
  await store.client.appendToStream(stream, numberedUpTo(count), { expectedRevision: NO_STREAM });
  return stream;
}

function bytes(...sizes: number[]) {
  return sizes.map((size) => binaryEvent({ type: 'bytes', data: new Uint8Array(size) }));
}

function itself(error: unknown): unknown {
  return error;
}

function disposable(url: string) {
  const client = EventStoreDBClient.connectionString(url);
  return Object.assign(client, { [Symbol.asyncDispose]: () => client.dispose() });
}
