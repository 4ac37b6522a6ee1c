// EventStoreDB: what a stream's metadata says about which of its events can be read. Metadata is the data of the last
// event of `$$stream` when that is flagged JSON. Values that are not positive are ignored one by one; a wrong type,
// a number that is no int64, an unknown key in `$acl` or malformed JSON voids the whole. Numbers keep their exact text: `$tb` of a deleted
// stream is 2^63-1, which no JavaScript number can hold.

import { deletedRevision, isMetastream, type RecordedEvent, ticks } from './records.ts';

declare global {
  // Node 24 has these; TypeScript's library does not know them yet.
  interface JSON {
    rawJSON(text: string): RawJson;
    isRawJSON(value: unknown): value is RawJson;
  }
}

interface RawJson {
  readonly rawJSON: string;
}

interface StoredMetadata {
  readonly $maxCount?: unknown;
  readonly $maxAge?: unknown;
  readonly $tb?: unknown;
  readonly [key: string]: unknown;
}

/** What hides events: all but the last `maxCount`, those older than `maxAgeSeconds`, those before a revision. */
export interface StreamMetadata {
  readonly maxCount?: bigint;
  readonly maxAgeSeconds?: bigint;
  readonly truncateBefore?: bigint;
}

const none: StreamMetadata = {};
const ofMetastreams: StreamMetadata = { maxCount: 1n };
/** In seconds: more does not fit into .NET's TimeSpan. */
const longestTimeSpan = 922_337_203_685n;
const aclKeys = new Set(['$r', '$w', '$d', '$mr', '$mw']);

/** The metadata that a soft delete writes, as UTF-8 JSON. It replaces what was there. */
export const softDeletedMetadata = new TextEncoder().encode(`{"$tb":${deletedRevision}}`);

/** What the last event of its metastream says about a stream. A metastream itself shows its last event only. */
export function metadataOf(stream: string, last: Pick<RecordedEvent, 'isJson' | 'data'> | undefined): StreamMetadata {
  if (isMetastream(stream)) return ofMetastreams;
  return last?.isJson ? parseMetadata(last.data) : none;
}

/** Whether the metadata hides every event, as a soft delete makes it. */
export function isSoftDeleted(metadata: StreamMetadata): boolean {
  return metadata.truncateBefore === deletedRevision;
}

/**
 * The lowest revision that `$tb` and `$maxCount` leave visible when the last one is `last`: the higher of the two
 * bounds.
 */
export function firstVisibleRevision(metadata: StreamMetadata, last: bigint): bigint {
  const { truncateBefore = 0n, maxCount } = metadata;
  const byCount = maxCount === undefined ? 0n : last - maxCount + 1n;
  return byCount > truncateBefore ? byCount : truncateBefore;
}

/**
 * The creation time, in ticks since 1970, before which `$maxAge` hides events at `now`, in milliseconds since 1970;
 * else 0.
 */
export function oldestVisibleTicks(metadata: StreamMetadata, now: number): bigint {
  return metadata.maxAgeSeconds === undefined ? 0n : ticks(now) - metadata.maxAgeSeconds * ticks(1_000);
}

/**
 * The same metadata with another `$tb`: what the server writes when a soft-deleted stream comes back to life. Undefined
 * when the data is no JSON object.
 */
export function withTruncateBefore(data: Uint8Array, revision: bigint): Uint8Array | undefined {
  const object = parseObject(data);
  return object && Buffer.from(JSON.stringify({ ...object, $tb: JSON.rawJSON(`${revision}`) }));
}

/** Reads UTF-8 JSON. Never throws: what the server would not accept hides nothing. */
export function parseMetadata(data: Uint8Array): StreamMetadata {
  const object = parseObject(data);
  if (!object || !isWellFormed(object)) return none;
  const maxCount = int64(object.$maxCount);
  const maxAgeSeconds = int64(object.$maxAge);
  const truncateBefore = int64(object.$tb);
  return {
    ...(maxCount !== undefined && maxCount > 0n && { maxCount }),
    ...(maxAgeSeconds !== undefined && maxAgeSeconds > 0n && { maxAgeSeconds }),
    ...(truncateBefore !== undefined && truncateBefore >= 0n && { truncateBefore }),
  };
}

function isWellFormed(object: StoredMetadata): boolean {
  return Object.entries(object).every(([key, value]) => {
    switch (key) {
      case '$maxCount':
      case '$tb':
        return int64(value) !== undefined;
      case '$maxAge':
      case '$cacheControl':
        return (int64(value) ?? longestTimeSpan + 1n) <= longestTimeSpan;
      case '$tmp':
        return typeof value === 'boolean';
      case '$acl':
        return isObject(value) && Object.entries(value).every(([role, names]) => aclKeys.has(role) && areNames(names));
      default:
        return true;
    }
  });
}

function areNames(value: unknown): boolean {
  return typeof value === 'string' || (Array.isArray(value) && value.every((name) => typeof name === 'string'));
}

function int64(value: unknown): bigint | undefined {
  if (!JSON.isRawJSON(value) || !/^-?\d+$/.test(value.rawJSON)) return undefined;
  const number = BigInt(value.rawJSON);
  return BigInt.asIntN(64, number) === number ? number : undefined;
}

function parseObject(data: Uint8Array): StoredMetadata | undefined {
  try {
    const value = JSON.parse(Buffer.from(data).toString('utf8'), keepNumbersExact);
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function keepNumbersExact(this: unknown, _key: string, value: unknown, context?: { source?: string }): unknown {
  return typeof value === 'number' ? JSON.rawJSON(context?.source ?? `${value}`) : value;
}

function isObject(value: unknown): value is StoredMetadata {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !JSON.isRawJSON(value);
}
