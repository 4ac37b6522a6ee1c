// EventStoreDB: Delete (soft: the metadata hides the events) and Tombstone (for good). They differ in what is written
// and in the class of the answer. A conflict is an error of both.

import type { DeleteReq, DeleteResp, TombstoneReq, TombstoneResp } from '@eventstore/db-client/generated/streams_pb.js';
import streams from '@eventstore/db-client/generated/streams_pb.js';
import type { ServerUnaryCall, sendUnaryData } from '@grpc/grpc-js';
import { type CallError, failure, streamDeleted, unknown, wrongExpectedVersion } from './errors.ts';
import type { ExpectedRevision } from './records.ts';
import type { Store, WriteOutcome } from './store.ts';
import { expectedRevisionOf, streamNameOf } from './wire.ts';

type Write = (stream: string, expected: ExpectedRevision) => Promise<WriteOutcome>;

/** Answers a Delete with the position of the metadata event that hides the stream, or with a CallError. */
export function softDelete(
  store: Store,
  call: ServerUnaryCall<DeleteReq, DeleteResp>,
  callback: sendUnaryData<DeleteResp>,
): Promise<void> {
  return remove(store.softDelete, call.request.getOptions(), callback, (position) => {
    const deletion = new streams.DeleteResp.Position().setCommitPosition(position).setPreparePosition(position);
    return new streams.DeleteResp().setPosition(deletion);
  });
}

/** Answers a Tombstone with the position of the stream's last event, `$streamDeleted`, or with a CallError. */
export function tombstone(
  store: Store,
  call: ServerUnaryCall<TombstoneReq, TombstoneResp>,
  callback: sendUnaryData<TombstoneResp>,
): Promise<void> {
  return remove(store.tombstone, call.request.getOptions(), callback, (position) => {
    const deletion = new streams.TombstoneResp.Position().setCommitPosition(position).setPreparePosition(position);
    return new streams.TombstoneResp().setPosition(deletion);
  });
}

async function remove<Response>(
  write: Write,
  options: DeleteReq.Options | TombstoneReq.Options | undefined,
  callback: sendUnaryData<Response>,
  responseAt: (position: string) => Response,
): Promise<void> {
  const stream = streamNameOf(options?.getStreamIdentifier());
  if (!options || stream === '') return callback(unknown());
  try {
    const expected = expectedRevisionOf(options);
    const outcome = await write(stream, expected);
    if (outcome.kind === 'written') callback(null, responseAt(`${outcome.position}`));
    else callback(refusal(stream, expected, outcome));
  } catch (error) {
    callback(failure(error));
  }
}

function refusal(
  stream: string,
  expected: ExpectedRevision,
  outcome: Exclude<WriteOutcome, { kind: 'written' }>,
): CallError {
  if (outcome.kind === 'streamDeleted') return streamDeleted(stream);
  return wrongExpectedVersion(stream, expected, outcome.current);
}
