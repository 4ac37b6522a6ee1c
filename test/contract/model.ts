// What a stream is, in plain values: written from the protocol's description, to be compared with a server.

/** Ids are labels, which whoever compares translates. */
export type ModelExpected = number | 'any' | 'no_stream' | 'stream_exists';

export type Answer =
  | { readonly kind: 'ok'; readonly revision: number; readonly at: Place | 'nothing' | 'hidden' }
  | { readonly kind: 'conflict'; readonly actual: number }
  | { readonly kind: 'deleted' };

export type Contents = readonly Recorded[] | 'not found' | 'deleted';

export interface Recorded {
  readonly revision: number;
  readonly id: string;
}

/** What $all has: of a user's event the id, of the others the type. */
export interface Place {
  readonly stream: string;
  readonly revision: number | 'last';
  readonly what: string;
}

export interface ModelMetadata {
  readonly maxCount?: number;
  /** 'all' is what a soft delete writes. */
  readonly truncateBefore?: number | 'all';
  readonly custom?: number;
}

interface Stream {
  readonly ids: string[];
  metadata: ModelMetadata | undefined;
  metadataRevision: number;
  tombstoned: boolean;
}

export type Model = ReturnType<typeof emptyModel>;

export function emptyModel() {
  const streams = new Map<string, Stream>();
  const recent = new Map<string, { stream: string; revision: number }>();
  const all: Place[] = [];

  function stream(name: string): Stream {
    const found = streams.get(name) ?? { ids: [], metadata: undefined, metadataRevision: -1, tombstoned: false };
    streams.set(name, found);
    return found;
  }

  function append(name: string, expected: ModelExpected, ids: readonly string[]): Answer {
    const { tombstoned, metadataRevision } = stream(name);
    const actual = last(name);
    if (tombstoned) return { kind: 'deleted' };
    if (expected === 'stream_exists') {
      if (isSoftDeleted(name)) return { kind: 'deleted' };
      if (actual < 0 && metadataRevision < 0) return { kind: 'conflict', actual };
    }
    if (expected === 'any' || expected === 'stream_exists') return appendToRecent(name, ids);
    return appendAfter(name, expected === 'no_stream' ? -1 : expected, ids);
  }

  function appendToRecent(name: string, ids: readonly string[]): Answer {
    const revisions = ids.map((id) => revisionIn(name, id));
    if (revisions[0] === undefined) return write(name, ids);
    if (revisions.includes(undefined)) return { kind: 'conflict', actual: last(name) };
    return again(name, revisions.at(-1) ?? -1);
  }

  function appendAfter(name: string, expected: number, ids: readonly string[]): Answer {
    const conflict = { kind: 'conflict', actual: last(name) } as const;
    if (expected === last(name)) return write(name, ids);
    if (expected > last(name)) return conflict;
    const stored = stream(name).ids.slice(expected + 1, expected + 1 + ids.length);
    const differs = ids.findIndex((id, index) => stored[index] !== id);
    if (differs === 0 && expected === -1 && isSoftDeleted(name)) return write(name, ids);
    return differs >= 0 || ids.length === 0 ? conflict : again(name, expected + ids.length);
  }

  function again(name: string, revision: number): Answer {
    const contents = read(name);
    const isVisible = typeof contents !== 'string' && contents.some((event) => event.revision === revision);
    const id = stream(name).ids[revision] ?? '';
    return { kind: 'ok', revision, at: isVisible ? { stream: name, revision, what: id } : 'hidden' };
  }

  function write(name: string, ids: readonly string[]): Answer {
    const first = last(name) + 1;
    const revives = isSoftDeleted(name);
    const places = ids.map((what, index) => ({ stream: name, revision: first + index, what }));
    stream(name).ids.push(...ids);
    for (const { what, revision } of places) recent.set(what, { stream: name, revision });
    all.push(...places);
    if (revives) writeMetadata(name, { ...stream(name).metadata, truncateBefore: first });
    return { kind: 'ok', revision: last(name), at: places.at(-1) ?? 'nothing' };
  }

  function setMetadata(name: string, metadata: ModelMetadata): Answer {
    if (stream(name).tombstoned) return { kind: 'deleted' };
    const revives = isSoftDeleted(name);
    const at = writeMetadata(name, metadata);
    const revision = stream(name).metadataRevision;
    if (revives) writeMetadata(name, { ...metadata, truncateBefore: last(name) + 1 });
    return { kind: 'ok', revision, at };
  }

  function writeMetadata(name: string, metadata: ModelMetadata): Place {
    const changed = stream(name);
    changed.metadata = metadata;
    changed.metadataRevision += 1;
    const place = { stream: `$$${name}`, revision: changed.metadataRevision, what: '$metadata' };
    all.push(place);
    return place;
  }

  function remove(name: string, expected: ModelExpected): Answer {
    const { tombstoned, metadataRevision } = stream(name);
    if (!tombstoned && last(name) < 0 && metadataRevision < 0) return { kind: 'conflict', actual: -1 };
    const refusal = refusalToRemove(name, expected);
    return refusal ?? { kind: 'ok', revision: last(name), at: writeMetadata(name, { truncateBefore: 'all' }) };
  }

  function tombstone(name: string, expected: ModelExpected): Answer {
    const refusal = refusalToRemove(name, expected);
    if (refusal) return refusal;
    const place = { stream: name, revision: 'last', what: '$streamDeleted' } as const;
    stream(name).tombstoned = true;
    all.push(place);
    return { kind: 'ok', revision: last(name), at: place };
  }

  // As for an append of one event that was never appended before.
  function refusalToRemove(name: string, expected: ModelExpected): Answer | undefined {
    const { tombstoned, metadataRevision } = stream(name);
    const actual = last(name);
    if (tombstoned) return { kind: 'deleted' };
    if (expected === 'any') return undefined;
    if (expected === 'stream_exists') {
      if (isSoftDeleted(name)) return { kind: 'deleted' };
      return actual < 0 && metadataRevision < 0 ? { kind: 'conflict', actual } : undefined;
    }
    if (expected === 'no_stream' && isSoftDeleted(name)) return undefined;
    return actual === (expected === 'no_stream' ? -1 : expected) ? undefined : { kind: 'conflict', actual };
  }

  function read(name: string): Contents {
    const { ids, metadata = {}, tombstoned } = stream(name);
    if (tombstoned) return 'deleted';
    if (ids.length === 0 || metadata.truncateBefore === 'all') return 'not found';
    const first = Math.max(metadata.truncateBefore ?? 0, ids.length - (metadata.maxCount ?? ids.length));
    return ids.map((id, revision) => ({ revision, id })).slice(first);
  }

  const last = (name: string) => stream(name).ids.length - 1;
  const isSoftDeleted = (name: string) => stream(name).metadata?.truncateBefore === 'all';
  const timesStored = (id: string) => all.filter(({ what }) => what === id).length;
  const metadataOf = (name: string) => (stream(name).tombstoned ? 'deleted' : stream(name).metadata);

  function revisionIn(name: string, id: string): number | undefined {
    const found = recent.get(id);
    return found?.stream === name ? found.revision : undefined;
  }

  return { all, append, setMetadata, remove, tombstone, read, last, isSoftDeleted, timesStored, metadataOf };
}
