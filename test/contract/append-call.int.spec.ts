// Append as the protocol has it: the client uses it for calls with credentials of their own.

import { randomUUID } from 'node:crypto';
import { status } from '@grpc/grpc-js';
import { describe, expect, it } from 'vitest';
import { append, appendEvent, appendOptions, structuredId } from './raw.ts';
import { aStream, idsOf, numbered, numberedUpTo, read, refusesOneMebibyte, useEventStore } from './support.ts';

const store = useEventStore();

describe('An Append', () => {
  it('is answered with its last revision and its position, commit and prepare', async () => {
    const stream = aStream();
    const { answer } = await append(store.raw.streams, [appendOptions(stream), appendEvent(), appendEvent()]);
    const [, last] = await read(store.client.readStream(stream));
    const position = `${last?.event?.position?.commit}`;
    expect(answer?.getSuccess()?.getCurrentRevision()).toBe('1');
    expect(answer?.getSuccess()?.getPosition()?.toObject()).toEqual({
      commitPosition: position,
      preparePosition: position,
    });
  });

  it('of no events to no stream has no revision', async () => {
    const { answer } = await append(store.raw.streams, [appendOptions(aStream())]);
    expect(answer?.getSuccess()?.hasNoStream()).toBe(true);
  });

  it('takes the id of an event as two halves', async () => {
    const stream = aStream();
    const id = 'f47ac10b-58cc-4372-a567-0e02b2c3d479';
    await append(store.raw.streams, [appendOptions(stream), appendEvent({ id: structuredId(id) })]);
    expect(idsOf(await read(store.client.readStream(stream)))).toEqual([id]);
  });

  it('that conflicts is answered with what was expected and what was there', async () => {
    const stream = aStream();
    await store.client.appendToStream(stream, numberedUpTo(3));
    const wrong = async (...[name, expected]: Parameters<typeof appendOptions>) => {
      const { answer, error } = await append(store.raw.streams, [appendOptions(name, expected), appendEvent()]);
      expect(error).toBeUndefined();
      return answer?.getWrongExpectedVersion();
    };
    const [noStream, exact, exists, later] = await Promise.all([
      wrong(stream, 'no_stream'),
      wrong(stream, 1n),
      wrong(aStream(), 'stream_exists'),
      wrong(aStream(), 0n),
    ]);
    expect([noStream?.getCurrentRevision(), noStream?.hasExpectedNoStream()]).toEqual(['2', true]);
    expect([exact?.getCurrentRevision(), exact?.getExpectedRevision()]).toEqual(['2', '1']);
    expect([exists?.hasCurrentNoStream(), exists?.hasExpectedStreamExists()]).toEqual([true, true]);
    expect([later?.hasCurrentNoStream(), later?.getExpectedRevision()]).toEqual([true, '0']);
  });

  it('that conflicts with ANY says so', async () => {
    const stream = aStream();
    const event = appendEvent({ id: randomUUID() });
    await append(store.raw.streams, [appendOptions(stream), event]);
    const { answer } = await append(store.raw.streams, [appendOptions(stream), event, appendEvent()]);
    expect(answer?.getWrongExpectedVersion()?.hasExpectedAny()).toBe(true);
    expect(answer?.getWrongExpectedVersion()?.getCurrentRevision()).toBe('0');
  });

  it('repeated when its event is hidden is answered without a position', async () => {
    const stream = aStream();
    const event = appendEvent({ id: randomUUID() });
    await append(store.raw.streams, [appendOptions(stream), event]);
    await store.client.appendToStream(stream, [numbered(1)]);
    await store.client.setStreamMetadata(stream, { truncateBefore: 1 });
    const { answer } = await append(store.raw.streams, [appendOptions(stream, 'no_stream'), event]);
    expect(answer?.getSuccess()?.getCurrentRevision()).toBe('0');
    expect(answer?.getSuccess()?.hasNoPosition()).toBe(true);
  });

  it.each([
    ['whose first message is an event', (stream: string) => [appendEvent(), appendOptions(stream)]],
    ['that names a stream twice', (stream: string) => [appendOptions(stream), appendEvent(), appendOptions(stream)]],
    ['without any message', () => []],
    ['that has only an event', () => [appendEvent()]],
  ])('%s fails as a handler that throws', async (_, messages) => {
    const stream = aStream();
    const { error } = await append(store.raw.streams, messages(stream));
    expect(error?.code).toBe(status.UNKNOWN);
    await expect(read(store.client.readStream(stream))).rejects.toThrow();
  });

  it.each([
    ['an empty stream name', () => [appendOptions(''), appendEvent()]],
    ['the stream name $$', () => [appendOptions('$$'), appendEvent()]],
    [
      'an empty event type',
      () => [appendOptions(aStream()), appendEvent({ metadata: { type: '', 'content-type': 'application/json' } })],
    ],
    ['an id of zeros', () => [appendOptions(aStream()), appendEvent({ id: '00000000-0000-0000-0000-000000000000' })]],
  ])('with %s fails as a handler that throws', async (_, messages) => {
    const { error } = await append(store.raw.streams, messages());
    expect(error?.code).toBe(status.UNKNOWN);
  });

  it.each([
    ['type', { 'content-type': 'application/json' }],
    ['content type', { type: 'type' }],
  ])('with an event that has no %s is refused, and names what is required', async (_, metadata) => {
    const stream = aStream();
    const { error } = await append(store.raw.streams, [
      appendOptions(stream),
      appendEvent(),
      appendEvent({ metadata }),
    ]);
    expect(error?.code).toBe(status.INVALID_ARGUMENT);
    expect(error?.metadata.getMap()).toMatchObject({
      exception: 'missing-required-metadata-property',
      'required-metadata-properties': 'type,content-type',
    });
    await expect(read(store.client.readStream(stream))).rejects.toThrow();
  });

  it('is refused as soon as it is too large, before it has ended', async (context) => {
    await refusesOneMebibyte(context, store.client);
    const stream = aStream();
    const events = [appendEvent({ size: 700_000 }), appendEvent({ size: 700_000 })];
    const { error } = await append(store.raw.streams, [appendOptions(stream), ...events], { open: true });
    expect(error?.code).toBe(status.INVALID_ARGUMENT);
    expect(error?.metadata.getMap()).toMatchObject({
      exception: 'maximum-append-size-exceeded',
      'maximum-append-size': '1048576',
    });
    await expect(read(store.client.readStream(stream))).rejects.toThrow();
  });

  it('that its caller gives up before its end is not stored', async () => {
    const stream = aStream();
    const call = store.raw.streams.append(() => undefined);
    const ended = new Promise((resolve) => call.once('status', resolve));
    call.write(appendOptions(stream));
    call.write(appendEvent());
    call.cancel();
    await ended;
    const appended = await store.client.appendToStream(stream, [numbered(0)], { expectedRevision: 'no_stream' });
    expect(appended.nextExpectedRevision).toBe(0n);
  });
});

describe('The content type of an event', () => {
  it.each([
    ['application/json', 'application/json'],
    ['application/octet-stream', 'application/octet-stream'],
    ['application/json; charset=utf-8', 'application/octet-stream'],
    ['APPLICATION/JSON', 'application/octet-stream'],
    ['text/plain', 'application/octet-stream'],
    ['', 'application/octet-stream'],
  ])('%j comes back as %s', async (given, kept) => {
    const stream = aStream();
    const event = appendEvent({ data: Buffer.from('{}'), metadata: { type: 'type', 'content-type': given } });
    await append(store.raw.streams, [appendOptions(stream), event]);
    const [resolved] = await read(store.client.readStream(stream));
    expect(resolved?.event?.isJson).toBe(kept === 'application/json');
  });

  it('is not checked against the data', async () => {
    const stream = aStream();
    const metadata = { type: 'type', 'content-type': 'application/json' };
    await append(store.raw.streams, [appendOptions(stream), appendEvent({ data: Buffer.from('{no'), metadata })]);
    const [resolved] = await read(store.client.readStream(stream));
    expect(resolved?.event).toMatchObject({ isJson: true, data: '{no' });
  });
});

it('An Append of hundreds of messages is stored as one', async () => {
  const stream = aStream();
  const ids = Array.from({ length: 500 }, () => randomUUID());
  const { answer } = await append(store.raw.streams, [
    appendOptions(stream, 'no_stream'),
    ...ids.map((id) => appendEvent({ id })),
  ]);
  expect(answer?.getSuccess()?.getCurrentRevision()).toBe('499');
  expect(idsOf(await read(store.client.readStream(stream)))).toEqual(ids);
});
