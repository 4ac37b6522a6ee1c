// Status and trailers of what fails, from which the client makes its typed errors.

import streams from '@eventstore/db-client/generated/streams_pb.js';
import { status } from '@grpc/grpc-js';
import { describe, expect, it } from 'vitest';
import {
  answerOf,
  append,
  appendEvent,
  appendOptions,
  deletion,
  type Expected,
  type Failed,
  followRaw,
  identifier,
  none,
  ofAll,
  ofStream,
  reading,
  readRaw,
  tombstoning,
} from './raw.ts';
import { aStream, numberedUpTo, read, useEventStore } from './support.ts';

const store = useEventStore();

const removals = [
  {
    call: 'Delete',
    remove: (stream: string, expected: Expected) =>
      answerOf((done) => store.raw.streams.delete(deletion(stream, expected), done)),
  },
  {
    call: 'Tombstone',
    remove: (stream: string, expected: Expected) =>
      answerOf((done) => store.raw.streams.tombstone(tombstoning(stream, expected), done)),
  },
] as const;

describe.each(removals)('$call', ({ remove }) => {
  it.each<[string, Expected, string]>([
    ['NO_STREAM', 'no_stream', '-1'],
    ['an older revision', 0n, '0'],
    ['a later revision', 7n, '7'],
  ])('with %s of a stream that is elsewhere names both revisions', async (_, expected, named) => {
    const stream = await streamOf(3);
    const { error } = await remove(stream, expected);
    expect(error?.code).toBe(status.FAILED_PRECONDITION);
    expect(error?.metadata.getMap()).toMatchObject({
      exception: 'wrong-expected-version',
      'stream-name': stream,
      'expected-version': named,
      'actual-version': '2',
    });
  });

  it.each<[string, Expected, string]>([
    ['STREAM_EXISTS', 'stream_exists', '-4'],
    ['an exact revision', 4n, '4'],
  ])('with %s of a stream that never was names -1 as its revision', async (_, expected, named) => {
    const stream = aStream();
    const { error } = await remove(stream, expected);
    expect(error?.code).toBe(status.FAILED_PRECONDITION);
    expect(error?.metadata.getMap()).toMatchObject({
      exception: 'wrong-expected-version',
      'stream-name': stream,
      'expected-version': named,
      'actual-version': '-1',
    });
  });

  it.each<Expected>(['any', 'no_stream', 'stream_exists', 1n])(
    'of a tombstoned stream says so, for %s',
    async (expected) => {
      const stream = await tombstoned();
      expectDeleted((await remove(stream, expected)).error, stream);
    },
  );

  it('of a soft-deleted stream says so, for STREAM_EXISTS', async () => {
    const stream = await streamOf(1);
    await store.client.deleteStream(stream);
    expectDeleted((await remove(stream, 'stream_exists')).error, stream);
  });

  it.each<Expected>(['any', 'stream_exists', 1n])('succeeds with %s', async (expected) => {
    const stream = await streamOf(2);
    expect((await remove(stream, expected)).error).toBeUndefined();
  });
});

describe('A position is answered', () => {
  it('by Delete, that of the metadata it writes', async () => {
    const stream = await streamOf(1);
    const { answer } = await answerOf<InstanceType<typeof streams.DeleteResp>>((done) =>
      store.raw.streams.delete(deletion(stream, 'any'), done),
    );
    const [written] = await raw(reading((options) => options.setStream(ofStream(`$$${stream}`))));
    const position = written?.getEvent()?.getCommitPosition();
    expect(answer?.getPosition()?.toObject()).toEqual({ commitPosition: position, preparePosition: position });
    expect(written?.getEvent()?.getEvent()?.getMetadataMap().get('type')).toBe('$metadata');
    const data = Buffer.from(written?.getEvent()?.getEvent()?.getData_asU8() ?? []);
    expect(data.toString().replaceAll(/\s/g, '')).toBe('{"$tb":9223372036854775807}');
  });

  it('by Tombstone, that of the last event of the stream', async () => {
    const stream = await streamOf(1);
    const { answer } = await answerOf<InstanceType<typeof streams.TombstoneResp>>((done) =>
      store.raw.streams.tombstone(tombstoning(stream, 'any'), done),
    );
    const position = answer?.getPosition()?.getCommitPosition() ?? '';
    expect(answer?.getPosition()?.getPreparePosition()).toBe(position);
    const [response] = await raw(reading((options) => options.setAll(ofAll(BigInt(position))).setCount('1')));
    const mark = response?.getEvent()?.getEvent();
    expect(mark?.getStreamRevision()).toBe('9223372036854775807');
    expect(mark?.getData_asU8()).toHaveLength(0);
    expect(Object.fromEntries(mark?.getMetadataMap().toObject() ?? [])).toMatchObject({
      type: '$streamDeleted',
      'content-type': 'application/octet-stream',
    });
  });
});

describe('A tombstoned stream', () => {
  it('is named by an Append', async () => {
    const stream = await tombstoned();
    expectDeleted((await append(store.raw.streams, [appendOptions(stream), appendEvent()])).error, stream);
  });

  it('is named by a Read, once or as a subscription, before anything else', async () => {
    const stream = await tombstoned();
    for (const subscribe of [false, true]) {
      const request = reading((options) => {
        options.setStream(ofStream(stream));
        if (subscribe) options.setSubscription(new streams.ReadReq.Options.SubscriptionOptions());
      });
      using reader = followRaw(store.raw.streams, request);
      const { error, responses } = await reader.until((_, failure) => failure !== undefined);
      expectDeleted(error, stream);
      expect(responses).toEqual([]);
    }
  });

  it('is named by what is written to its metadata', async () => {
    const stream = await tombstoned();
    const { error } = await append(store.raw.streams, [appendOptions(`$$${stream}`), appendEvent()]);
    expect(error?.code).toBe(status.FAILED_PRECONDITION);
    expect(error?.metadata.getMap()).toMatchObject({ exception: 'stream-deleted' });
  });
});

describe('A stream that is not found', () => {
  it('is a message of a Read that succeeds', async () => {
    const stream = aStream();
    const { responses, error } = await readRaw(
      store.raw.streams,
      reading((options) => options.setStream(ofStream(stream))),
    );
    const name = responses[0]?.getStreamNotFound()?.getStreamIdentifier()?.getStreamName_asU8();
    expect(error).toBeUndefined();
    expect(responses).toHaveLength(1);
    expect(Buffer.from(name ?? []).toString()).toBe(stream);
  });
});

describe('A Read fails as unknown', () => {
  it.each([
    ['forwards from the end of a stream', (stream: string) => ofStream(stream).setEnd(none()), '10'],
    ['for a count of zero', (stream: string) => ofStream(stream), '0'],
    ['from revision 2^63', (stream: string) => ofStream(stream).setRevision('9223372036854775808'), '10'],
    ['from revision 2^64 - 2', (stream: string) => ofStream(stream).setRevision('18446744073709551614'), '10'],
    ['forwards from revision 2^64 - 1', (stream: string) => ofStream(stream).setRevision('18446744073709551615'), '10'],
  ])('%s', async (_, from, count) => {
    const stream = await streamOf(3);
    const { error } = await readRaw(
      store.raw.streams,
      reading((options) => options.setStream(from(stream)).setCount(count)),
    );
    expect(error?.code).toBe(status.UNKNOWN);
  });

  it('from a position of $all where no event is', async () => {
    const { position } = await store.client.appendToStream(aStream(), numberedUpTo(3));
    const { error } = await readRaw(
      store.raw.streams,
      reading((options) => options.setAll(ofAll((position?.commit ?? 0n) - 3n))),
    );
    expect(error?.code).toBe(status.UNKNOWN);
    expect(error?.details).toContain('InvalidPosition');
  });

  it.each([
    ['prepare lies after commit', 1n, 2n],
    ['commit is 2^63', 9223372036854775808n, 0n],
  ])('from a position of $all whose %s', async (_, commit, prepare) => {
    const { error } = await readRaw(
      store.raw.streams,
      reading((options) => options.setAll(ofAll(commit, prepare))),
    );
    expect(error?.code).toBe(status.UNKNOWN);
  });
});

describe('A Read is an invalid argument', () => {
  it('as a subscription to $all from a position where no event is', async () => {
    const { position } = await store.client.appendToStream(aStream(), numberedUpTo(3));
    const request = reading((options) =>
      options
        .setAll(ofAll((position?.commit ?? 0n) - 3n))
        .setSubscription(new streams.ReadReq.Options.SubscriptionOptions()),
    );
    using reader = followRaw(store.raw.streams, request);
    const { error } = await reader.until((_, failure) => failure !== undefined);
    expect(error?.code).toBe(status.INVALID_ARGUMENT);
  });
});

describe('A write that leaves open what it expects is an invalid argument', () => {
  it.each<[string, (stream: string) => Promise<Failed>]>([
    [
      'Append',
      (stream) => {
        const options = new streams.AppendReq.Options().setStreamIdentifier(identifier(stream));
        return append(store.raw.streams, [new streams.AppendReq().setOptions(options), appendEvent()]);
      },
    ],
    [
      'Delete',
      (stream) => {
        const options = new streams.DeleteReq.Options().setStreamIdentifier(identifier(stream));
        return answerOf((done) => store.raw.streams.delete(new streams.DeleteReq().setOptions(options), done));
      },
    ],
    [
      'Tombstone',
      (stream) => {
        const options = new streams.TombstoneReq.Options().setStreamIdentifier(identifier(stream));
        return answerOf((done) => store.raw.streams.tombstone(new streams.TombstoneReq().setOptions(options), done));
      },
    ],
  ])('as %s', async (_, write) => {
    const stream = await streamOf(1);
    const { error } = await write(stream);
    expect(error?.code).toBe(status.INVALID_ARGUMENT);
    expect(await read(store.client.readStream(stream))).toHaveLength(1);
  });
});

async function raw(request: ReturnType<typeof reading>) {
  return (await readRaw(store.raw.streams, request)).responses;
}

async function streamOf(count: number): Promise<string> {
  const stream = aStream();
  await store.client.appendToStream(stream, numberedUpTo(count));
  return stream;
}

async function tombstoned(): Promise<string> {
  const stream = await streamOf(2);
  await store.client.tombstoneStream(stream);
  return stream;
}

function expectDeleted(error: Awaited<ReturnType<typeof append>>['error'], stream: string): void {
  expect(error?.code).toBe(status.FAILED_PRECONDITION);
  expect(error?.details).toBe(`Event stream '${stream}' is deleted.`);
  expect(error?.metadata.getMap()).toMatchObject({ exception: 'stream-deleted', 'stream-name': stream });
}
