// EventStoreDB: the Streams service. Read is four calls in one: a stream or $all, once or as a subscription; what it
// cannot combine it refuses.

import type { IStreamsServer } from '@eventstore/db-client/generated/streams_grpc_pb.js';
import grpcStreams from '@eventstore/db-client/generated/streams_grpc_pb.js';
import type { ReadReq, ReadResp } from '@eventstore/db-client/generated/streams_pb.js';
import { type ServerWritableStream, status } from '@grpc/grpc-js';
import { append } from './append.ts';
import { BadRequest } from './bad-request.ts';
import { batchAppend } from './batch-append.ts';

import { softDelete, tombstone } from './delete.ts';
import { failure, unknown } from './errors.ts';
import { filterOf } from './filters.ts';
import { resolverOf } from './links.ts';
import { type Outlet, outletOf } from './outlet.ts';
import { readAll, readStream } from './read.ts';
import { deletedRevision, type Position } from './records.ts';
import type { Store } from './store.ts';
import { type FilterWindow, subscribeToAll, subscribeToStream } from './subscription.ts';
import { streamNameOf } from './wire.ts';

type Options = ReadReq.Options;

type AllPosition = ReadReq.Options.Position;

interface Start {
  hasStart(): boolean;
  hasEnd(): boolean;
  hasRevision?(): boolean;
  hasPosition?(): boolean;
}

const backwards = 1;
const endMarker = 18446744073709551615n;
const defaultWindow = 32;

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
    check(options);
    await answer(store, outlet, options);
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
  const stream = options.getStream();
  if (stream) {
    const name = streamNameOf(stream.getStreamIdentifier());
    const from = startOf(stream, () => revisionOf(stream));
    if (name === '' || (typeof from === 'bigint' && from > deletedRevision)) throw new BadRequest('No such revision.');
    if (!options.hasSubscription()) return await readStream(store, outlet, name, from, reading);
    return await subscribeToStream(store, outlet, name, from, { resolve, ids });
  }
  const all = options.getAll();
  const from = startOf(all, () => positionOf(all?.getPosition()));
  if (options.hasSubscription()) {
    return await subscribeToAll(store, outlet, from, filterWindowOf(options), { resolve, ids });
  }
  const at = typeof from === 'string' ? from : from.commit;
  return await readAll(store, outlet, at, filterWindowOf(options)?.filter, reading);
}

function check(options: Options | undefined): asserts options is Options {
  if (!options) throw new BadRequest('The options are missing.');
  const fault = faultIn(options);
  if (fault) throw new BadRequest(fault, status.INVALID_ARGUMENT);
}

function faultIn(options: Options): string | undefined {
  if (!options.hasUuidOption()) return 'The UUID option is missing.';
  if (!options.getStreamOptionCase()) return 'The stream option is missing.';
  if (!options.getCountOptionCase()) return 'The count option is missing.';
  if (!options.getFilterOptionCase()) return 'The filter option is missing.';
  if (options.getReadDirection() > backwards) return 'There is no such direction.';
  if (options.hasStream() && options.hasFilter()) return 'A stream cannot be filtered.';
  if (options.hasSubscription() && options.getReadDirection() === backwards) return 'A subscription runs forwards.';
  const filter = options.getFilter();
  if (filter && !filter.getFilterCase()) return 'The filter does not say what to look at.';
  if (filter && !filter.getWindowCase()) return 'The filter has no window.';
  return undefined;
}

function startOf<T>(options: Start | undefined, exact: () => T): T | 'start' | 'end' {
  if (options?.hasStart()) return 'start';
  if (options?.hasEnd()) return 'end';
  const isExact = options?.hasRevision?.() || options?.hasPosition?.();
  if (!isExact) throw new BadRequest('The start point is missing.');
  return exact();
}

function revisionOf(stream: ReadReq.Options.StreamOptions): bigint | 'end' {
  const revision = BigInt(stream.getRevision());
  return revision === endMarker ? 'end' : revision;
}

function positionOf(position: AllPosition | undefined): Position | 'end' {
  const commit = BigInt(position?.getCommitPosition() ?? 0);
  const prepare = BigInt(position?.getPreparePosition() ?? 0);
  if (commit === endMarker && prepare === endMarker) return 'end';
  if (prepare > commit || commit > deletedRevision) throw new BadRequest('There is no such position.');
  return { commit, prepare };
}

function filterWindowOf(options: Options): FilterWindow | undefined {
  const given = options.getFilter();
  if (!given) return undefined;
  const expression = given.getStreamIdentifier() ?? given.getEventType();
  const filter = filterOf({
    on: given.hasStreamIdentifier() ? 'stream' : 'type',
    regex: expression?.getRegex() ?? '',
    prefixes: expression?.getPrefixList() ?? [],
  });
  const window = given.hasMax() ? given.getMax() : defaultWindow;
  const checkpointInterval = window * given.getCheckpointintervalmultiplier();
  if (options.hasSubscription() && checkpointInterval === 0) throw new BadRequest('There is no checkpoint interval.');
  return { filter, window, checkpointInterval };
}
