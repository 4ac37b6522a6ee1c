// EventStoreDB: whether an append is written, was written before, or is refused. The order of the questions matters:
// a tombstone wins over idempotency, STREAM_EXISTS is checked before the ids, ids are compared only where the stream
// has moved past the expected revision (or nothing exact was expected).

import { type ExpectedRevision, noRevision } from './records.ts';

/** What the decision needs to know of a stream; `last` is -1 when it has no event. */
export interface StreamFacts {
  readonly last: bigint;
  readonly tombstoned: boolean;
  readonly softDeleted: boolean;
  readonly hasMetadata: boolean;
  /** The id stored at a revision: permanent. */
  idAt(revision: bigint): string | undefined;
  /** The revision at which this stream recently stored the id: best effort, lost on restart. */
  recentRevisionOf(id: string): bigint | undefined;
}

/** Appended before: `revision` is where the last of the events is. */
export type AppendDecision =
  | { readonly kind: 'append' }
  | { readonly kind: 'appendedBefore'; readonly revision: bigint }
  | { readonly kind: 'wrongExpectedRevision' }
  | { readonly kind: 'streamDeleted' };

const append: AppendDecision = { kind: 'append' };
const wrongExpectedRevision: AppendDecision = { kind: 'wrongExpectedRevision' };
const streamDeleted: AppendDecision = { kind: 'streamDeleted' };

/** Decides on events, whose ids are given in their order, that are to follow the expected revision. Writes nothing. */
export function decideAppend(stream: StreamFacts, expected: ExpectedRevision, ids: readonly string[]): AppendDecision {
  if (stream.tombstoned) return streamDeleted;
  if (expected === 'stream_exists') {
    if (stream.softDeleted) return streamDeleted;
    if (stream.last === noRevision && !stream.hasMetadata) return wrongExpectedRevision;
  }
  if (expected === 'any' || expected === 'stream_exists') return decideByRecentIds(stream, ids);
  const revision = expected === 'no_stream' ? noRevision : expected;
  if (revision < stream.last) return decideByStoredIds(stream, revision, ids);
  return revision === stream.last ? append : wrongExpectedRevision;
}

function decideByRecentIds(stream: StreamFacts, ids: readonly string[]): AppendDecision {
  let revision: bigint | undefined;
  for (const [index, id] of ids.entries()) {
    revision = stream.recentRevisionOf(id);
    if (revision === undefined) return index === 0 ? append : wrongExpectedRevision;
  }
  return revision === undefined ? append : { kind: 'appendedBefore', revision };
}

function decideByStoredIds(stream: StreamFacts, expected: bigint, ids: readonly string[]): AppendDecision {
  let revision = expected;
  for (const [index, id] of ids.entries()) {
    revision += 1n;
    if (stream.idAt(revision) === id) continue;
    const recreates = index === 0 && expected === noRevision && stream.softDeleted;
    return recreates ? append : wrongExpectedRevision;
  }
  return ids.length === 0 ? wrongExpectedRevision : { kind: 'appendedBefore', revision };
}
