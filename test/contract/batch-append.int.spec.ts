// What the client does by itself with BatchAppend is in append.int.spec.ts; here is the call as the protocol has it.

import { randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import shared from '@eventstore/db-client/generated/shared_pb.js';
import type { BatchAppendResp } from '@eventstore/db-client/generated/streams_pb.js';
import { status } from '@grpc/grpc-js';
import timestamp from 'google-protobuf/google/protobuf/timestamp_pb.js';
import { describe, expect, it } from 'vitest';
import { batchOf, type Chunk, chunk, correlationOf, further, structuredId } from './raw.ts';
import { aStream, idsOf, numbered, numberedUpTo, read, refusesOneMebibyte, useEventStore } from './support.ts';

const store = useEventStore();

describe('A batch append', () => {
  it('in one chunk is answered with its last revision, its position and its stream', async () => {
    using batch = batchOf(store.raw.streams);
    const stream = aStream();
    const request = chunk(stream, [{}, {}]);
    batch.send(request);
    const answer = await batch.answerTo(request);
    const [, last] = await read(store.client.readStream(stream));
    expect(answer.getSuccess()?.getCurrentRevision()).toBe('1');
    expect(answer.getSuccess()?.getPosition()?.toObject()).toEqual({
      commitPosition: `${last?.event?.position?.commit}`,
      preparePosition: `${last?.event?.position?.commit}`,
    });
    expect(streamOf(answer)).toBe(stream);
    expect(answer.hasError()).toBe(false);
  });

  it('in many chunks is stored as one, when the final one has arrived', async () => {
    using batch = batchOf(store.raw.streams);
    const stream = aStream();
    const ids = Array.from({ length: 5 }, () => randomUUID());
    const [first, ...rest] = chunksOf(stream, ids);
    const fence = chunk(aStream());
    batch.send(first, ...rest.slice(0, -1), fence);
    await batch.answerTo(fence);
    expect(batch.answersTo(first)).toEqual([]);
    await expect(read(store.client.readStream(stream))).rejects.toThrow();
    batch.send(...rest.slice(-1));
    expect((await batch.answerTo(first)).getSuccess()?.getCurrentRevision()).toBe('4');
    expect(idsOf(await read(store.client.readStream(stream)))).toEqual(ids);
  });

  it('may begin with a chunk that has options and no events', async () => {
    using batch = batchOf(store.raw.streams);
    const first = chunk(aStream(), []).setIsFinal(false);
    batch.send(first, further(correlationOf(first), [{}, {}]));
    expect((await batch.answerTo(first)).getSuccess()?.getCurrentRevision()).toBe('1');
  });

  it('may end with a chunk that has no events', async () => {
    using batch = batchOf(store.raw.streams);
    const first = chunk(aStream()).setIsFinal(false);
    batch.send(first, further(correlationOf(first), []));
    expect((await batch.answerTo(first)).getSuccess()?.getCurrentRevision()).toBe('0');
  });

  it('of no events to no stream has no revision, but a position', async () => {
    using batch = batchOf(store.raw.streams);
    const request = chunk(aStream(), []);
    batch.send(request);
    const success = (await batch.answerTo(request)).getSuccess();
    expect(success?.hasNoStream()).toBe(true);
    expect(success?.hasPosition()).toBe(true);
  });

  it('is kept apart from others whose chunks interleave with its own', async () => {
    using batch = batchOf(store.raw.streams);
    const [one, other] = [aStream(), aStream()];
    const [ids, otherIds] = [
      [randomUUID(), randomUUID(), randomUUID()],
      [randomUUID(), randomUUID(), randomUUID()],
    ];
    const [a, b] = [chunksOf(one, ids), chunksOf(other, otherIds)];
    batch.send(a[0], b[0], ...b.slice(1, 2), ...a.slice(1, 2), ...b.slice(2), ...a.slice(2));
    await Promise.all([batch.answerTo(a[0]), batch.answerTo(b[0])]);
    expect(idsOf(await read(store.client.readStream(one)))).toEqual(ids);
    expect(idsOf(await read(store.client.readStream(other)))).toEqual(otherIds);
  });

  it('is executed in the order of the final chunks', async () => {
    using batch = batchOf(store.raw.streams);
    const stream = aStream();
    const [early, late] = [[randomUUID(), randomUUID()] as const, [randomUUID(), randomUUID()] as const];
    const [a, b] = [chunksOf(stream, early), chunksOf(stream, late)];
    batch.send(a[0], b[0], ...b.slice(1), ...a.slice(1));
    await Promise.all([batch.answerTo(a[0]), batch.answerTo(b[0])]);
    expect(idsOf(await read(store.client.readStream(stream)))).toEqual([...late, ...early]);
  });

  it('takes ids of events, and a correlation id, as two halves', async () => {
    using batch = batchOf(store.raw.streams);
    const stream = aStream();
    const id = 'f47ac10b-58cc-4372-a567-0e02b2c3d479';
    const request = chunk(stream, [{ id: structuredId(id) }]).setCorrelationId(structuredId(randomUUID()));
    batch.send(request);
    expect((await batch.answerTo(request)).hasSuccess()).toBe(true);
    expect(idsOf(await read(store.client.readStream(stream)))).toEqual([id]);
  });

  it('may have the correlation id of one that was answered', async () => {
    using batch = batchOf(store.raw.streams);
    const stream = aStream();
    const first = chunk(stream);
    batch.send(first);
    await batch.answerTo(first);
    const fence = chunk(aStream());
    batch.send(chunk(stream).setCorrelationId(first.getCorrelationId()), fence);
    await batch.answerTo(fence);
    expect(batch.answersTo(first).map((answer) => answer.getSuccess()?.getCurrentRevision())).toEqual(['0', '1']);
  });

  it('is answered once', async () => {
    using batch = batchOf(store.raw.streams);
    const stream = aStream();
    const requests = [chunk(stream), chunk(stream, [{}], 7n), chunk(stream, [{}, {}]), chunk('')];
    const fence = chunk(stream);
    batch.send(...requests, fence);
    await Promise.all([...requests, fence].map((request) => batch.answerTo(request)));
    const after = chunk(stream);
    batch.send(after);
    await batch.answerTo(after);
    expect(batch.answers).toHaveLength(6);
  });

  it('is answered when the caller has said that no more will come', async () => {
    using batch = batchOf(store.raw.streams);
    const request = chunk(aStream());
    batch.send(request);
    batch.halfClose();
    expect((await batch.answerTo(request)).hasSuccess()).toBe(true);
  });

  it('that was not finished when its caller went away is not stored', async () => {
    const stream = aStream();
    {
      using batch = batchOf(store.raw.streams);
      const fence = chunk(aStream());
      batch.send(chunk(stream).setIsFinal(false), fence);
      await batch.answerTo(fence);
    }
    const appended = await store.client.appendToStream(stream, [numbered(0)], { expectedRevision: 'no_stream' });
    expect(appended.nextExpectedRevision).toBe(0n);
  });
});

describe('Chunks are ignored', () => {
  it('that belong to no append', async () => {
    using batch = batchOf(store.raw.streams);
    const stray = further(randomUUID());
    const fence = chunk(aStream());
    batch.send(stray, fence);
    expect((await batch.answerTo(fence)).hasSuccess()).toBe(true);
    expect(batch.answersTo(stray)).toEqual([]);
  });

  it('that come after the append was refused for its deadline', async () => {
    using batch = batchOf(store.raw.streams);
    const first = withDeadline(chunk(aStream()).setIsFinal(false), 0);
    const fence = chunk(aStream());
    batch.send(first, further(correlationOf(first)), fence);
    await batch.answerTo(fence);
    expect(batch.answersTo(first).map(errorOf)).toEqual(['Timeout']);
  });

  it('that come after the append was refused for its size', async (context) => {
    await refusesOneMebibyte(context, store.client);
    using batch = batchOf(store.raw.streams);
    const stream = aStream();
    const first = chunk(stream, [{ size: 700_000 }]).setIsFinal(false);
    const more = [{ size: 700_000 }];
    const fence = chunk(aStream());
    batch.send(first, further(correlationOf(first), more).setIsFinal(false), further(correlationOf(first)), fence);
    await batch.answerTo(fence);
    expect(batch.answersTo(first).map(errorOf)).toEqual(['MaximumAppendSizeExceeded']);
    await expect(read(store.client.readStream(stream))).rejects.toThrow();
  });
});

describe('The deadline of a batch append', () => {
  it('refuses it at once when it has passed', async () => {
    using batch = batchOf(store.raw.streams);
    const stream = aStream();
    const request = withDeadline(chunk(stream), Date.now() - 1_000);
    batch.send(request);
    const answer = await batch.answerTo(request);
    expect(answer.getError()?.getCode()).toBe(status.DEADLINE_EXCEEDED);
    expect(errorOf(answer)).toBe('Timeout');
    expect(detailOf(answer)).toEqual({ type: 'event_store.client.Timeout', value: Buffer.alloc(0) });
    expect(streamOf(answer)).toBe(stream);
  });

  it('refuses it when the final chunk has not arrived by then', async () => {
    using batch = batchOf(store.raw.streams);
    const request = withDeadline(chunk(aStream()).setIsFinal(false), Date.now() + 300);
    batch.send(request);
    expect(errorOf(await batch.answerTo(request))).toBe('Timeout');
  });

  it.each([
    ['says nothing', (request: Chunk) => request],
    ['asks for more', (request: Chunk) => withDeadline(request, Date.now() + 60_000)],
  ])('is two seconds, and no less, when it %s', async (_, change) => {
    using batch = batchOf(store.raw.streams);
    const request = change(chunk(aStream()).setIsFinal(false));
    const sent = performance.now();
    batch.send(request);
    expect(errorOf(await batch.answerTo(request))).toBe('Timeout');
    expect(performance.now() - sent).toBeGreaterThan(1_900);
  });

  // Once more where the machine itself stood still for the other second.
  it('leaves time for a final chunk that comes a second later', { retry: 2 }, async () => {
    using batch = batchOf(store.raw.streams);
    const first = chunk(aStream()).setIsFinal(false);
    batch.send(first);
    await pause(1_000);
    batch.send(further(correlationOf(first)));
    expect((await batch.answerTo(first)).getSuccess()?.getCurrentRevision()).toBe('1');
  });

  it('does not matter when it is kept', async () => {
    using batch = batchOf(store.raw.streams);
    const first = withDeadline(chunk(aStream()).setIsFinal(false), Date.now() + 60_000);
    batch.send(first, further(correlationOf(first)));
    expect((await batch.answerTo(first)).getSuccess()?.getCurrentRevision()).toBe('1');
  });
});

describe('A refused batch append', () => {
  it.each([
    ['an empty stream name', () => chunk('')],
    ['the stream name $$', () => chunk('$$')],
    ['an empty event type', () => chunk(aStream(), [{ metadata: { type: '', 'content-type': 'application/json' } }])],
    ['an id of zeros', () => chunk(aStream(), [{ id: '00000000-0000-0000-0000-000000000000' }])],
  ])('is a bad request with %s', async (_, make) => {
    using batch = batchOf(store.raw.streams);
    const request = make();
    batch.send(request);
    const answer = await batch.answerTo(request);
    expect(answer.getError()?.getCode()).toBe(status.INVALID_ARGUMENT);
    expect(errorOf(answer)).toBe('BadRequest');
    expect(detailOf(answer).type).toBe('event_store.client.BadRequest');
    expect(answer.hasStreamIdentifier()).toBe(true);
  });

  it('names what was expected and what was there', async () => {
    using batch = batchOf(store.raw.streams);
    const stream = aStream();
    await store.client.appendToStream(stream, numberedUpTo(3));
    const requests = [
      chunk(stream, [{}], 'no_stream'),
      chunk(stream, [{}], 1n),
      chunk(aStream(), [{}], 'stream_exists'),
      chunk(aStream(), [{}], 0n),
    ];
    batch.send(...requests);
    const answers = await Promise.all(requests.map((request) => batch.answerTo(request)));
    expect(answers.map((answer) => answer.getError()?.getCode())).toEqual(Array(4).fill(status.ALREADY_EXISTS));
    expect(answers.map(errorOf)).toEqual(Array(4).fill('WrongExpectedVersion'));
    expect(answers.map(conflictOf)).toEqual([
      { current: '2', expected: 'no_stream' },
      { current: '2', expected: '1' },
      { current: 'no_stream', expected: 'stream_exists' },
      { current: 'no_stream', expected: '0' },
    ]);
  });

  it('names, with ANY, the revision where an earlier append goes on differently', async () => {
    using batch = batchOf(store.raw.streams);
    const stream = aStream();
    const id = randomUUID();
    const requests = [chunk(stream, [{ id }]), chunk(stream, [{ id }, {}])] as const;
    batch.send(...requests);
    expect(conflictOf(await batch.answerTo(requests[1]))).toEqual({ current: '0', expected: 'any' });
  });

  it('names the deleted stream', async () => {
    using batch = batchOf(store.raw.streams);
    const [tombstoned, softDeleted] = [aStream(), aStream()];
    await store.client.tombstoneStream(tombstoned);
    await store.client.appendToStream(softDeleted, [numbered(0)]);
    await store.client.deleteStream(softDeleted);
    const requests = [chunk(tombstoned), chunk(softDeleted, [{}], 'stream_exists')] as const;
    batch.send(...requests);
    for (const [index, stream] of [tombstoned, softDeleted].entries()) {
      const answer = await batch.answerTo(requests[index] ?? requests[0]);
      const { type, value } = detailOf(answer);
      expect(answer.getError()?.getCode()).toBe(status.NOT_FOUND);
      expect(errorOf(answer)).toBe('StreamDeleted');
      expect(type).toBe('event_store.client.StreamDeleted');
      const name = shared.StreamDeleted.deserializeBinary(value).getStreamIdentifier()?.getStreamName_asU8();
      expect(Buffer.from(name ?? []).toString()).toBe(stream);
    }
  });

  it('names the size limit', async (context) => {
    await refusesOneMebibyte(context, store.client);
    using batch = batchOf(store.raw.streams);
    const request = chunk(aStream(), [{ size: 1_048_577 }]);
    batch.send(request);
    const answer = await batch.answerTo(request);
    const { type, value } = detailOf(answer);
    expect(answer.getError()?.getCode()).toBe(status.INVALID_ARGUMENT);
    expect(type).toBe('event_store.client.MaximumAppendSizeExceeded');
    expect(shared.MaximumAppendSizeExceeded.deserializeBinary(value).getMaxappendsize()).toBe(1_048_576);
  });

  it('leaves the call open for the others', async () => {
    using batch = batchOf(store.raw.streams);
    const stream = aStream();
    await store.client.tombstoneStream(stream);
    const refused = [chunk(stream), chunk(''), chunk(aStream(), [{}], 3n), withDeadline(chunk(aStream()), 0)];
    const fine = chunk(aStream());
    batch.send(...refused, fine);
    expect((await batch.answerTo(fine)).hasSuccess()).toBe(true);
    const answers = await Promise.all(refused.map((request) => batch.answerTo(request)));
    expect(answers.map(errorOf)).toEqual(['StreamDeleted', 'BadRequest', 'WrongExpectedVersion', 'Timeout']);
    const later = chunk(aStream());
    batch.send(later);
    expect((await batch.answerTo(later)).hasSuccess()).toBe(true);
  });

  it('names its stream also when its last chunk does not', async () => {
    using batch = batchOf(store.raw.streams);
    const stream = aStream();
    const first = chunk(stream, [{}], 5n).setIsFinal(false);
    batch.send(first, further(correlationOf(first)));
    const answer = await batch.answerTo(first);
    expect(errorOf(answer)).toBe('WrongExpectedVersion');
    expect(streamOf(answer)).toBe(stream);
  });
});

function chunksOf(stream: string, ids: readonly string[]): [Chunk, ...Chunk[]] {
  const [first, ...rest] = ids.map((id) => [{ id }]);
  const begin = chunk(stream, first).setIsFinal(rest.length === 0);
  const correlation = correlationOf(begin);
  return [begin, ...rest.map((event, n) => further(correlation, event).setIsFinal(n === rest.length - 1))];
}

function withDeadline(request: Chunk, time: number): Chunk {
  request.getOptions()?.setDeadline(timestamp.Timestamp.fromDate(new Date(time)));
  return request;
}

function streamOf(answer: BatchAppendResp): string {
  return Buffer.from(answer.getStreamIdentifier()?.getStreamName_asU8() ?? []).toString();
}

function errorOf(answer: BatchAppendResp): string | undefined {
  return answer.getError()?.getMessage();
}

function detailOf(answer: BatchAppendResp) {
  const detail = answer.getError()?.getDetails();
  return { type: detail?.getTypeUrl().split('/').at(-1), value: Buffer.from(detail?.getValue_asU8() ?? []) };
}

function conflictOf(answer: BatchAppendResp) {
  const { type, value } = detailOf(answer);
  expect(type).toBe('event_store.client.WrongExpectedVersion');
  const detail = shared.WrongExpectedVersion.deserializeBinary(value);
  const expected = detail.hasExpectedAny()
    ? 'any'
    : detail.hasExpectedNoStream()
      ? 'no_stream'
      : detail.hasExpectedStreamExists()
        ? 'stream_exists'
        : detail.getExpectedStreamPosition();
  return { current: detail.hasCurrentNoStream() ? 'no_stream' : detail.getCurrentStreamRevision(), expected };
}
