// EventStoreDB: BatchAppend carries many appends on one long-lived call. An append comes in chunks that share a
// correlation id, of which only the first has options; it is executed when its final chunk has arrived. Each is
// answered exactly once (a second answer crashes the Node client), and chunks after an early refusal are ignored.

import type { UUID } from '@eventstore/db-client/generated/shared_pb.js';
import shared from '@eventstore/db-client/generated/shared_pb.js';
import type { Status } from '@eventstore/db-client/generated/status_pb.js';
import type { BatchAppendReq, BatchAppendResp } from '@eventstore/db-client/generated/streams_pb.js';
import streams from '@eventstore/db-client/generated/streams_pb.js';
import type { ServerDuplexStream } from '@grpc/grpc-js';
import empty from 'google-protobuf/google/protobuf/empty_pb.js';
import { checkAppend, sizeOf } from './append-limits.ts';
import { BadRequest } from './bad-request.ts';
import {
  batchFailure,
  batchMaximumAppendSizeExceeded,
  batchStreamDeleted,
  batchTimeout,
  batchWrongExpectedVersion,
} from './errors.ts';
import { type ExpectedRevision, noRevision, type ProposedEvent } from './records.ts';
import type { Store, WriteOutcome } from './store.ts';
import { expectedRevisionOf, proposedEvent, streamIdentifier, streamNameOf, uuidOf } from './wire.ts';

interface PendingAppend {
  readonly correlationId: UUID | undefined;
  readonly stream: string;
  readonly options: BatchAppendReq.Options;
  readonly events: ProposedEvent[];
  size: number;
  timer: NodeJS.Timeout | undefined;
}

const writeTimeout = 2_000;
const unsentAnswers = 1_024;

/**
 * Answers every append of one call. Refusals are answers to single appends and leave the call open. An append
 * has 2 s, or until its own deadline when that is sooner, to arrive in full.
 */
export function batchAppend(
  store: Store,
  maxAppendSize: number,
  call: ServerDuplexStream<BatchAppendReq, BatchAppendResp>,
): void {
  const pending = new Map<string, PendingAppend>();

  call.on('data', receive);
  call.on('drain', () => call.resume());
  call.on('cancelled', () => {
    for (const { timer } of pending.values()) clearTimeout(timer);
    pending.clear();
  });

  function receive(request: BatchAppendReq): void {
    const id = uuidOf(request.getCorrelationId());
    const options = request.getOptions();
    const append = pending.get(id) ?? (options && begin(id, options, request));
    if (!append) return;
    const refusal = add(append, request.getProposedMessagesList());
    if (refusal) refuse(id, append, refusal);
    else if (request.getIsFinal()) void execute(id, append);
  }

  function add(append: PendingAppend, messages: readonly BatchAppendReq.ProposedMessage[]): Status | undefined {
    for (const message of messages) {
      const event = proposedEvent(message);
      if (typeof event === 'string')
        return batchFailure(new BadRequest(`Required Metadata Property '${event}' is missing`));
      append.events.push(event);
      append.size += sizeOf(event);
    }
    return append.size > maxAppendSize ? batchMaximumAppendSizeExceeded(maxAppendSize) : undefined;
  }

  function begin(id: string, options: BatchAppendReq.Options, request: BatchAppendReq): PendingAppend | undefined {
    const append: PendingAppend = {
      correlationId: request.getCorrelationId(),
      stream: streamNameOf(options.getStreamIdentifier()),
      options,
      events: [],
      size: 0,
      timer: undefined,
    };
    const timeout = Math.min(writeTimeout, millisecondsLeft(options));
    if (timeout <= 0) {
      refuse(id, append, batchTimeout());
      return undefined;
    }
    if (request.getIsFinal()) return append;
    append.timer = setTimeout(() => refuse(id, append, batchTimeout()), timeout);
    pending.set(id, append);
    return append;
  }

  async function execute(id: string, append: PendingAppend): Promise<void> {
    forget(id, append);
    const { stream, options, events } = append;
    try {
      checkAppend(stream, events);
      const expected = expectedRevisionOf(options);
      answer(append, responseTo(stream, expected, await store.append(stream, expected, events)));
    } catch (error) {
      refuse(id, append, batchFailure(error));
    }
  }

  function refuse(id: string, append: PendingAppend, error: Status): void {
    forget(id, append);
    answer(append, new streams.BatchAppendResp().setError(error));
  }

  function forget(id: string, append: PendingAppend): void {
    clearTimeout(append.timer);
    pending.delete(id);
  }

  function answer({ correlationId, stream }: PendingAppend, response: BatchAppendResp): void {
    if (call.cancelled || call.destroyed) return;
    response.setCorrelationId(correlationId).setStreamIdentifier(streamIdentifier(stream));
    call.write(response);
    if (call.writableLength >= unsentAnswers) call.pause();
  }
}

function responseTo(stream: string, expected: ExpectedRevision, outcome: WriteOutcome): BatchAppendResp {
  const response = new streams.BatchAppendResp();
  switch (outcome.kind) {
    case 'wrongExpectedRevision':
      return response.setError(batchWrongExpectedVersion(expected, outcome.current));
    case 'streamDeleted':
      return response.setError(batchStreamDeleted(stream));
    case 'written':
      return response.setSuccess(successOf(outcome.revision, outcome.position));
  }
}

function successOf(revision: bigint, position: bigint | undefined) {
  const success = new streams.BatchAppendResp.Success();
  if (revision === noRevision) success.setNoStream(new empty.Empty());
  else success.setCurrentRevision(`${revision}`);
  if (position === undefined) return success.setNoPosition(new empty.Empty());
  const allPosition = new shared.AllStreamPosition();
  return success.setPosition(allPosition.setCommitPosition(`${position}`).setPreparePosition(`${position}`));
}

function millisecondsLeft(options: BatchAppendReq.Options): number {
  const deadline = options.getDeadline();
  return deadline ? deadline.getSeconds() * 1_000 + deadline.getNanos() / 1_000_000 - Date.now() : Infinity;
}
