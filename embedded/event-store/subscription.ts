// EventStoreDB: a catch-up subscription is a cursor over the log: it reads what was committed after its start point,
// says so when it has caught up, then waits for commits. One that falls a page behind catches up again, so a slow
// reader costs no memory and never sees a gap or a duplicate. Metadata hides events only while catching up: live, every
// event is delivered. Filtered subscriptions to $all get a checkpoint after each interval of events considered, and
// one when they have caught up.

import { streamDeleted } from './errors.ts';
import { type Filter, isPartOfAll } from './filters.ts';
import type { Resolve } from './links.ts';
import type { Page } from './log.ts';
import type { Outlet } from './outlet.ts';
import { invalidSubscriptionPosition, isPosition, type StartPoint, turn } from './read.ts';
import { deletedRevision, noRevision, type RecordedEvent } from './records.ts';
import type { Store } from './store.ts';
import { caughtUpResponse, checkpointResponse, confirmationResponse, eventResponse, type IdFormat } from './wire.ts';

/** How links are resolved and ids are written. */
export interface SubscriptionOptions {
  readonly resolve: Resolve;
  readonly ids: IdFormat;
}

/** A filter of $all, and how often its subscriber hears how far it got. */
export interface FilterWindow {
  readonly filter: Filter;
  /** How many events the real server looks at in one read while it catches up. */
  readonly window: number;
  /** How many events are considered from one checkpoint to the next. */
  readonly checkpointInterval: number;
}

interface Source {
  readonly stream: string | undefined;
  /** Undefined when the source is gone. */
  next(isLive: boolean): Page | undefined;
  /** Considers one event: sends what there is to send, and says whether to wait for the reader. */
  deliver(event: RecordedEvent, isLive: boolean): boolean;
  caughtUp(): void;
}

const eventsPerPage = 512;
const matchesPerRead = 32;

/**
 * Sends the events of a stream after a revision, that one excluded, until the call ends; resolves then. Fails the call
 * with streamDeleted when the stream is tombstoned; once live, after its `$streamDeleted` has been sent.
 */
export async function subscribeToStream(
  store: Store,
  outlet: Outlet,
  stream: string,
  from: StartPoint,
  { resolve, ids }: SubscriptionOptions,
): Promise<void> {
  const { last, tombstoned } = store.visibility(stream);
  if (tombstoned) return outlet.fail(streamDeleted(stream));
  let cursor = from === 'start' ? noRevision : from === 'end' ? last : from;
  await follow(store, outlet, {
    stream,
    next(isLive) {
      const { first, createdSince, tombstoned } = store.visibility(stream);
      if (tombstoned && !isLive) return undefined;
      if (cursor >= deletedRevision) return { events: [], isLast: true };
      const after = cursor + 1n;
      const range = isLive
        ? { from: after, to: deletedRevision, createdSince: 0n }
        : { from: after > first ? after : first, to: deletedRevision, createdSince };
      return store.log.streamForwards(stream, range, eventsPerPage);
    },
    deliver(event) {
      cursor = event.revision;
      const isFull = outlet.send(eventResponse(resolve(event), ids));
      if (event.revision === deletedRevision) outlet.fail(streamDeleted(stream));
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

/**
 * Sends the events of $all after a position, that one excluded, until the call ends; resolves then. Without a filter
 * there are no checkpoints. Fails the call with INVALID_ARGUMENT for a position where no record starts.
 */
export async function subscribeToAll(
  store: Store,
  outlet: Outlet,
  from: StartPoint,
  filtered: FilterWindow | undefined,
  { resolve, ids }: SubscriptionOptions,
): Promise<void> {
  if (typeof from === 'bigint' && !isPosition(store.log, from)) return outlet.fail(invalidSubscriptionPosition());
  let cursor = from === 'start' ? 0n : from === 'end' ? store.log.head() : from;
  const checkpoints = filtered && checkpointsOf(filtered, (position) => outlet.send(checkpointResponse(position)));
  await follow(store, outlet, {
    stream: undefined,
    next: () => store.log.allForwards(cursor, eventsPerPage),
    deliver(event, isLive) {
      cursor = event.position;
      const matches = isPartOfAll(event) && (filtered?.filter(event) ?? true);
      const isFull = matches && outlet.send(eventResponse(resolve(event), ids));
      checkpoints?.considered(event.position, matches, isLive);
      return isFull;
    },
    caughtUp() {
      checkpoints?.caughtUp();
      outlet.send(caughtUpResponse());
    },
  });
}

async function follow(store: Store, outlet: Outlet, source: Source): Promise<void> {
  let isLive = false;
  let hasNews = false;
  let wake: (() => void) | undefined;
  const stopListening = store.onCommit(source.stream, () => {
    hasNews = true;
    wake?.();
  });
  outlet.onClose(() => {
    stopListening();
    wake?.();
  });
  outlet.send(confirmationResponse(crypto.randomUUID()));

  while (!outlet.closed) {
    hasNews = false;
    const page = source.next(isLive);
    if (!page) return outlet.fail(streamDeleted(source.stream ?? ''));
    for (const event of page.events) {
      if (source.deliver(event, isLive)) await outlet.drained();
      if (outlet.closed) return;
    }
    if (!page.isLast) {
      isLive = false;
      await turn();
      continue;
    }
    if (hasNews) continue;
    if (!isLive) source.caughtUp();
    isLive = true;
    await new Promise<void>((resolve) => {
      wake = resolve;
      if (hasNews || outlet.closed) resolve();
    });
  }
}

function checkpointsOf({ window, checkpointInterval }: FilterWindow, send: (position: bigint) => void) {
  let sinceCheckpoint = 0;
  let considered = 0;
  let matched = 0;
  let reached = -1n;
  let sent = -1n;

  function checkpoint(): void {
    if (reached <= sent) return;
    sent = reached;
    send(reached);
  }

  function whileCatchingUp(matches: boolean): void {
    considered += 1;
    matched += matches ? 1 : 0;
    if (considered < window && matched < matchesPerRead) return;
    sinceCheckpoint += considered;
    considered = 0;
    matched = 0;
    if (sinceCheckpoint < checkpointInterval) return;
    sinceCheckpoint %= checkpointInterval;
    checkpoint();
  }

  function afterLive(): void {
    sinceCheckpoint += 1;
    if (sinceCheckpoint < checkpointInterval) return;
    sinceCheckpoint = 0;
    checkpoint();
  }

  return {
    considered(position: bigint, matches: boolean, isLive: boolean): void {
      reached = position;
      if (isLive) afterLive();
      else whileCatchingUp(matches);
    },
    caughtUp(): void {
      sinceCheckpoint = 0;
      considered = 0;
      matched = 0;
      checkpoint();
    },
  };
}
