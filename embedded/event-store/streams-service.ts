// EventStoreDB: the Streams service. Read is four calls in one: a stream or $all, once or as a subscription; what it
// cannot combine it refuses.

import type { IStreamsServer } from '@eventstore/db-client/generated/streams_grpc_pb.js';
import grpcStreams from '@eventstore/db-client/generated/streams_grpc_pb.js';
import type { ReadReq, ReadResp } from '@eventstore/db-client/generated/streams_pb.js';
import type { ServerWritableStream } from '@grpc/grpc-js';
import { append } from './append.ts';
import { batchAppend } from './batch-append.ts';
import { softDelete, tombstone } from './delete.ts';
import { failure, invalidArgument, unknown } from './errors.ts';
import { type Filter, filterOf } from './filters.ts';
import { resolverOf } from './links.ts';
import { type Outlet, outletOf } from './outlet.ts';
import { readAll, readStream, type StartPoint } from './read.ts';
import { deletedRevision } from './records.ts';
import type { Store } from './store.ts';
import { type FilterWindow, subscribeToAll, subscribeToStream } from './subscription.ts';
import { streamNameOf } from './wire.ts';

type Options = ReadReq.Options;

interface Start {
  hasStart(): boolean;
  hasEnd(): boolean;
}

const backwards = 1;
const endMarker = 18446744073709551615n;
const defaultWindow = 32;
const everything: Filter = () => true;

/** The methods and messages, as the client has them. */
export const streamsService = grpcStreams.StreamsService;

/** The calls, answered from a store; `maxAppendSize`, in bytes, bounds the events of one append. */
export function streamsHandlers(store: Store, maxAppendSize: number): IStreamsServer {
  return {
    append: (call, callback) => append(store, maxAppendSize, call, callback),
    batchAppend: (call) => batchAppend(store, maxAppendSize, call),
    delete: (call, callback) => void softDelete(store, call, callback),
    tombstone: (call, callback) => void tombstone(store, call, callback),
    read: (call) => void read(store, call),
  };
}

async function read(store: Store, call: ServerWritableStream<ReadReq, ReadResp>): Promise<void> {
  const outlet = outletOf(call);
  try {
    const options = call.request.getOptions();
    const fault = faultIn(options);
    if (!options || fault) outlet.fail(invalidArgument(fault ?? 'The options are missing.'));
    else await answer(store, outlet, options);
  } catch (error) {
    outlet.fail(error instanceof SyntaxError ? unknown() : failure(error));
  }
}

async function answer(store: Store, outlet: Outlet, options: Options): Promise<void> {
  const resolve = resolverOf(store, options.getResolveLinks());
  const ids = options.getUuidOption()?.hasString() ? 'string' : 'structured';
  const reading = {
    backwards: options.getReadDirection() === backwards,
    count: BigInt(options.getCount()),
    resolve,
    ids,
  } as const;
  const filtered = filterWindowOf(options.getFilter());
  const stream = options.getStream();
  if (stream) {
    const name = streamNameOf(stream.getStreamIdentifier());
    const from = startOf(stream, () => BigInt(stream.getRevision()));
    if (!options.hasSubscription()) return await readStream(store, outlet, name, from, reading);
    if (typeof from === 'bigint' && from > deletedRevision) return outlet.fail(unknown());
    return await subscribeToStream(store, outlet, name, from, { resolve, ids });
  }
  const all = options.getAll();
  const position = all?.getPosition();
  const commit = BigInt(position?.getCommitPosition() ?? 0);
  const prepare = BigInt(position?.getPreparePosition() ?? 0);
  if (prepare > commit || (commit > deletedRevision && commit !== endMarker)) return outlet.fail(unknown());
  const from = startOf(all, () => commit);
  if (!options.hasSubscription()) return await readAll(store, outlet, from, filtered?.filter ?? everything, reading);
  return await subscribeToAll(store, outlet, from, filtered, { resolve, ids });
}

function faultIn(options: Options | undefined): string | undefined {
  if (!options?.getUuidOption()?.getContentCase()) return 'The UUID option is missing.';
  if (!options.getStreamOptionCase()) return 'The stream option is missing.';
  if (!options.getCountOptionCase()) return 'The count option is missing.';
  if (!options.getFilterOptionCase()) return 'The filter option is missing.';
  if (options.hasStream() && options.hasFilter()) return 'A stream cannot be filtered.';
  if (options.hasSubscription() && options.getReadDirection() === backwards) return 'A subscription runs forwards.';
  return undefined;
}

function startOf(options: Start | undefined, exact: () => bigint): StartPoint {
  if (!options || options.hasStart()) return 'start';
  const from = options.hasEnd() ? endMarker : exact();
  return from === endMarker ? 'end' : from;
}

function filterWindowOf(options: ReadReq.Options.FilterOptions | undefined): FilterWindow | undefined {
  if (!options) return undefined;
  const expression = options.getStreamIdentifier() ?? options.getEventType();
  const filter = filterOf({
    on: options.hasStreamIdentifier() ? 'stream' : 'type',
    regex: expression?.getRegex() ?? '',
    prefixes: expression?.getPrefixList() ?? [],
  });
  const window = options.getMax() || defaultWindow;
  return { filter, window, checkpointInterval: window * Math.max(1, options.getCheckpointintervalmultiplier()) };
}
