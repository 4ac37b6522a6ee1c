// EventStoreDB: a catch-up subscription is a cursor over the log: it reads what was committed after its start point,
// says so when it has caught up, then waits for commits. One that falls a page behind catches up again, so a slow
// reader costs no memory and never sees a gap or a duplicate. Metadata hides events only while catching up: live, every
// event is delivered.
//
// Filtered subscriptions to $all get a checkpoint after each interval of events considered, and one when they have
// caught up: live at the event that completes the interval; before, at the last match or at the start of the page that
// completes it, whichever is later. A page is a window of events, or as many as hold 32 matches; one starts
// behind the last event of the page before, which is a position with prepare 0.

import { invalidArgument, streamDeleted } from './errors.ts';
import { eventBytes } from './event-bytes.ts';
import { type FilterWindow, isPartOfAll } from './filters.ts';
import type { Page } from './log.ts';
import { type Outlet, turn } from './outlet.ts';
import { isPosition, type ReadOptions } from './read.ts';
import { comparePositions, deletedRevision, noRevision, type Position, type RecordedEvent } from './records.ts';
import type { Store } from './store.ts';
import { caughtUpResponse, checkpointResponse, confirmationResponse } from './wire.ts';

interface Source {
  readonly stream: string | undefined;
  /** What comes next. Throws a Refusal when nothing can. */
  next(isLive: boolean): Page;
  /** Considers one event: sends what there is to send, and says whether to wait for the reader. */
  deliver(event: RecordedEvent, isLive: boolean): boolean;
  caughtUp(): void;
  fellBehind?(): void;
}

/** Where a subscription to $all begins, whether an event is there, and where the log ended then. */
interface Start {
  readonly at: Position;
  readonly isEvent: boolean;
  readonly head: bigint;
}

const eventsPerPage = 512;
const matchesPerRead = 32;

/** Sends the events of a stream after a revision, that one excluded, until the call or the stream ends. */
export async function subscribeToStream(
  store: Store,
  outlet: Outlet,
  stream: string,
  from: bigint | 'start' | 'end',
  { resolve, ids }: ReadOptions,
): Promise<void> {
  const { last, tombstoned } = store.visibility(stream);
  if (tombstoned) throw streamDeleted(stream);
  let cursor = from === 'start' ? noRevision : from === 'end' ? last : from;
  await follow(store, outlet, {
    stream,
    next(isLive) {
      const { first, createdSince, tombstoned } = store.visibility(stream);
      if (tombstoned && !isLive) throw streamDeleted(stream);
      if (cursor >= deletedRevision) return { events: [], isLast: true };
      const after = cursor + 1n;
      const range = isLive
        ? { from: after, to: deletedRevision, createdSince: 0n }
        : { from: after > first ? after : first, to: deletedRevision, createdSince };
      return store.log.streamForwards(stream, range, eventsPerPage);
    },
    deliver(event, isLive) {
      cursor = event.revision;
      const isFull = outlet.send(eventBytes(resolve(event, isLive), ids), event.data.length);
      if (event.type === '$streamDeleted') throw streamDeleted(stream);
      return isFull;
    },
    caughtUp() {
      // What metadata hides now must not come to light once the subscription is live.
      const { last } = store.visibility(stream);
      if (last > cursor) cursor = last;
      outlet.send(caughtUpResponse());
    },
  });
}

/** Sends the events of $all after a position, that one excluded, until the call ends. */
export async function subscribeToAll(
  store: Store,
  outlet: Outlet,
  from: Position | 'start' | 'end',
  filtered: FilterWindow | undefined,
  { resolve, ids }: ReadOptions,
): Promise<void> {
  const { log } = store;
  const head = log.head();
  const end = { commit: head, prepare: head };
  const at = from === 'start' ? { commit: 0n, prepare: 0n } : from === 'end' ? end : from;
  const start = { at, isEvent: log.hasPosition(at.commit), head };
  const checkpoints = filtered && checkpointsOf(filtered, start, (reached) => outlet.send(checkpointResponse(reached)));
  // Events have both halves the same: one at the commit position is still to come when the prepare position is before.
  let cursor = at.prepare < at.commit ? at.commit - 1n : at.commit;
  const isValid = isPosition(log, at.commit);
  await follow(store, outlet, {
    stream: undefined,
    next() {
      if (!isValid) throw invalidArgument('Trying to read from an invalid position.');
      return log.allForwards(cursor, eventsPerPage);
    },
    deliver(event, isLive) {
      cursor = event.position;
      const matches = isPartOfAll(event) && (filtered?.filter(event) ?? true);
      const isFull = matches && outlet.send(eventBytes(resolve(event, isLive), ids), event.data.length);
      checkpoints?.considered(event.position, matches, isLive);
      return isFull;
    },
    caughtUp() {
      checkpoints?.caughtUp();
      outlet.send(caughtUpResponse());
    },
    fellBehind: () => checkpoints?.fellBehind(),
  });
}

async function follow(store: Store, outlet: Outlet, source: Source): Promise<void> {
  let isLive = false;
  let hasNews = false;
  let news = Promise.withResolvers<void>();
  const stopListening = store.onCommit(source.stream, () => {
    hasNews = true;
    news.resolve();
  });
  void outlet.ended.then(() => {
    stopListening();
    news.resolve();
  });
  outlet.send(confirmationResponse(crypto.randomUUID()));

  while (!outlet.closed) {
    hasNews = false;
    news = Promise.withResolvers();
    const page = source.next(isLive);
    for (const event of page.events) {
      if (source.deliver(event, isLive)) await outlet.drained();
      if (outlet.closed) return;
    }
    if (!page.isLast) {
      if (isLive) source.fellBehind?.();
      isLive = false;
      await turn();
      continue;
    }
    if (hasNews) continue;
    if (!isLive) source.caughtUp();
    isLive = true;
    await news.promise;
  }
}

function checkpointsOf({ window, checkpointInterval }: FilterWindow, start: Start, send: (at: Position) => void) {
  let page = { start: start.at, considered: start.isEvent ? 1 : 0, matched: 0 };
  let reached = start.at;
  let inCatchUp = 0;
  let sinceSubscribed = 0;
  let hasNews = false;
  let sent: Position | undefined;

  function checkpoint(at: Position): void {
    if (sent && comparePositions(at, sent) <= 0) return;
    sent = at;
    send(at);
  }

  function endPage(next: Position): void {
    inCatchUp += page.considered;
    if (inCatchUp >= checkpointInterval) {
      inCatchUp %= checkpointInterval;
      checkpoint(later(reached, page.start));
    }
    page = { start: next, considered: 0, matched: 0 };
  }

  return {
    considered(position: bigint, matches: boolean, isLive: boolean): void {
      const at = { commit: position, prepare: position };
      const isNew = position > start.head;
      hasNews = true;
      sinceSubscribed += isNew ? 1 : 0;
      const isDue = isLive && isNew && sinceSubscribed % checkpointInterval === 0;
      if (matches || isDue) reached = at;
      if (isDue) checkpoint(at);
      if (isLive) return;
      page.considered += 1;
      page.matched += matches ? 1 : 0;
      if (page.considered >= window || page.matched >= matchesPerRead) endPage({ commit: position + 1n, prepare: 0n });
    },
    caughtUp(): void {
      reached = later(reached, page.start);
      if (hasNews) checkpoint(reached);
      hasNews = false;
    },
    fellBehind(): void {
      checkpoint(reached);
      page = { start: reached, considered: 1, matched: 0 };
      inCatchUp = 0;
    },
  };
}

function later(a: Position, b: Position): Position {
  return comparePositions(a, b) < 0 ? b : a;
}
