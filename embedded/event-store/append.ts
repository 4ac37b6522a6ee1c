// EventStoreDB: Append, one write a call. It names its stream first and is measured while it arrives. A conflict is an
// answer, where the other writes have an error.

import streams from '@eventstore/db-client/generated/streams_pb.js';
import type { ServerReadableStream } from '@grpc/grpc-js';
import { badRequest } from './errors.ts';
import { turn } from './outlet.ts';
import type { Store } from './store.ts';
import { conflictIn, streamNameOf, successIn } from './wire.ts';
import { checkAppend, expectedRevisionOf, proposalOf, written } from './write-request.ts';

const turnsUntilCancelled = 3;

/**
 * Collects the events of one call and answers when they are committed, or with the conflict. Rejects with a Refusal for
 * a deleted stream, more than `maxAppendSize` bytes, an incomplete event, or messages out of order.
 */
export async function append(
  store: Store,
  maxAppendSize: number,
  call: ServerReadableStream<streams.AppendReq, streams.AppendResp>,
): Promise<streams.AppendResp> {
  const { events, add } = proposalOf(maxAppendSize);
  let options: streams.AppendReq.Options | undefined;
  for await (const request of call as AsyncIterable<streams.AppendReq>) {
    if (request.hasOptions() !== (options === undefined)) throw badRequest('The options come first, and once.');
    options ??= request.getOptions();
    const message = request.getProposedMessage();
    if (message) add(message);
  }
  // A call that breaks off ends its messages like one that is complete; that it was cancelled shows a little later.
  for (let turns = 0; turns < turnsUntilCancelled; turns += 1) await turn();
  if (!options || call.cancelled) throw badRequest('The options are missing.');
  const stream = streamNameOf(options.getStreamIdentifier());
  checkAppend(stream, events);
  const expected = expectedRevisionOf(options);
  const outcome = await store.append(stream, expected, events);
  const response = new streams.AppendResp();
  if (outcome.kind === 'wrongExpectedRevision') {
    const conflict = new streams.AppendResp.WrongExpectedVersion();
    return response.setWrongExpectedVersion(conflictIn(conflict, expected, outcome.current));
  }
  return response.setSuccess(successIn(new streams.AppendResp.Success(), written(stream, expected, outcome)));
}
