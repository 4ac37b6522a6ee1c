// EventStoreDB: reading a stream or $all once, in either direction, up to a count. A stream is not found when it never
// existed or was soft-deleted; one that is only truncated reads as empty. $all forwards includes the event at the
// position, backwards starts before it, and metadata hides nothing there.

import { invalidArgument, streamDeleted, unknown } from './errors.ts';
import { type Filter, isPartOfAll } from './filters.ts';
import type { Resolve } from './links.ts';
import type { Log, Page } from './log.ts';
import type { Outlet } from './outlet.ts';
import { noRevision } from './records.ts';
import type { Store } from './store.ts';
import { eventResponse, type IdFormat, streamNotFoundResponse } from './wire.ts';

/** A revision (of a stream) or a position (of $all), or an end of either. */
export type StartPoint = bigint | 'start' | 'end';

/** `count` is the most events to send; `ids` says how their ids are written. */
export interface ReadOptions {
  readonly backwards: boolean;
  readonly count: bigint;
  readonly resolve: Resolve;
  readonly ids: IdFormat;
}

const eventsPerPage = 512;

/**
 * Sends the visible events of a stream from a revision on, that one included, and ends the call. Fails it with UNKNOWN
 * for a count of 0 or forwards from the end, and with streamDeleted for a tombstone.
 */
export async function readStream(
  store: Store,
  outlet: Outlet,
  stream: string,
  from: StartPoint,
  options: ReadOptions,
): Promise<void> {
  if (options.count === 0n || (from === 'end' && !options.backwards)) {
    return outlet.fail(unknown('Unexpected ReadStreamResult: Error'));
  }
  const { last, first, createdSince, softDeleted, tombstoned } = store.visibility(stream);
  if (tombstoned) return outlet.fail(streamDeleted(stream));
  if (last === noRevision || softDeleted) {
    outlet.send(streamNotFoundResponse(stream));
    return outlet.end();
  }
  const start = from === 'start' ? 0n : from === 'end' ? last : from;
  let range = options.backwards
    ? { from: first, to: start, createdSince }
    : { from: start > first ? start : first, to: last, createdSince };
  await sendPages(outlet, options, (limit) => {
    const page = options.backwards
      ? store.log.streamBackwards(stream, range, limit)
      : store.log.streamForwards(stream, range, limit);
    const reached = page.events.at(-1)?.revision ?? 0n;
    range = options.backwards ? { ...range, to: reached - 1n } : { ...range, from: reached + 1n };
    return page;
  });
}

/**
 * Sends the events of $all that pass the filter, if there is one, and ends the call. Only what passes counts. Fails the
 * call with UNKNOWN for a position where no record starts, or backwards from beyond the end of the log.
 */
export async function readAll(
  store: Store,
  outlet: Outlet,
  from: StartPoint,
  filter: Filter | undefined,
  options: ReadOptions,
): Promise<void> {
  const { log } = store;
  const fail = (reason: string) =>
    outlet.fail(unknown(`Unexpected ${filter ? 'Filtered' : ''}ReadAllResult: ${reason}`));
  const end = log.head() + 1n;
  const start = from === 'start' ? 0n : from === 'end' ? end : from;
  if (options.backwards && start > end) return fail('Error');
  if (!isPosition(log, start)) return fail('InvalidPosition');
  let cursor = options.backwards ? start : start - 1n;
  await sendPages(outlet, options, (limit) => {
    const page = options.backwards ? log.allBackwards(cursor, limit) : log.allForwards(cursor, limit);
    cursor = page.events.at(-1)?.position ?? cursor;
    return { ...page, events: page.events.filter((event) => isPartOfAll(event) && (filter?.(event) ?? true)) };
  });
}

/**
 * Whether $all can be read from a position. The real log refuses one at which no record starts. An empty append is one
 * past the record before it.
 */
export function isPosition(log: Log, position: bigint): boolean {
  return position === 0n || position > log.head() || log.hasPosition(position) || log.hasPosition(position - 1n);
}

/** What a subscription to $all fails with where a read fails with UNKNOWN. */
export function invalidSubscriptionPosition() {
  return invalidArgument('Trying to read from an invalid position.');
}

async function sendPages(outlet: Outlet, options: ReadOptions, next: (limit: number) => Page): Promise<void> {
  let remaining = options.count;
  while (remaining > 0n && !outlet.closed) {
    const page = next(remaining < eventsPerPage ? Number(remaining) : eventsPerPage);
    for (const event of page.events) {
      if (outlet.send(eventResponse(options.resolve(event), options.ids), event.data.length)) await outlet.drained();
      if (outlet.closed) return;
      remaining -= 1n;
      if (remaining === 0n) break;
    }
    if (page.isLast) break;
    await turn();
  }
  outlet.end();
}

/** Lets other calls have their turn between pages, of which a filter may have left nothing to wait for. */
export function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
