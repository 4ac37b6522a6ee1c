// EventStoreDB: Append, Delete and Tombstone, one write a call. An Append names its stream first and is measured while
// it arrives. A conflict is an answer of Append, but an error of the other two.

import type {
  AppendReq,
  AppendResp,
  DeleteReq,
  DeleteResp,
  TombstoneReq,
  TombstoneResp,
} from '@eventstore/db-client/generated/streams_pb.js';
import streams from '@eventstore/db-client/generated/streams_pb.js';
import type { ServerReadableStream, ServerUnaryCall, sendUnaryData } from '@grpc/grpc-js';
import { faultIn, sizeOf } from './append-limits.ts';
import {
  type CallError,
  maximumAppendSizeExceeded,
  missingMetadataProperty,
  streamDeleted,
  unknown,
  wrongExpectedVersion,
} from './errors.ts';
import { type ExpectedRevision, noRevision, type ProposedEvent } from './records.ts';
import type { Store, WriteOutcome } from './store.ts';
import { empty, proposedEvent, streamNameOf } from './wire.ts';

interface ExpectedRevisionOptions {
  hasRevision(): boolean;
  getRevision(): string;
  hasNoStream(): boolean;
  hasStreamExists(): boolean;
}

export function append(
  store: Store,
  maxAppendSize: number,
  call: ServerReadableStream<AppendReq, AppendResp>,
  callback: sendUnaryData<AppendResp>,
): void {
  const events: ProposedEvent[] = [];
  let options: AppendReq.Options | undefined;
  let size = 0;
  let refused = false;

  call.on('data', receive);
  call.on('end', () => void execute());

  function receive(request: AppendReq): void {
    if (refused) return;
    const isFirst = options === undefined;
    options ??= request.getOptions();
    const refusal = request.hasOptions() === isFirst ? add(request.getProposedMessage()) : unknown();
    if (!refusal) return;
    refused = true;
    callback(refusal);
  }

  function add(message: AppendReq.ProposedMessage | undefined): CallError | undefined {
    if (!message) return undefined;
    const event = proposedEvent(message);
    if (!event) return missingMetadataProperty();
    events.push(event);
    size += sizeOf(event);
    return size > maxAppendSize ? maximumAppendSizeExceeded(maxAppendSize) : undefined;
  }

  async function execute(): Promise<void> {
    if (refused) return;
    const stream = streamNameOf(options?.getStreamIdentifier());
    const fault = options ? faultIn(stream, events) : 'The options are missing.';
    if (!options || fault) return callback(unknown());
    const expected = expectedRevisionOf(options);
    try {
      const outcome = await store.append(stream, expected, events);
      if (outcome.kind === 'streamDeleted') callback(streamDeleted(stream));
      else callback(null, outcome.kind === 'written' ? success(outcome) : conflict(expected, outcome.current));
    } catch (error) {
      callback(failure(error));
    }
  }
}

export async function softDelete(
  store: Store,
  call: ServerUnaryCall<DeleteReq, DeleteResp>,
  callback: sendUnaryData<DeleteResp>,
): Promise<void> {
  const options = call.request.getOptions();
  const stream = streamNameOf(options?.getStreamIdentifier());
  const expected = expectedRevisionOf(options);
  try {
    const outcome = await store.softDelete(stream, expected);
    if (outcome.kind !== 'written') return callback(refusal(stream, expected, outcome));
    const position = `${outcome.position}`;
    const deletion = new streams.DeleteResp.Position().setCommitPosition(position).setPreparePosition(position);
    callback(null, new streams.DeleteResp().setPosition(deletion));
  } catch (error) {
    callback(failure(error));
  }
}

export async function tombstone(
  store: Store,
  call: ServerUnaryCall<TombstoneReq, TombstoneResp>,
  callback: sendUnaryData<TombstoneResp>,
): Promise<void> {
  const options = call.request.getOptions();
  const stream = streamNameOf(options?.getStreamIdentifier());
  const expected = expectedRevisionOf(options);
  try {
    const outcome = await store.tombstone(stream, expected);
    if (outcome.kind !== 'written') return callback(refusal(stream, expected, outcome));
    const position = `${outcome.position}`;
    const deletion = new streams.TombstoneResp.Position().setCommitPosition(position).setPreparePosition(position);
    callback(null, new streams.TombstoneResp().setPosition(deletion));
  } catch (error) {
    callback(failure(error));
  }
}

function expectedRevisionOf(options: ExpectedRevisionOptions | undefined): ExpectedRevision {
  if (options?.hasRevision()) return BigInt(options.getRevision());
  if (options?.hasNoStream()) return 'no_stream';
  return options?.hasStreamExists() ? 'stream_exists' : 'any';
}

function success({ revision, position }: Extract<WriteOutcome, { kind: 'written' }>): AppendResp {
  const written = new streams.AppendResp.Success();
  if (revision === noRevision) written.setNoStream(empty());
  else written.setCurrentRevision(`${revision}`);
  if (position === undefined) return new streams.AppendResp().setSuccess(written.setNoPosition(empty()));
  const last = new streams.AppendResp.Position();
  written.setPosition(last.setCommitPosition(`${position}`).setPreparePosition(`${position}`));
  return new streams.AppendResp().setSuccess(written);
}

function conflict(expected: ExpectedRevision, current: bigint): AppendResp {
  const wrong = new streams.AppendResp.WrongExpectedVersion();
  if (current === noRevision) wrong.setCurrentNoStream(empty());
  else wrong.setCurrentRevision(`${current}`);
  if (expected === 'any') wrong.setExpectedAny(empty());
  else if (expected === 'no_stream') wrong.setExpectedNoStream(empty());
  else if (expected === 'stream_exists') wrong.setExpectedStreamExists(empty());
  else wrong.setExpectedRevision(`${expected}`);
  return new streams.AppendResp().setWrongExpectedVersion(wrong);
}

function refusal(
  stream: string,
  expected: ExpectedRevision,
  outcome: Exclude<WriteOutcome, { kind: 'written' }>,
): CallError {
  if (outcome.kind === 'streamDeleted') return streamDeleted(stream);
  return wrongExpectedVersion(stream, expected, outcome.current);
}

function failure(error: unknown): CallError {
  return unknown(error instanceof Error ? error.message : String(error));
}
