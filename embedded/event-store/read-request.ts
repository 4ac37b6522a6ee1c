// EventStoreDB: Read is four calls in one: a stream or $all, once or as a subscription. What it cannot combine it
// refuses.

import type { ReadReq } from '@eventstore/db-client/generated/streams_pb.js';
import { badRequest, invalidArgument } from './errors.ts';
import { type FilterWindow, filterOf } from './filters.ts';
import { resolverOf } from './links.ts';
import type { Outlet } from './outlet.ts';
import { readAll, readStream } from './read.ts';
import { deletedRevision, type Position } from './records.ts';
import type { Store } from './store.ts';
import { subscribeToAll, subscribeToStream } from './subscription.ts';
import { streamNameOf } from './wire.ts';

type Options = ReadReq.Options;

const backwards = 1;
const endMarker = 18446744073709551615n;
const defaultWindow = 32;

/** Answers until the call ends. Rejects with a Refusal, or with a SyntaxError for a filter that is none. */
export async function answerRead(store: Store, outlet: Outlet, request: ReadReq): Promise<void> {
  const options = request.getOptions();
  if (!options) throw badRequest('The options are missing.');
  const fault = faultIn(options);
  if (fault) throw invalidArgument(fault);
  const reading = {
    backwards: options.getReadDirection() === backwards,
    count: Number(options.getCount()),
    resolve: resolverOf(store, options.getResolveLinks()),
    ids: options.getUuidOption()?.hasString() ? 'string' : 'structured',
  } as const;
  const stream = options.getStream();
  if (stream) {
    const name = streamNameOf(stream.getStreamIdentifier());
    const from = pointOf(stream) ?? revisionOf(stream);
    if (name === '') throw badRequest('The stream has no name.');
    const answer = options.hasSubscription() ? subscribeToStream : readStream;
    return await answer(store, outlet, name, from, reading);
  }
  const all = options.getAll();
  const from = pointOf(all) ?? positionOf(all?.getPosition());
  const answer = options.hasSubscription() ? subscribeToAll : readAll;
  return await answer(store, outlet, from, filterWindowOf(options), reading);
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

function pointOf(point: ReadReq.Options.StreamOptions | ReadReq.Options.AllOptions | undefined) {
  if (point?.hasStart()) return 'start';
  return point?.hasEnd() ? 'end' : undefined;
}

function revisionOf(stream: ReadReq.Options.StreamOptions): bigint | 'end' {
  if (!stream.hasRevision()) throw badRequest('The start point is missing.');
  const revision = BigInt(stream.getRevision());
  if (revision === endMarker) return 'end';
  if (revision > deletedRevision) throw badRequest('There is no such revision.');
  return revision;
}

function positionOf(position: ReadReq.Options.Position | undefined): Position | 'end' {
  if (!position) throw badRequest('The start point is missing.');
  const commit = BigInt(position.getCommitPosition());
  const prepare = BigInt(position.getPreparePosition());
  if (commit === endMarker && prepare === endMarker) return 'end';
  if (prepare > commit || commit > deletedRevision) throw badRequest('There is no such position.');
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
  if (options.hasSubscription() && checkpointInterval === 0) throw badRequest('There is no checkpoint interval.');
  return { filter, window, checkpointInterval };
}
