// Read as the protocol has it: what may be combined, and what is in the answers.

import { binaryEvent, jsonEvent } from '@eventstore/db-client';
import streams from '@eventstore/db-client/generated/streams_pb.js';
import { status } from '@grpc/grpc-js';
import { describe, expect, it } from 'vitest';
import { followRaw, idOf, none, ofAll, ofStream, reading, readRaw } from './raw.ts';
import { aStream, numbered, numberedUpTo, useEventStore } from './support.ts';

const store = useEventStore();
const { Options } = streams.ReadReq;
type ReadOptions = InstanceType<typeof Options>;

const backwards = Options.ReadDirection.BACKWARDS;
const asSubscription = () => new Options.SubscriptionOptions();
const everything = () => new Options.FilterOptions.Expression().setRegex('.*');
const filter = () =>
  new Options.FilterOptions().setEventType(everything()).setMax(32).setCheckpointintervalmultiplier(1);
const structured = () => new Options.UUIDOption().setStructured(none());
const start = () => new Options.AllOptions().setStart(none());

describe('An event that is read', () => {
  it('has its id in the form that was asked for', async () => {
    const stream = aStream();
    await store.client.appendToStream(stream, [numbered(0, 'f47ac10b-58cc-4372-a567-0e02b2c3d479')]);
    const [asText] = await events((options) => options.setStream(ofStream(stream)));
    const [asHalves] = await events((options) => options.setStream(ofStream(stream)).setUuidOption(structured()));
    expect(asText?.getEvent()?.getId()?.getString()).toBe('f47ac10b-58cc-4372-a567-0e02b2c3d479');
    expect(asHalves?.getEvent()?.getId()?.hasStructured()).toBe(true);
    expect(idOf(asHalves?.getEvent()?.getId())).toBe('f47ac10b-58cc-4372-a567-0e02b2c3d479');
  });

  it('has exactly three system metadata entries', async () => {
    const stream = aStream();
    await store.client.appendToStream(stream, [numbered(0)]);
    const [found] = await events((options) => options.setStream(ofStream(stream)));
    const metadata = new Map(found?.getEvent()?.getMetadataMap().toObject());
    expect([...metadata.keys()].toSorted()).toEqual(['content-type', 'created', 'type']);
    expect(metadata.get('type')).toBe('Numbered');
    expect(metadata.get('content-type')).toBe('application/json');
  });

  it('was created now, in units of 100 ns since 1970', async () => {
    const stream = aStream();
    const before = Date.now();
    await store.client.appendToStream(stream, [numbered(0)]);
    const [found] = await events((options) => options.setStream(ofStream(stream)));
    const created = found?.getEvent()?.getMetadataMap().get('created') ?? '';
    expect(created).toMatch(/^\d{17}$/);
    expect(Math.abs(Number(BigInt(created) / 10_000n) - before)).toBeLessThan(60_000);
  });

  it('has its stream, its revision, and one position as commit and prepare', async () => {
    const stream = aStream('größe');
    const { position } = await store.client.appendToStream(stream, numberedUpTo(2));
    const [, found] = await events((options) => options.setStream(ofStream(stream)));
    expect(Buffer.from(found?.getEvent()?.getStreamIdentifier()?.getStreamName_asU8() ?? []).toString()).toBe(stream);
    expect(found?.getEvent()?.getStreamRevision()).toBe('1');
    expect(found?.getEvent()?.getCommitPosition()).toBe(`${position?.commit}`);
    expect(found?.getEvent()?.getPreparePosition()).toBe(`${position?.commit}`);
    expect(found?.getCommitPosition()).toBe(`${position?.commit}`);
    expect(found?.hasLink()).toBe(false);
  });

  it('has its data and its own metadata byte by byte', async () => {
    const stream = aStream();
    const data = Uint8Array.from({ length: 256 }, (_, n) => n);
    await store.client.appendToStream(stream, [binaryEvent({ type: 'raw', data, metadata: data.toReversed() })]);
    const [found] = await events((options) => options.setStream(ofStream(stream)));
    expect(Buffer.from(found?.getEvent()?.getData_asU8() ?? [])).toEqual(Buffer.from(data));
    expect(Buffer.from(found?.getEvent()?.getCustomMetadata_asU8() ?? [])).toEqual(Buffer.from(data.toReversed()));
  });

  it('is the same in its stream and in $all', async () => {
    const stream = aStream();
    const { position } = await store.client.appendToStream(stream, [numbered(0)]);
    const [inStream] = await events((options) => options.setStream(ofStream(stream)));
    const [inAll] = await events((options) => options.setAll(ofAll(position?.commit ?? 0n)).setCount('1'));
    expect(inAll?.toObject()).toEqual(inStream?.toObject());
  });

  it('through a link has the position of the link, beside its own', async () => {
    const [target, links] = [aStream(), aStream('links')];
    const { position } = await store.client.appendToStream(target, [numbered(0)]);
    const link = { ...jsonEvent({ type: '$>', data: {} }), contentType: 'application/octet-stream' as const };
    const linked = await store.client.appendToStream(links, [{ ...link, data: Buffer.from(`0@${target}`) }]);
    const [found] = await events((options) => options.setStream(ofStream(links)).setResolveLinks(true));
    expect(found?.getCommitPosition()).toBe(`${linked.position?.commit}`);
    expect(found?.getLink()?.getCommitPosition()).toBe(`${linked.position?.commit}`);
    expect(found?.getEvent()?.getCommitPosition()).toBe(`${position?.commit}`);
  });
});

describe('A Read may be', () => {
  it.each<[string, (options: ReadOptions, stream: string) => unknown]>([
    ['of a stream, forwards', (options, stream) => options.setStream(ofStream(stream))],
    [
      'of a stream, backwards from its end',
      (options, stream) => options.setStream(ofStream(stream).setEnd(none())).setReadDirection(backwards),
    ],
    [
      'of a stream, backwards from revision 2^64 - 1, which is its end',
      (options, stream) =>
        options.setStream(ofStream(stream).setRevision('18446744073709551615')).setReadDirection(backwards),
    ],
    ['of $all, forwards', (options) => options.setAll(start())],
    ['of $all, backwards from its end', (options) => options.setAll(end()).setReadDirection(backwards)],
    [
      'of $all, backwards from position 2^64 - 1, which is its end',
      (options) => options.setAll(ofAll(18446744073709551615n)).setReadDirection(backwards),
    ],
    ['of $all, forwards with a filter', (options) => options.setAll(start()).setFilter(filter())],
    [
      'of $all, backwards with a filter',
      (options) => options.setAll(end()).setReadDirection(backwards).setFilter(filter()),
    ],
  ])('%s', async (_, change) => {
    const stream = aStream();
    await store.client.appendToStream(stream, numberedUpTo(3));
    const { responses, error } = await readRaw(
      store.raw.streams,
      reading((options) => change(options.setCount('3'), stream)),
    );
    expect(error).toBeUndefined();
    expect(responses).toHaveLength(3);
  });

  it('of $all, of which a filter lets pass a count of events', async () => {
    const [stream, other] = [aStream(), aStream('other')];
    const { position } = await store.client.appendToStream(other, [numbered(0)]);
    for (const n of [0, 1, 2, 3]) {
      await store.client.appendToStream(other, numberedUpTo(3));
      await store.client.appendToStream(stream, [numbered(n)]);
    }
    const ours = new Options.FilterOptions.Expression().setPrefixList([stream]);
    const filtered = () => new Options.FilterOptions().setStreamIdentifier(ours).setCount(none());
    const forwards = await events((options) =>
      options
        .setAll(ofAll(position?.commit ?? 0n))
        .setFilter(filtered())
        .setCount('3'),
    );
    expect(forwards.map((event) => event?.getEvent()?.getStreamRevision())).toEqual(['0', '1', '2']);
    const newest = await events((options) =>
      options.setAll(end()).setReadDirection(backwards).setFilter(filtered()).setCount('3'),
    );
    expect(newest.map((event) => event?.getEvent()?.getStreamRevision())).toEqual(['3', '2', '1']);
  });

  it.each<[string, (options: ReadOptions, stream: string) => unknown]>([
    ['to a stream', (options, stream) => options.setStream(ofStream(stream))],
    ['to $all', (options) => options.setAll(start())],
    ['to $all with a filter', (options) => options.setAll(start()).setFilter(filter())],
  ])('a subscription %s, which is confirmed first of all', async (_, change) => {
    const stream = aStream();
    await store.client.appendToStream(stream, numberedUpTo(3));
    using reader = followRaw(
      store.raw.streams,
      reading((options) => change(options.setSubscription(asSubscription()), stream)),
    );
    const { responses } = await reader.until(({ length }) => length >= 4);
    expect(responses[0]?.getConfirmation()?.getSubscriptionId()).toMatch(/^[0-9a-f-]{36}$/i);
    expect(responses.slice(1, 4).every((response) => response.hasEvent())).toBe(true);
  });

  it('a subscription that has its ids as two halves', async () => {
    const stream = aStream();
    const event = numbered(0);
    await store.client.appendToStream(stream, [event]);
    using reader = followRaw(
      store.raw.streams,
      reading((options) =>
        options.setStream(ofStream(stream)).setSubscription(asSubscription()).setUuidOption(structured()),
      ),
    );
    const { responses } = await reader.until(({ length }) => length >= 2);
    expect(responses[1]?.getEvent()?.getEvent()?.getId()?.hasStructured()).toBe(true);
    expect(idOf(responses[1]?.getEvent()?.getEvent()?.getId())).toBe(event.id);
  });
});

describe('A Read may not', () => {
  it.each<[string, (options: ReadOptions, stream: string) => unknown]>([
    ['leave open how ids are written', (options) => options.clearUuidOption()],
    ['leave open what is read', (options) => options.clearStream()],
    ['leave open how much is read', (options) => options.clearCount()],
    ['leave open whether it is filtered', (options) => options.clearNoFilter()],
    ['filter a stream', (options) => options.setFilter(filter())],
    ['filter a subscription to a stream', (options) => options.setFilter(filter()).setSubscription(asSubscription())],
    [
      'run backwards as a subscription to a stream',
      (options) => options.setReadDirection(backwards).setSubscription(asSubscription()),
    ],
    [
      'run backwards as a subscription to $all',
      (options) => options.setAll(start()).setReadDirection(backwards).setSubscription(asSubscription()),
    ],
    [
      'run backwards as a filtered subscription to $all',
      (options) =>
        options.setAll(start()).setReadDirection(backwards).setFilter(filter()).setSubscription(asSubscription()),
    ],
    [
      'leave open what it filters by',
      (options) => options.setAll(start()).setFilter(new Options.FilterOptions().setMax(32)),
    ],
    [
      'leave open how far a filter looks',
      (options) => options.setAll(start()).setFilter(new Options.FilterOptions().setEventType(everything())),
    ],
  ])('%s', async (_, change) => {
    const stream = aStream();
    const request = reading((options) => change(options.setStream(ofStream(stream)), stream));
    const { error, responses } = await readRaw(store.raw.streams, request);
    expect(error?.code).toBe(status.INVALID_ARGUMENT);
    expect(responses).toEqual([]);
  });
});

describe('A Read of many events', () => {
  it.each([1, 31, 32, 33, 511, 512, 513, 1_024])('gives exactly the count of %i', async (count) => {
    const stream = await longStream();
    for (const direction of [Options.ReadDirection.FORWARDS, backwards]) {
      const from = direction === backwards ? ofStream(stream).setEnd(none()) : ofStream(stream);
      const found = await events((options) => options.setStream(from).setReadDirection(direction).setCount(`${count}`));
      expect(found).toHaveLength(count);
    }
  });
});

let long: Promise<string> | undefined;

function longStream(): Promise<string> {
  long ??= (async () => {
    const stream = aStream();
    for (const batch of [0, 1, 2]) await store.client.appendToStream(stream, numberedUpTo(400 + batch));
    return stream;
  })();
  return long;
}

function end() {
  return new Options.AllOptions().setEnd(none());
}

async function events(change: (options: ReadOptions) => unknown) {
  const { responses, error } = await readRaw(store.raw.streams, reading(change));
  expect(error).toBeUndefined();
  return responses.map((response) => response.getEvent());
}
