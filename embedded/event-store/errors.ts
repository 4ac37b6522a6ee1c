// EventStoreDB: how refusals look on the wire. A call fails with a gRPC status whose `exception` trailer names the
// error; a batch append answers with a google.rpc.Status whose single detail names it by its type.

import shared from '@eventstore/db-client/generated/shared_pb.js';
import type { Status } from '@eventstore/db-client/generated/status_pb.js';
import statusPb from '@eventstore/db-client/generated/status_pb.js';
import { Metadata, type StatusObject, status } from '@grpc/grpc-js';
import anyPb from 'google-protobuf/google/protobuf/any_pb.js';
import emptyPb from 'google-protobuf/google/protobuf/empty_pb.js';
import { BadRequest } from './bad-request.ts';
import { describe } from './log-file.ts';
import { type ExpectedRevision, noRevision } from './records.ts';
import { streamIdentifier } from './wire.ts';

/** What a gRPC call fails with: status code, message, and trailers that the client makes a typed error of. */
export type CallError = Pick<StatusObject, 'code' | 'details' | 'metadata'>;

interface Serializable {
  serializeBinary(): Uint8Array;
}

/** FAILED_PRECONDITION: the last revision is `current` (-1: no event), not what was expected. */
export function wrongExpectedVersion(stream: string, expected: ExpectedRevision, current: bigint): CallError {
  const versions = `Expected version: ${expectedVersion(expected)}, Actual version: ${current}`;
  return callError(
    status.FAILED_PRECONDITION,
    `Delete failed due to WrongExpectedVersion. Stream: ${stream}, ${versions}`,
    {
      exception: 'wrong-expected-version',
      'stream-name': stream,
      'expected-version': `${expectedVersion(expected)}`,
      'actual-version': `${current}`,
    },
  );
}

/** FAILED_PRECONDITION: the stream is tombstoned, or soft-deleted where it had to exist. */
export function streamDeleted(stream: string): CallError {
  return callError(status.FAILED_PRECONDITION, `Event stream '${stream}' is deleted.`, {
    exception: 'stream-deleted',
    'stream-name': stream,
  });
}

/** INVALID_ARGUMENT: the events of one append weigh more than `maximum` bytes, measured as `sizeOf` does. */
export function maximumAppendSizeExceeded(maximum: number): CallError {
  return callError(status.INVALID_ARGUMENT, `Maximum Append Size of ${maximum} Exceeded.`, {
    exception: 'maximum-append-size-exceeded',
    'maximum-append-size': `${maximum}`,
  });
}

/** INVALID_ARGUMENT: a proposed event lacks its type or its content type, whichever is named. */
export function missingMetadataProperty(name: string): CallError {
  return callError(status.INVALID_ARGUMENT, `Required Metadata Property '${name}' is missing`, {
    exception: 'missing-required-metadata-property',
    'required-metadata-properties': 'type,content-type',
  });
}

/** INVALID_ARGUMENT with a message; without a trailer, so the client makes no class of its own of it. */
export function invalidArgument(details: string): CallError {
  return callError(status.INVALID_ARGUMENT, details);
}

/** UNKNOWN: what the real server answers when a handler throws; by default in its words. */
export function unknown(details = 'Exception was thrown by handler.'): CallError {
  return callError(status.UNKNOWN, details);
}

/** A BadRequest with its code, in the real server's words; what went wrong in here as an UNKNOWN that says so. */
export function failure(error: unknown): CallError {
  if (error instanceof BadRequest)
    return error.code === status.UNKNOWN ? unknown() : callError(error.code, error.message);
  return unknown(describe(error));
}

/** ALREADY_EXISTS in a batch: the last revision is `current` (-1: no event), not what was expected. */
export function batchWrongExpectedVersion(expected: ExpectedRevision, current: bigint): Status {
  const detail = new shared.WrongExpectedVersion();
  if (current === noRevision) detail.setCurrentNoStream(new emptyPb.Empty());
  else detail.setCurrentStreamRevision(`${current}`);
  if (expected === 'any') detail.setExpectedAny(new emptyPb.Empty());
  else if (expected === 'no_stream') detail.setExpectedNoStream(new emptyPb.Empty());
  else if (expected === 'stream_exists') detail.setExpectedStreamExists(new emptyPb.Empty());
  else detail.setExpectedStreamPosition(`${expected}`);
  return batchError(status.ALREADY_EXISTS, 'WrongExpectedVersion', detail);
}

/** NOT_FOUND in a batch: the stream is tombstoned, or soft-deleted where it had to exist. */
export function batchStreamDeleted(stream: string): Status {
  const detail = new shared.StreamDeleted().setStreamIdentifier(streamIdentifier(stream));
  return batchError(status.NOT_FOUND, 'StreamDeleted', detail);
}

/** INVALID_ARGUMENT in a batch: the events of one append weigh more than `maximum` bytes. */
export function batchMaximumAppendSizeExceeded(maximum: number): Status {
  const detail = new shared.MaximumAppendSizeExceeded().setMaxappendsize(maximum);
  return batchError(status.INVALID_ARGUMENT, 'MaximumAppendSizeExceeded', detail);
}

/** DEADLINE_EXCEEDED in a batch: an append has not arrived in full in time. */
export function batchTimeout(): Status {
  return batchError(status.DEADLINE_EXCEEDED, 'Timeout', new shared.Timeout());
}

/**
 * INVALID_ARGUMENT in a batch for a BadRequest; UNKNOWN when the write itself failed, with a message that says how. The
 * real server's detail is `Unknown` then, of which the Node client shows nothing at all.
 */
export function batchFailure(error: unknown): Status {
  const message = describe(error);
  const detail = new shared.BadRequest().setMessage(message);
  if (error instanceof BadRequest) return batchError(status.INVALID_ARGUMENT, 'BadRequest', detail);
  return batchError(status.UNKNOWN, 'BadRequest', detail, message);
}

/**
 * The number that stands for an expectation in trailers: EventStoreDB's `ExpectedVersion` constants, or the revision.
 */
export function expectedVersion(expected: ExpectedRevision): bigint {
  if (expected === 'any') return -2n;
  if (expected === 'no_stream') return -1n;
  return expected === 'stream_exists' ? -4n : expected;
}

function callError(code: status, details: string, trailers: Readonly<Record<string, string>> = {}): CallError {
  const metadata = new Metadata();
  // A trailer is ASCII; a name that is not must not turn a refusal into a crash.
  for (const [key, value] of Object.entries(trailers)) metadata.set(key, value.replace(/[^ -~]/g, '?'));
  return { code, details, metadata };
}

function batchError(code: number, name: string, detail: Serializable, message = name): Status {
  const any = new anyPb.Any();
  any.pack(detail.serializeBinary(), `event_store.client.${name}`);
  return new statusPb.Status().setCode(code).setMessage(message).setDetails(any);
}
