// The streams: everything that is written goes through here. What is kept in memory (stream heads, metadata, recent
// ids) is only ever a copy of the log: a failed commit throws all of it away.
//
// EventStoreDB: writing to a soft-deleted stream, or to its metadata, brings it back with `$tb` at the next revision.

import { EventEmitter } from 'node:events';
import { bounded } from './bounded-map.ts';
import { commitQueueOn } from './commit-queue.ts';
import { type AppendDecision, decideAppend } from './expected-revision.ts';
import type { Log, WriteEvent } from './log.ts';
import {
  firstVisibleRevision,
  isSoftDeleted,
  metadataOf,
  oldestVisibleTicks,
  type StreamMetadata,
  softDeletedMetadata,
  withTruncateBefore,
} from './metadata.ts';
import {
  deletedRevision,
  type ExpectedRevision,
  isMetastream,
  metastreamOf,
  noRevision,
  originalOf,
  type ProposedEvent,
  type RecordedEvent,
  ticks,
} from './records.ts';

/**
 * What became of a write: its last revision (-1: an empty one to no stream) and its position, undefined when it was
 * written before and cannot be read any more; or the revision that the stream is at (-1: no event); or a deleted stream.
 */
export type WriteOutcome =
  | Written
  | { readonly kind: 'wrongExpectedRevision'; readonly current: bigint }
  | { readonly kind: 'streamDeleted' };

export interface Written {
  readonly kind: 'written';
  readonly revision: bigint;
  readonly position: bigint | undefined;
}

interface StreamHead {
  last: bigint;
  metadata: StreamMetadata | undefined;
}

export type Store = ReturnType<typeof openStore>;

const streamsInMemory = 20_000;
const idsInMemory = 65_536;

/**
 * The streams of a log, which from now on must be written through them alone and is closed with them. Writes resolve when
 * they are durable. They reject, with nothing written, when the commit fails or the store is closed.
 */
export function openStore(log: Log) {
  const heads = bounded<string, StreamHead>(streamsInMemory);
  const recentIds = bounded<string, { readonly stream: string; readonly revision: bigint }>(idsInMemory);
  const commits = new EventEmitter().setMaxListeners(0);
  const touched = new Set<string>();
  const queue = commitQueueOn<WriteOutcome>(log, notify, forget);

  function notify(): void {
    if (touched.size > 0) commits.emit(commitTo());
    for (const stream of touched) commits.emit(commitTo(stream));
    touched.clear();
  }

  function forget(): void {
    heads.clear();
    recentIds.clear();
    touched.clear();
  }

  /** Calls back after each commit that touches the stream (undefined: any) until the function it returns is called. */
  function onCommit(stream: string | undefined, listener: () => void): () => void {
    commits.on(commitTo(stream), listener);
    return () => void commits.off(commitTo(stream), listener);
  }

  /** All events or none. What was appended before, by its ids, is not written again. */
  function append(stream: string, expected: ExpectedRevision, events: readonly ProposedEvent[]) {
    return queue.submit((write) => {
      const ids = events.map(({ id }) => id);
      const decision = decide(stream, expected, ids);
      return decision.kind === 'append' ? appendNow(write, stream, events) : answer(stream, decision);
    });
  }

  /** Hides what was written until now; the stream can be written to again. */
  function softDelete(stream: string, expected: ExpectedRevision) {
    return queue.submit((write) => {
      const neverExisted = head(stream).last === noRevision && !hasMetadata(stream) && !isTombstoned(stream);
      if (isTombstoned(metastreamOf(stream))) return { kind: 'streamDeleted' };
      const decision = decide(stream, expected, [crypto.randomUUID()]);
      if (neverExisted) return { kind: 'wrongExpectedRevision', current: noRevision };
      if (decision.kind !== 'append') return answer(stream, decision);
      const { position } = recordNext(write, metastreamOf(stream), metadataEvent(softDeletedMetadata));
      return { kind: 'written', revision: head(stream).last, position };
    });
  }

  /** Ends the stream for good. */
  function tombstone(stream: string, expected: ExpectedRevision) {
    return queue.submit((write) => {
      const decision = decide(stream, expected, [crypto.randomUUID()]);
      if (decision.kind !== 'append') return answer(stream, decision);
      const { position } = record(write, stream, deletedRevision, serverEvent('$streamDeleted'));
      return { kind: 'written', revision: deletedRevision, position };
    });
  }

  function decide(stream: string, expected: ExpectedRevision, ids: readonly string[]): AppendDecision {
    const facts = {
      last: head(stream).last,
      tombstoned: isTombstoned(stream),
      softDeleted: isSoftDeleted(metadata(stream)),
      hasMetadata: hasMetadata(stream),
      idAt: (revision: bigint) => log.idAt(stream, revision),
      recentRevisionOf(id: string) {
        const recent = recentIds.get(id);
        return recent?.stream === stream ? recent.revision : undefined;
      },
    };
    return decideAppend(facts, expected, ids);
  }

  function answer(stream: string, decision: Exclude<AppendDecision, { kind: 'append' }>): WriteOutcome {
    if (decision.kind === 'streamDeleted') return decision;
    if (decision.kind === 'wrongExpectedRevision') return { ...decision, current: head(stream).last };
    const { revision } = decision;
    return { kind: 'written', revision, position: visibleEvent(stream, revision)?.position };
  }

  function appendNow(write: WriteEvent, stream: string, events: readonly ProposedEvent[]): WriteOutcome {
    const revived = isMetastream(stream) ? originalOf(stream) : stream;
    const truncateBefore = isSoftDeleted(metadata(revived)) ? head(revived).last + 1n : undefined;
    const written = events.map((event) => recordNext(write, stream, event)).at(-1);
    // An empty write takes a place in the real log, too, and hides there.
    const { revision, position } = written ?? { revision: head(stream).last, position: log.head() + 1n };
    if (truncateBefore !== undefined) revive(write, revived, truncateBefore);
    return { kind: 'written', revision, position };
  }

  function revive(write: WriteEvent, stream: string, truncateBefore: bigint): void {
    const metastream = metastreamOf(stream);
    const current = log.lastEvent(metastream);
    const data = current && withTruncateBefore(current.data, truncateBefore);
    if (data) recordNext(write, metastream, metadataEvent(data));
  }

  function recordNext(write: WriteEvent, stream: string, event: ProposedEvent): RecordedEvent {
    return record(write, stream, head(stream).last + 1n, event);
  }

  function record(write: WriteEvent, stream: string, revision: bigint, event: ProposedEvent): RecordedEvent {
    const recorded = write(stream, revision, event, ticks(Date.now()));
    head(stream).last = revision;
    if (isMetastream(stream)) head(originalOf(stream)).metadata = undefined;
    // An id is found where it was written first.
    if (recentIds.get(event.id) === undefined) recentIds.set(event.id, { stream, revision });
    touched.add(stream);
    return recorded;
  }

  /**
   * Which events of a stream can be read: from `first` to `last` (-1: none was written), created at `createdSince` ticks
   * or later.
   */
  function visibility(stream: string) {
    const { last } = head(stream);
    const current = metadata(stream);
    return {
      last,
      first: firstVisibleRevision(current, last),
      createdSince: oldestVisibleTicks(current, Date.now()),
      softDeleted: isSoftDeleted(current),
      tombstoned: isTombstoned(stream),
    };
  }

  /** The event at a revision; undefined when there is none or metadata hides it. */
  function visibleEvent(stream: string, revision: bigint): RecordedEvent | undefined {
    const { first, createdSince, tombstoned } = visibility(stream);
    const event = tombstoned || revision < first ? undefined : log.eventAt(stream, revision);
    return event && event.createdTicks >= createdSince ? event : undefined;
  }

  function isTombstoned(stream: string): boolean {
    return head(stream).last === deletedRevision || (isMetastream(stream) && isTombstoned(originalOf(stream)));
  }

  function hasMetadata(stream: string): boolean {
    return head(metastreamOf(stream)).last !== noRevision;
  }

  function metadata(stream: string): StreamMetadata {
    const known = head(stream);
    known.metadata ??= metadataOf(stream, isMetastream(stream) ? undefined : log.lastEvent(metastreamOf(stream)));
    return known.metadata;
  }

  function head(stream: string): StreamHead {
    const known = heads.get(stream);
    if (known) return known;
    const loaded = { last: log.lastRevision(stream), metadata: undefined };
    heads.set(stream, loaded);
    return loaded;
  }

  /** Commits what waits, then closes the log. */
  function close(): void {
    queue.close();
    log.close();
  }

  return { log, append, softDelete, tombstone, visibility, visibleEvent, onCommit, flush: queue.flush, close };
}

/** What is emitted on a commit that touches a stream, or any. */
function commitTo(stream?: string): string {
  return stream === undefined ? 'any' : `stream ${stream}`;
}

/** What the server writes on its own account. */
export function serverEvent(type: string): ProposedEvent {
  return { id: crypto.randomUUID(), type, isJson: false, data: new Uint8Array(), metadata: new Uint8Array() };
}

function metadataEvent(data: Uint8Array): ProposedEvent {
  return { ...serverEvent('$metadata'), isJson: true, data };
}
