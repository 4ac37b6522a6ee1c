// EventStoreDB: BatchAppend carries many appends on one long-lived call. An append comes in chunks that share a
// correlation id, of which only the first has options; it is executed when its final chunk has arrived. Each is
// answered exactly once (a second answer crashes the Node client), and chunks after an early refusal are ignored.

import type { UUID } from '@eventstore/db-client/generated/shared_pb.js';
import type { BatchAppendReq, BatchAppendResp } from '@eventstore/db-client/generated/streams_pb.js';
import streams from '@eventstore/db-client/generated/streams_pb.js';
import type { ServerDuplexStream } from '@grpc/grpc-js';
import { type Refusal, refusalOf, timeout } from './errors.ts';
import type { Store } from './store.ts';
import { streamIdentifier, streamNameOf, successIn, uuidOf } from './wire.ts';
import { checkAppend, expectedRevisionOf, proposalOf, written } from './write-request.ts';

interface PendingAppend {
  readonly id: string;
  readonly correlationId: UUID | undefined;
  readonly stream: string;
  readonly options: BatchAppendReq.Options;
  readonly proposal: ReturnType<typeof proposalOf>;
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

  call.on('data', (request) => void receive(request));
  call.on('drain', () => call.resume());
  call.on('cancelled', () => {
    for (const { timer } of pending.values()) clearTimeout(timer);
    pending.clear();
  });

  async function receive(request: BatchAppendReq): Promise<void> {
    const append = pending.get(uuidOf(request.getCorrelationId())) ?? begin(request);
    if (!append) return;
    try {
      for (const message of request.getProposedMessagesList()) append.proposal.add(message);
      if (request.getIsFinal()) await execute(append);
    } catch (error) {
      refuse(append, refusalOf(error));
    }
  }

  function begin(request: BatchAppendReq): PendingAppend | undefined {
    const options = request.getOptions();
    if (!options) return undefined;
    const correlationId = request.getCorrelationId();
    const append: PendingAppend = {
      id: uuidOf(correlationId),
      correlationId,
      stream: streamNameOf(options.getStreamIdentifier()),
      options,
      proposal: proposalOf(maxAppendSize),
      timer: undefined,
    };
    const timeLeft = Math.min(writeTimeout, millisecondsLeft(options));
    if (timeLeft <= 0) {
      refuse(append, timeout());
      return undefined;
    }
    if (request.getIsFinal()) return append;
    append.timer = setTimeout(() => refuse(append, timeout()), timeLeft);
    pending.set(append.id, append);
    return append;
  }

  async function execute(append: PendingAppend): Promise<void> {
    forget(append);
    const { stream, options, proposal } = append;
    checkAppend(stream, proposal.events);
    const expected = expectedRevisionOf(options);
    const outcome = written(stream, expected, await store.append(stream, expected, proposal.events));
    const success = successIn(new streams.BatchAppendResp.Success(), outcome);
    answer(append, new streams.BatchAppendResp().setSuccess(success));
  }

  function refuse(append: PendingAppend, refusal: Refusal): void {
    forget(append);
    answer(append, new streams.BatchAppendResp().setError(refusal.toStatus()));
  }

  function forget(append: PendingAppend): void {
    clearTimeout(append.timer);
    // The next append may have the same id already.
    if (pending.get(append.id) === append) pending.delete(append.id);
  }

  function answer({ correlationId, stream }: PendingAppend, response: BatchAppendResp): void {
    if (call.cancelled || call.destroyed) return;
    call.write(response.setCorrelationId(correlationId).setStreamIdentifier(streamIdentifier(stream)));
    if (call.writableLength >= unsentAnswers) call.pause();
  }
}

function millisecondsLeft(options: BatchAppendReq.Options): number {
  const deadline = options.getDeadline();
  return deadline ? deadline.getSeconds() * 1_000 + deadline.getNanos() / 1_000_000 - Date.now() : Infinity;
}
