// EventStoreDB: Append, one write a call. It names its stream first and is measured while it arrives. A conflict is an
// answer, where Delete and Tombstone have an error.

import type { AppendReq, AppendResp } from '@eventstore/db-client/generated/streams_pb.js';
import streams from '@eventstore/db-client/generated/streams_pb.js';
import type { ServerReadableStream, sendUnaryData } from '@grpc/grpc-js';
import { checkAppend, sizeOf } from './append-limits.ts';
import {
  type CallError,
  failure,
  maximumAppendSizeExceeded,
  missingMetadataProperty,
  streamDeleted,
  unknown,
} from './errors.ts';
import { turn } from './read.ts';
import { type ExpectedRevision, noRevision, type ProposedEvent } from './records.ts';
import type { Store, WriteOutcome } from './store.ts';
import { empty, expectedRevisionOf, proposedEvent, streamNameOf } from './wire.ts';

const turnsUntilCancelled = 3;

/**
 * Collects the events of one call and answers when they are committed, or with the conflict. Refuses with a CallError: a
 * stream that is deleted, more than `maxAppendSize` bytes, an incomplete event, messages out of order, a failed write.
 */
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
    if (typeof event === 'string') return missingMetadataProperty(event);
    events.push(event);
    size += sizeOf(event);
    return size > maxAppendSize ? maximumAppendSizeExceeded(maxAppendSize) : undefined;
  }

  async function execute(): Promise<void> {
    // A call that breaks off ends its messages like one that is complete; that it was cancelled shows a little later.
    for (let turns = 0; turns < turnsUntilCancelled; turns += 1) await turn();
    if (refused || call.cancelled) return;
    if (!options) return callback(unknown());
    const stream = streamNameOf(options.getStreamIdentifier());
    try {
      checkAppend(stream, events);
      const expected = expectedRevisionOf(options);
      const outcome = await store.append(stream, expected, events);
      if (outcome.kind === 'streamDeleted') callback(streamDeleted(stream));
      else callback(null, outcome.kind === 'written' ? success(outcome) : conflict(expected, outcome.current));
    } catch (error) {
      callback(failure(error));
    }
  }
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
