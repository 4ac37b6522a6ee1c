// EventStoreDB: reading a stream or $all once, in either direction, up to a count. A stream is not found when it never
// existed or was soft-deleted; one that is only truncated reads as empty. $all forwards includes the event at the
// position, backwards starts before it, and metadata hides nothing there.

import { status } from '@grpc/grpc-js';
import { Refusal, streamDeleted } from './errors.ts';
import { eventBytes, type IdFormat } from './event-bytes.ts';
import { type FilterWindow, isPartOfAll } from './filters.ts';
import type { Resolve } from './links.ts';
import type { Log, Page } from './log.ts';
import { type Outlet, turn } from './outlet.ts';
import { noRevision, type Position } from './records.ts';
import type { Store } from './store.ts';
import { streamNotFoundResponse } from './wire.ts';

/** How links are resolved and ids are written and, for who reads once, in which direction and up to how many events. */
export interface ReadOptions {
  readonly backwards: boolean;
  readonly count: number;
  readonly resolve: Resolve;
  readonly ids: IdFormat;
}

const eventsPerPage = 512;

/** Sends the visible events of a stream from a revision on, that one included, and ends the call. */
export async function readStream(
  store: Store,
  outlet: Outlet,
  stream: string,
  from: bigint | 'start' | 'end',
  options: ReadOptions,
): Promise<void> {
  const { backwards, count } = options;
  if (count === 0 || (from === 'end' && !backwards)) throw impossible('ReadStreamResult: Error');
  const { last, first, createdSince, softDeleted, tombstoned } = store.visibility(stream);
  if (tombstoned) throw streamDeleted(stream);
  if (last === noRevision || softDeleted) {
    outlet.send(streamNotFoundResponse(stream));
    return outlet.end();
  }
  const start = from === 'start' ? 0n : from === 'end' ? last : from;
  let range = backwards
    ? { from: first, to: start, createdSince }
    : { from: start > first ? start : first, to: last, createdSince };
  await sendPages(outlet, options, (limit) => {
    const page = store.log[backwards ? 'streamBackwards' : 'streamForwards'](stream, range, limit);
    const reached = page.events.at(-1)?.revision ?? 0n;
    range = backwards ? { ...range, to: reached - 1n } : { ...range, from: reached + 1n };
    return page;
  });
}

/** Sends the events of $all that pass the filter, if there is one, and ends the call. Only what passes counts. */
export async function readAll(
  { log }: Store,
  outlet: Outlet,
  from: Position | 'start' | 'end',
  filtered: FilterWindow | undefined,
  options: ReadOptions,
): Promise<void> {
  const { backwards } = options;
  const result = `${filtered ? 'Filtered' : ''}ReadAllResult`;
  const end = log.head() + 1n;
  const start = from === 'start' ? 0n : from === 'end' ? end : from.commit;
  if (backwards && start > end) throw impossible(`${result}: Error`);
  if (!isPosition(log, start)) throw impossible(`${result}: InvalidPosition`);
  let cursor = backwards ? start : start - 1n;
  await sendPages(outlet, options, (limit) => {
    // Few may be wanted, and far apart.
    const page = log[backwards ? 'allBackwards' : 'allForwards'](cursor, filtered ? eventsPerPage : limit);
    cursor = page.events.at(-1)?.position ?? cursor;
    const events = page.events.filter((event) => isPartOfAll(event) && (filtered?.filter(event) ?? true));
    return { ...page, events: events.slice(0, limit) };
  });
}

/**
 * Whether $all can be read from a position. The real log refuses one at which no record starts. An empty append is one
 * past the record before it.
 */
export function isPosition(log: Log, position: bigint): boolean {
  return position === 0n || position > log.head() || log.hasPosition(position) || log.hasPosition(position - 1n);
}

async function sendPages(outlet: Outlet, options: ReadOptions, next: (limit: number) => Page): Promise<void> {
  let remaining = options.count;
  while (remaining > 0 && !outlet.closed) {
    const page = next(Math.min(remaining, eventsPerPage));
    for (const event of page.events) {
      if (outlet.send(eventBytes(options.resolve(event), options.ids), event.data.length)) await outlet.drained();
      if (outlet.closed) return;
    }
    remaining -= page.events.length;
    if (page.isLast) break;
    // A filter may have left nothing to wait for.
    await turn();
  }
  outlet.end();
}

/** In the real server's words. */
function impossible(result: string): Refusal {
  return new Refusal(status.UNKNOWN, `Unexpected ${result}`);
}
