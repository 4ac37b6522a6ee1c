// EventStoreDB: how refusals look on the wire. A call fails with a gRPC status whose `exception` trailer names the
// error; a batch append answers with a google.rpc.Status whose single detail names it by its type.

import shared from '@eventstore/db-client/generated/shared_pb.js';
import statusPb from '@eventstore/db-client/generated/status_pb.js';
import { Metadata, status } from '@grpc/grpc-js';
import anyPb from 'google-protobuf/google/protobuf/any_pb.js';
import { describe } from './log-file.ts';
import type { ExpectedRevision } from './records.ts';
import { conflictIn, streamIdentifier } from './wire.ts';

/** Code, name and detail of an answer in a batch; its message is the name when there is no other. */
type InBatch = readonly [code: number, name: string, detail: { serializeBinary(): Uint8Array }, message?: string];

/** A request that is not granted. Code, details and metadata are what gRPC fails a call with. */
export class Refusal extends Error {
  readonly code: status;
  readonly details: string;
  readonly metadata = new Metadata();
  readonly #inBatch: InBatch;

  constructor(code: status, details: string, trailers: Readonly<Record<string, string>> = {}, inBatch?: InBatch) {
    super(details);
    this.code = code;
    this.details = details;
    this.#inBatch = inBatch ?? badRequestInBatch(details);
    // A trailer is ASCII; a name that is not must not turn a refusal into a crash.
    for (const [key, value] of Object.entries(trailers)) this.metadata.set(key, value.replace(/[^ -~]/g, '?'));
  }

  /** The same as an answer in a batch. */
  toStatus(): statusPb.Status {
    const [code, name, detail, message = name] = this.#inBatch;
    const any = new anyPb.Any();
    any.pack(detail.serializeBinary(), `event_store.client.${name}`);
    return new statusPb.Status().setCode(code).setMessage(message).setDetails(any);
  }
}

/** The last revision is `current` (-1: no event), not what was expected. */
export function wrongExpectedVersion(stream: string, expected: ExpectedRevision, current: bigint): Refusal {
  const constants = { any: '-2', no_stream: '-1', stream_exists: '-4' };
  const version = typeof expected === 'bigint' ? `${expected}` : constants[expected];
  const details = `Delete failed due to WrongExpectedVersion. Stream: ${stream}, Expected version: ${version}, Actual version: ${current}`;
  const trailers = {
    exception: 'wrong-expected-version',
    'stream-name': stream,
    'expected-version': version,
    'actual-version': `${current}`,
  };
  const detail = conflictIn(new shared.WrongExpectedVersion(), expected, current);
  return new Refusal(status.FAILED_PRECONDITION, details, trailers, [
    status.ALREADY_EXISTS,
    'WrongExpectedVersion',
    detail,
  ]);
}

/** The stream is tombstoned, or soft-deleted where it had to exist. */
export function streamDeleted(stream: string): Refusal {
  const trailers = { exception: 'stream-deleted', 'stream-name': stream };
  const detail = new shared.StreamDeleted().setStreamIdentifier(streamIdentifier(stream));
  const inBatch = [status.NOT_FOUND, 'StreamDeleted', detail] as const;
  return new Refusal(status.FAILED_PRECONDITION, `Event stream '${stream}' is deleted.`, trailers, inBatch);
}

/** The events of one append weigh more than `maximum` bytes. */
export function maximumAppendSizeExceeded(maximum: number): Refusal {
  const trailers = { exception: 'maximum-append-size-exceeded', 'maximum-append-size': `${maximum}` };
  const detail = new shared.MaximumAppendSizeExceeded().setMaxappendsize(maximum);
  const inBatch = [status.INVALID_ARGUMENT, 'MaximumAppendSizeExceeded', detail] as const;
  return new Refusal(status.INVALID_ARGUMENT, `Maximum Append Size of ${maximum} Exceeded.`, trailers, inBatch);
}

/** A proposed event lacks its type or its content type, whichever is named. */
export function missingMetadataProperty(name: string): Refusal {
  return new Refusal(status.INVALID_ARGUMENT, `Required Metadata Property '${name}' is missing`, {
    exception: 'missing-required-metadata-property',
    'required-metadata-properties': 'type,content-type',
  });
}

/** An append in a batch has not arrived in full in time. */
export function timeout(): Refusal {
  const inBatch = [status.DEADLINE_EXCEEDED, 'Timeout', new shared.Timeout()] as const;
  return new Refusal(status.DEADLINE_EXCEEDED, 'Timeout', {}, inBatch);
}

/** Without a trailer, so that the client makes no class of its own of it. */
export function invalidArgument(details: string): Refusal {
  return new Refusal(status.INVALID_ARGUMENT, details);
}

/** What makes a handler of the real server throw. Only a batch is told what it is. */
export function badRequest(message: string): Refusal {
  return new Refusal(status.UNKNOWN, 'Exception was thrown by handler.', {}, badRequestInBatch(message));
}

/**
 * What a request fails with: a refusal as it is, a filter that is none as a bad request, and what went wrong in here as
 * an UNKNOWN that says so. The real server's detail in a batch is `Unknown` then, of which the Node client shows nothing.
 */
export function refusalOf(error: unknown): Refusal {
  if (error instanceof Refusal) return error;
  const message = describe(error);
  if (error instanceof SyntaxError) return badRequest(message);
  const [, name, detail] = badRequestInBatch(message);
  return new Refusal(status.UNKNOWN, message, {}, [status.UNKNOWN, name, detail, message]);
}

function badRequestInBatch(message: string): InBatch {
  return [status.INVALID_ARGUMENT, 'BadRequest', new shared.BadRequest().setMessage(message)];
}
