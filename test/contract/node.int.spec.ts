// What the client does not send by itself, and what a node says about itself: asked with the bare protocol.

import {
  EventStoreDBClient,
  jsonEvent,
  persistentSubscriptionToStreamSettingsFromDefaults,
} from '@eventstore/db-client';
import grpcFeatures from '@eventstore/db-client/generated/serverfeatures_grpc_pb.js';
import type { SupportedMethods } from '@eventstore/db-client/generated/serverfeatures_pb.js';
import shared from '@eventstore/db-client/generated/shared_pb.js';
import grpcStreams from '@eventstore/db-client/generated/streams_grpc_pb.js';
import type { BatchAppendResp, ReadResp } from '@eventstore/db-client/generated/streams_pb.js';
import streams from '@eventstore/db-client/generated/streams_pb.js';
import { credentials, type ServiceError, status } from '@grpc/grpc-js';
import timestamp from 'google-protobuf/google/protobuf/timestamp_pb.js';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startEventStore } from '../../embedded/event-store/server.ts';
import { aStream, externalUrl, follow, numbered, numberedUpTo, numbersOf, read, useEventStore } from './support.ts';

const store = useEventStore();
const { Options } = streams.ReadReq;

let raw: InstanceType<typeof grpcStreams.StreamsClient>;
let features: InstanceType<typeof grpcFeatures.ServerFeaturesClient>;

beforeAll(() => {
  const authority = new URL(store.url()).host;
  raw = new grpcStreams.StreamsClient(authority, credentials.createInsecure());
  features = new grpcFeatures.ServerFeaturesClient(authority, credentials.createInsecure());
});

afterAll(() => {
  raw.close();
  features.close();
});

describe('A node', () => {
  it('lists the calls that it answers, in lower case, with their features', async () => {
    const supported = await new Promise<SupportedMethods>((resolve, reject) => {
      features.getSupportedMethods(new shared.Empty(), (error, answer) => (error ? reject(error) : resolve(answer)));
    });
    const methods = new Map(
      supported.getMethodsList().map((method) => [`${method.getServiceName()}/${method.getMethodName()}`, method]),
    );
    expect(methods.get('event_store.client.streams.streams/batchappend')?.getFeaturesList()).toEqual([
      'deadline_duration',
    ]);
    expect(methods.has('event_store.client.streams.streams/tombstone')).toBe(true);
    expect(supported.getEventStoreServerVersion()).toMatch(/^\d+\.\d+\.\d+/);
  });

  it('presents itself as the leader of its cluster', async () => {
    const { host } = new URL(store.url());
    const client = EventStoreDBClient.connectionString(`esdb+discover://${host}?tls=false`);
    const appended = await client.appendToStream(aStream(), [numbered(0)]);
    expect(appended.success).toBe(true);
    await client.dispose();
  });

  it.skipIf(externalUrl)('does not claim what it cannot do', async () => {
    const settings = persistentSubscriptionToStreamSettingsFromDefaults();
    const attempt = store.client.createPersistentSubscriptionToStream(aStream(), 'group', settings);
    await expect(attempt).rejects.toThrow();
  });
});

describe('Read', () => {
  it('answers with structured ids when asked to', async () => {
    const stream = aStream();
    await store.client.appendToStream(stream, [numbered(0, 'f47ac10b-58cc-4372-a567-0e02b2c3d479')]);
    const { responses } = await readRaw(readOf(stream, new Options.UUIDOption().setStructured(new shared.Empty())));
    const id = responses[0]?.getEvent()?.getEvent()?.getId()?.getStructured();
    expect(BigInt.asUintN(64, BigInt(id?.getMostSignificantBits() ?? 0)).toString(16)).toBe('f47ac10b58cc4372');
    expect(BigInt.asUintN(64, BigInt(id?.getLeastSignificantBits() ?? 0)).toString(16)).toBe('a5670e02b2c3d479');
  });

  it('gives an event exactly three system metadata entries and its position', async () => {
    const stream = aStream();
    const { position } = await store.client.appendToStream(stream, [numbered(0)]);
    const { responses } = await readRaw(readOf(stream, new Options.UUIDOption().setString(new shared.Empty())));
    const event = responses[0]?.getEvent();
    const metadata = new Map(event?.getEvent()?.getMetadataMap().toObject());
    expect([...metadata.keys()].toSorted()).toEqual(['content-type', 'created', 'type']);
    expect(metadata.get('created')).toMatch(/^\d{17}$/);
    expect(event?.getCommitPosition()).toBe(`${position?.commit}`);
    expect(event?.hasLink()).toBe(false);
  });

  it.each([
    ['without a format for ids', (stream: string) => readOf(stream, undefined)],
    ['backwards as a subscription', backwardsSubscription],
  ])('refuses to go %s', async (_, request) => {
    const { error } = await readRaw(request(aStream()));
    expect(error?.code).toBe(status.INVALID_ARGUMENT);
  });
});

describe('BatchAppend', () => {
  it('answers an expired deadline with a timeout, and nothing more', async () => {
    const first = chunk(aStream()).setIsFinal(false);
    first.getOptions()?.setDeadline(timestamp.Timestamp.fromDate(new Date(0)));
    const last = new streams.BatchAppendReq().setCorrelationId(first.getCorrelationId()).setIsFinal(true);
    const other = chunk(aStream());
    const answers = await batch([first, last, other], 2);
    expect(answers.map((answer) => answer.getError()?.getMessage())).toEqual(['Timeout', undefined]);
    expect(answers[0]?.getError()?.getCode()).toBe(status.DEADLINE_EXCEEDED);
  });

  it('refuses an append as soon as it is too large, once, and names the stream', async () => {
    const stream = aStream();
    const first = chunk(stream, 700_000).setIsFinal(false);
    const second = continuing(first, 700_000).setIsFinal(false);
    const last = new streams.BatchAppendReq().setCorrelationId(first.getCorrelationId()).setIsFinal(true);
    const answers = await batch([first, second, last, chunk(aStream())], 2);
    expect(answers[0]?.getError()?.getMessage()).toBe('MaximumAppendSizeExceeded');
    expect(Buffer.from(answers[0]?.getStreamIdentifier()?.getStreamName_asU8() ?? []).toString()).toBe(stream);
    expect(answers[1]?.hasSuccess()).toBe(true);
  });

  it('keeps appends apart whose chunks interleave', async () => {
    const [one, other] = [chunk(aStream()).setIsFinal(false), chunk(aStream()).setIsFinal(false)];
    const answers = await batch([one, other, continuing(one), continuing(other)], 2);
    expect(answers.map((answer) => answer.getSuccess()?.getCurrentRevision())).toEqual(['1', '1']);
  });

  it.each([
    ['an empty stream name', () => chunk('')],
    ['the stream name $$', () => chunk('$$')],
    ['an empty event type', () => chunk(aStream(), 1, '')],
    ['an id of zeros', () => chunk(aStream(), 1, 'type', '00000000-0000-0000-0000-000000000000')],
  ])('refuses %s', async (_, request) => {
    const [answer] = await batch([request()], 1);
    expect(answer?.getError()?.getMessage()).toBe('BadRequest');
    expect(answer?.hasStreamIdentifier()).toBe(true);
  });
});

describe('A link', () => {
  it('stands in for its event when links are resolved, and is itself otherwise', async () => {
    const [target, links] = [aStream(), aStream('links')];
    await store.client.appendToStream(target, numberedUpTo(2));
    await store.client.appendToStream(links, [linkTo(`1@${target}`)]);
    const [resolved] = await read(store.client.readStream(links, { resolveLinkTos: true }));
    const [direct] = await read(store.client.readStream(target, { fromRevision: 1n }));
    const [plain] = await read(store.client.readStream(links));
    expect(resolved?.event).toEqual(direct?.event);
    expect(resolved?.link).toMatchObject({ streamId: links, revision: 0n, type: '$>' });
    expect(plain).toMatchObject({ event: { type: '$>', streamId: links } });
    expect(plain?.link).toBeUndefined();
  });

  it('whose event is gone is delivered alone', async () => {
    const [target, links] = [aStream(), aStream('links')];
    await store.client.appendToStream(target, numberedUpTo(2));
    await store.client.appendToStream(links, [linkTo(`0@${target}`), linkTo(`7@${target}`), linkTo(`0@${aStream()}`)]);
    await store.client.setStreamMetadata(target, { truncateBefore: 1 });
    const resolved = await read(store.client.readStream(links, { resolveLinkTos: true }));
    expect(resolved.map(({ event }) => event)).toEqual([undefined, undefined, undefined]);
    expect(resolved.map(({ link }) => link?.revision)).toEqual([0n, 1n, 2n]);
  });

  it('is an event like any other when what it names is no revision', async () => {
    const links = aStream('links');
    await store.client.appendToStream(links, [linkTo('first@x'), linkTo('9999999999999999999@x'), linkTo('@x')]);
    const resolved = await read(store.client.readStream(links, { resolveLinkTos: true }));
    expect(resolved.map(({ event, link }) => [event?.type, link])).toEqual(Array(3).fill(['$>', undefined]));
  });

  it('is resolved for subscriptions, too', async () => {
    const [target, links] = [aStream(), aStream('links')];
    await store.client.appendToStream(target, numberedUpTo(3));
    await store.client.appendToStream(links, [linkTo(`2@${target}`)]);
    const subscription = follow(store.client.subscribeToStream(links, { resolveLinkTos: true }));
    await subscription.until(({ events }) => events.length === 1);
    expect(numbersOf(subscription.seen.events)).toEqual([2]);
    await subscription.stop();
  });
});

describe.skipIf(externalUrl)('A server that stops', () => {
  it('ends open subscriptions with an error, frees its port, and can be stopped twice', async () => {
    const server = await startEventStore({ file: ':memory:' });
    const client = EventStoreDBClient.connectionString(server.url);
    await client.appendToStream('a', [numbered(0)]);
    const subscription = follow(client.subscribeToStream('a'));
    await subscription.until(({ caughtUp }) => caughtUp === 1);
    await server.stop();
    await server.stop();
    await subscription.until(({ error }) => error !== undefined);
    await expect(client.appendToStream('a', [numbered(1)])).rejects.toThrow('UNAVAILABLE');
    const next = await startEventStore({ file: ':memory:', port: server.port });
    expect(next.port).toBe(server.port);
    await next.stop();
    await client.dispose();
  });
});

function linkTo(target: string) {
  return {
    ...jsonEvent({ type: '$>', data: {} }),
    contentType: 'application/octet-stream' as const,
    data: Buffer.from(target),
  };
}

function readOf(stream: string, ids: InstanceType<typeof Options.UUIDOption> | undefined) {
  const from = new Options.StreamOptions().setStreamIdentifier(identifier(stream)).setStart(new shared.Empty());
  const options = new Options().setStream(from).setCount('10').setNoFilter(new shared.Empty());
  return new streams.ReadReq().setOptions(ids ? options.setUuidOption(ids) : options);
}

function backwardsSubscription(stream: string) {
  const request = readOf(stream, new Options.UUIDOption().setString(new shared.Empty()));
  request
    .getOptions()
    ?.setReadDirection(Options.ReadDirection.BACKWARDS)
    .setSubscription(new Options.SubscriptionOptions());
  return request;
}

function readRaw(request: ReturnType<typeof readOf>) {
  return new Promise<{ responses: ReadResp[]; error?: ServiceError }>((resolve) => {
    const responses: ReadResp[] = [];
    raw
      .read(request)
      .on('data', (response: ReadResp) => responses.push(response))
      .on('error', (error: ServiceError) => resolve({ responses, error }))
      .on('end', () => resolve({ responses }));
  });
}

function chunk(stream: string, size = 1, type = 'type', id: string = crypto.randomUUID()) {
  const options = new streams.BatchAppendReq.Options().setStreamIdentifier(identifier(stream));
  const message = new streams.BatchAppendReq.ProposedMessage()
    .setId(new shared.UUID().setString(id))
    .setData(new Uint8Array(size));
  message.getMetadataMap().set('type', type).set('content-type', 'application/octet-stream');
  return new streams.BatchAppendReq()
    .setCorrelationId(new shared.UUID().setString(crypto.randomUUID()))
    .setOptions(options)
    .setProposedMessagesList([message])
    .setIsFinal(true);
}

function continuing(first: ReturnType<typeof chunk>, size = 1) {
  const next = chunk('', size).setCorrelationId(first.getCorrelationId());
  next.clearOptions();
  return next;
}

function batch(requests: readonly InstanceType<typeof streams.BatchAppendReq>[], count: number) {
  return new Promise<BatchAppendResp[]>((resolve, reject) => {
    const answers: BatchAppendResp[] = [];
    const call = raw.batchAppend();
    call.on('data', (answer: BatchAppendResp) => {
      answers.push(answer);
      if (answers.length < count) return;
      call.cancel();
      resolve(answers);
    });
    call.on('error', reject);
    for (const request of requests) call.write(request);
  });
}

function identifier(stream: string) {
  return new shared.StreamIdentifier().setStreamName(Buffer.from(stream));
}
