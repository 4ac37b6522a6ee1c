// The bare protocol: for requests that the client does not send, and for what of an answer it does not show.

import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import grpcGossip from '@eventstore/db-client/generated/gossip_grpc_pb.js';
import grpcFeatures from '@eventstore/db-client/generated/serverfeatures_grpc_pb.js';
import type { UUID } from '@eventstore/db-client/generated/shared_pb.js';
import shared from '@eventstore/db-client/generated/shared_pb.js';
import grpcStreams from '@eventstore/db-client/generated/streams_grpc_pb.js';
import type { AppendResp, BatchAppendResp, ReadResp } from '@eventstore/db-client/generated/streams_pb.js';
import streams from '@eventstore/db-client/generated/streams_pb.js';
import {
  CallCredentials,
  type ChannelCredentials,
  type ClientReadableStream,
  credentials,
  Metadata,
  type ServiceError,
} from '@grpc/grpc-js';
import empty from 'google-protobuf/google/protobuf/empty_pb.js';

export type Streams = InstanceType<typeof grpcStreams.StreamsClient>;
export type RawClients = ReturnType<typeof rawClients>;
export type Expected = bigint | 'any' | 'no_stream' | 'stream_exists';

/** What a call ended with, beside what it had answered before. */
export interface Failed {
  readonly error?: ServiceError;
}

const { Options } = streams.ReadReq;
type ReadOptions = InstanceType<typeof Options>;

/** The parts of a connection string that matter to one connection: of several hosts, the first. */
export function addressOf(url: string) {
  const [, user, password, host = '', query = ''] =
    /^esdb(?:\+discover)?:\/\/(?:([^:@/]*):([^@/]*)@)?([^,/?]+)[^?]*\??(.*)$/.exec(url) ?? [];
  const options = new Map([...new URLSearchParams(query)].map(([key, value]) => [key.toLowerCase(), value]));
  const caFile = options.get('tlscafile');
  return {
    authority: /:\d+$/.test(host) ? host : `${host}:2113`,
    isSecure: options.get('tls') !== 'false',
    verifies: options.get('tlsverifycert') !== 'false',
    ca: caFile === undefined ? undefined : readFileSync(caFile),
    user:
      user === undefined
        ? undefined
        : { username: decodeURIComponent(user), password: decodeURIComponent(password ?? '') },
  };
}

/** The services of the server that a connection string names. Like the client, it keeps credentials for TLS. */
export function rawClients(url: string) {
  const address = addressOf(url);
  const channel = channelTo(address);
  const clients = {
    streams: new grpcStreams.StreamsClient(address.authority, channel),
    gossip: new grpcGossip.GossipClient(address.authority, channel),
    features: new grpcFeatures.ServerFeaturesClient(address.authority, channel),
  };
  return Object.assign(clients, {
    close() {
      for (const client of [clients.streams, clients.gossip, clients.features]) client.close();
    },
  });
}

function channelTo({ isSecure, verifies, ca, user }: ReturnType<typeof addressOf>): ChannelCredentials {
  if (!isSecure) return credentials.createInsecure();
  const channel = credentials.createSsl(ca, null, null, { rejectUnauthorized: verifies });
  if (!user) return channel;
  const authorization = `Basic ${Buffer.from(`${user.username}:${user.password}`).toString('base64')}`;
  const basic = CallCredentials.createFromMetadataGenerator((_, done) => {
    const metadata = new Metadata();
    metadata.set('authorization', authorization);
    done(null, metadata);
  });
  return credentials.combineChannelCredentials(channel, basic);
}

/** The answer of a call with one answer. */
export function answerOf<T>(call: (done: (error: ServiceError | null, answer?: T) => void) => unknown) {
  return new Promise<Failed & { answer?: T }>((resolve) => {
    call((error, answer) => resolve({ ...(error && { error }), ...(answer !== undefined && { answer }) }));
  });
}

export const none = () => new shared.Empty();
export const textId = (id: string = randomUUID()) => new shared.UUID().setString(id);
export const identifier = (stream: string) => new shared.StreamIdentifier().setStreamName(Buffer.from(stream));

export function structuredId(id: string) {
  const hex = id.replaceAll('-', '');
  const half = (digits: string) => `${BigInt.asIntN(64, BigInt(`0x${digits}`))}`;
  const structured = new shared.UUID.Structured()
    .setMostSignificantBits(half(hex.slice(0, 16)))
    .setLeastSignificantBits(half(hex.slice(16)));
  return new shared.UUID().setStructured(structured);
}

/** The id that a message holds, in either form. */
export function idOf(uuid: UUID | undefined): string {
  const structured = uuid?.getStructured();
  if (!structured) return uuid?.getString() ?? '';
  const hex = [structured.getMostSignificantBits(), structured.getLeastSignificantBits()]
    .map((half) => BigInt.asUintN(64, BigInt(half)).toString(16).padStart(16, '0'))
    .join('');
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}

interface Proposal {
  readonly id?: string | InstanceType<typeof shared.UUID>;
  readonly size?: number;
  readonly data?: Uint8Array;
  /** `type` and `content-type`, and whatever else. */
  readonly metadata?: Readonly<Record<string, string>>;
}

const usual = { type: 'type', 'content-type': 'application/octet-stream' };

interface Message {
  setId(id: UUID): unknown;
  setData(data: Uint8Array): unknown;
  getMetadataMap(): { set(key: string, value: string): unknown };
}

function fill<T extends Message>(message: T, proposal: Proposal): T {
  const { id, size = 1, data = new Uint8Array(size), metadata = usual } = proposal;
  message.setId(id instanceof shared.UUID ? id : textId(id));
  message.setData(data);
  for (const [key, value] of Object.entries(metadata)) message.getMetadataMap().set(key, value);
  return message;
}

/** The messages of an Append: the first names the stream, each other has an event. */
export function appendOptions(stream: string, expected: Expected = 'any') {
  const options = new streams.AppendReq.Options().setStreamIdentifier(identifier(stream));
  return new streams.AppendReq().setOptions(expecting(options, expected));
}

export function appendEvent(proposal: Proposal = {}) {
  return new streams.AppendReq().setProposedMessage(fill(new streams.AppendReq.ProposedMessage(), proposal));
}

/** Sends an Append; `open` leaves it unfinished, for answers that do not wait for the end. */
export function append(
  client: Streams,
  messages: readonly InstanceType<typeof streams.AppendReq>[],
  { open = false } = {},
) {
  return answerOf<AppendResp>((done) => {
    const call = client.append(done);
    // A server that has refused may close the call before it has read everything.
    call.on('error', () => undefined);
    for (const message of messages) call.write(message);
    if (!open) call.end();
  });
}

interface ExpectingOptions {
  setRevision(revision: string): unknown;
  setAny(any: InstanceType<typeof shared.Empty>): unknown;
  setNoStream(noStream: InstanceType<typeof shared.Empty>): unknown;
  setStreamExists(exists: InstanceType<typeof shared.Empty>): unknown;
}

function expecting<T extends ExpectingOptions>(options: T, expected: Expected): T {
  if (typeof expected === 'bigint') options.setRevision(`${expected}`);
  else if (expected === 'any') options.setAny(none());
  else if (expected === 'no_stream') options.setNoStream(none());
  else options.setStreamExists(none());
  return options;
}

export function deletion(stream: string, expected: Expected) {
  const options = new streams.DeleteReq.Options().setStreamIdentifier(identifier(stream));
  return new streams.DeleteReq().setOptions(expecting(options, expected));
}

export function tombstoning(stream: string, expected: Expected) {
  const options = new streams.TombstoneReq.Options().setStreamIdentifier(identifier(stream));
  return new streams.TombstoneReq().setOptions(expecting(options, expected));
}

/** A chunk that begins a batch append. With no other it is the whole of it: it is marked as the final one. */
export function chunk(stream: string, proposals: readonly Proposal[] = [{}], expected: Expected = 'any') {
  const options = new streams.BatchAppendReq.Options().setStreamIdentifier(identifier(stream));
  if (typeof expected === 'bigint') options.setStreamPosition(`${expected}`);
  else if (expected === 'any') options.setAny(new empty.Empty());
  else if (expected === 'no_stream') options.setNoStream(new empty.Empty());
  else options.setStreamExists(new empty.Empty());
  return further(randomUUID(), proposals).setOptions(options);
}

/** A chunk that continues the batch append of a correlation id, and finishes it unless told otherwise. */
export function further(correlationId: string, proposals: readonly Proposal[] = [{}]) {
  return new streams.BatchAppendReq()
    .setCorrelationId(textId(correlationId))
    .setProposedMessagesList(proposals.map((proposal) => fill(new streams.BatchAppendReq.ProposedMessage(), proposal)))
    .setIsFinal(true);
}

export type Chunk = ReturnType<typeof further>;

export const correlationOf = (message: { getCorrelationId(): UUID | undefined }) => idOf(message.getCorrelationId());

/** An open BatchAppend call. */
export function batchOf(client: Streams) {
  const call = client.batchAppend();
  const answers: BatchAppendResp[] = [];
  const waiting = new Set<() => void>();
  let failure: ServiceError | undefined;
  const changed = () => {
    for (const check of waiting) check();
  };
  call
    .on('data', (answer: BatchAppendResp) => {
      answers.push(answer);
      changed();
    })
    .on('error', (error: ServiceError) => {
      failure = error;
      changed();
    });

  function answersTo(request: Chunk): BatchAppendResp[] {
    return answers.filter((answer) => correlationOf(answer) === correlationOf(request));
  }

  function answerTo(request: Chunk): Promise<BatchAppendResp> {
    return new Promise((resolve, reject) => {
      const check = () => {
        const [answer] = answersTo(request);
        if (answer) resolve(answer);
        else if (failure) reject(failure);
        else return;
        waiting.delete(check);
      };
      waiting.add(check);
      check();
    });
  }

  return {
    answers,
    answersTo,
    answerTo,
    send(...requests: Chunk[]) {
      for (const request of requests) call.write(request);
    },
    halfClose: () => call.end(),
    [Symbol.dispose]: () => call.cancel(),
  };
}

/** A Read with every option that it must have; what is to be different is set on it. */
export function reading(change: (options: ReadOptions) => unknown = () => undefined) {
  const options = new Options()
    .setCount('100')
    .setNoFilter(none())
    .setUuidOption(new Options.UUIDOption().setString(none()));
  change(options);
  return new streams.ReadReq().setOptions(options);
}

export const ofStream = (stream: string) =>
  new Options.StreamOptions().setStreamIdentifier(identifier(stream)).setStart(none());

export const ofAll = (commit: bigint, prepare = commit) =>
  new Options.AllOptions().setPosition(
    new Options.Position().setCommitPosition(`${commit}`).setPreparePosition(`${prepare}`),
  );

/** What a Read answered until it ended. */
export function readRaw(client: Streams, request: ReturnType<typeof reading>) {
  return new Promise<Failed & { responses: ReadResp[] }>((resolve) => {
    const responses: ReadResp[] = [];
    client
      .read(request)
      .on('data', (response: ReadResp) => responses.push(response))
      .on('error', (error: ServiceError) => resolve({ responses, error }))
      .on('end', () => resolve({ responses }));
  });
}

/** What a Read that goes on has answered; `until` waits for a condition on it. */
export function followRaw(client: Streams, request: ReturnType<typeof reading>) {
  const call: ClientReadableStream<ReadResp> = client.read(request);
  const responses: ReadResp[] = [];
  const waiting = new Set<() => void>();
  let error: ServiceError | undefined;
  const changed = () => {
    for (const check of waiting) check();
  };
  call
    .on('data', (response: ReadResp) => {
      responses.push(response);
      changed();
    })
    .on('error', (failure: ServiceError) => {
      error = failure;
      changed();
    });

  function until(
    condition: (responses: ReadResp[], error?: ServiceError) => boolean,
  ): Promise<Failed & { responses: ReadResp[] }> {
    return new Promise((resolve) => {
      const check = () => {
        if (!condition(responses, error)) return;
        waiting.delete(check);
        resolve({ responses, ...(error && { error }) });
      };
      waiting.add(check);
      check();
    });
  }

  return { call, responses, until, [Symbol.dispose]: () => call.cancel() };
}
