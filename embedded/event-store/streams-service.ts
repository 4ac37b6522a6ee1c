// EventStoreDB: the Streams service. Delete (soft: the metadata hides the events) and Tombstone (for good) differ in what
// is written and in the class of the answer. The other calls have files of their own.

import type { IStreamsServer } from '@eventstore/db-client/generated/streams_grpc_pb.js';
import grpcStreams from '@eventstore/db-client/generated/streams_grpc_pb.js';
import type { ReadReq } from '@eventstore/db-client/generated/streams_pb.js';
import streams from '@eventstore/db-client/generated/streams_pb.js';
import type { handleServerStreamingCall, sendUnaryData } from '@grpc/grpc-js';
import { append } from './append.ts';
import { batchAppend } from './batch-append.ts';
import { badRequest, refusalOf } from './errors.ts';
import { outletOf } from './outlet.ts';
import { answerRead } from './read-request.ts';
import type { Store } from './store.ts';
import { positionOf, streamNameOf } from './wire.ts';
import { expectedRevisionOf, written } from './write-request.ts';

const { StreamsService } = grpcStreams;

/** The methods and messages, as the client has them; what is read leaves as bytes that have been written already. */
export const streamsService = {
  ...StreamsService,
  read: { ...StreamsService.read, responseSerialize: (bytes: Buffer) => bytes },
};

type StreamsHandlers = Pick<IStreamsServer, 'append' | 'batchAppend' | 'delete' | 'tombstone'> & {
  readonly read: handleServerStreamingCall<ReadReq, Buffer>;
};

/** The calls, answered from a store; `maxAppendSize`, in bytes, bounds the events of one append. */
export function streamsHandlers(store: Store, maxAppendSize: number): StreamsHandlers {
  return {
    append: (call, callback) => answer(append(store, maxAppendSize, call), callback),
    batchAppend: (call) => batchAppend(store, maxAppendSize, call),
    delete: ({ request }, callback) => answer(remove(store.softDelete, request, new streams.DeleteResp()), callback),
    tombstone: ({ request }, callback) =>
      answer(remove(store.tombstone, request, new streams.TombstoneResp()), callback),
    read(call) {
      const outlet = outletOf(call);
      answerRead(store, outlet, call.request).catch((error) => outlet.fail(refusalOf(error)));
    },
  };
}

function answer<Response>(response: Promise<Response>, callback: sendUnaryData<Response>): void {
  response.then(
    (message) => callback(null, message),
    (error) => callback(refusalOf(error)),
  );
}

async function remove<Response extends streams.DeleteResp | streams.TombstoneResp>(
  write: Store['softDelete'],
  request: streams.DeleteReq | streams.TombstoneReq,
  response: Response,
): Promise<Response> {
  const options = request.getOptions();
  const stream = streamNameOf(options?.getStreamIdentifier());
  if (!options || stream === '') throw badRequest('The stream has no name.');
  const expected = expectedRevisionOf(options);
  const { position } = written(stream, expected, await write(stream, expected));
  if (position !== undefined) response.setPosition(positionOf(position));
  return response;
}
