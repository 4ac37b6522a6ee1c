// EventStoreDB: what a stream's metadata says about which of its events can be read. Metadata is the data of the last
// event of `$$stream` when that is flagged JSON. Values that are not positive are ignored one by one; a wrong type, a
// number that is no int64, an unknown key in `$acl` or malformed JSON voids the whole. Numbers keep their exact text:
// `$tb` of a deleted stream is 2^63-1, which no JavaScript number can hold.

import { deletedRevision, isMetastream, type RecordedEvent, ticks } from './records.ts';

interface RawJson {
  readonly rawJSON: string;
}

/** Node 24 has these; TypeScript's library does not know them yet. */
const { rawJSON, isRawJSON } = JSON as unknown as {
  rawJSON(text: string): RawJson;
  isRawJSON(value: unknown): value is RawJson;
};

type JsonObject = Readonly<Record<string, unknown>>;

/** What hides events: all but the last `maxCount`, those older than `maxAgeSeconds`, those before a revision. */
export interface StreamMetadata {
  readonly maxCount?: bigint | undefined;
  readonly maxAgeSeconds?: bigint | undefined;
  readonly truncateBefore?: bigint | undefined;
}

const none: StreamMetadata = {};
const ofMetastreams: StreamMetadata = { maxCount: 1n };
/** In seconds: more does not fit into .NET's TimeSpan. */
const longestTimeSpan = 922_337_203_685n;
const aclKeys = new Set(['$r', '$w', '$d', '$mr', '$mw']);

/** What the values of the server's own keys have to be. */
const accepts: ReadonlyMap<string, (value: unknown) => boolean> = new Map([
  ['$maxCount', isInt64],
  ['$tb', isInt64],
  ['$maxAge', isTimeSpan],
  ['$cacheControl', isTimeSpan],
  ['$tmp', (value) => typeof value === 'boolean'],
  ['$acl', isAcl],
]);

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
  return object && Buffer.from(JSON.stringify({ ...object, $tb: rawJSON(`${revision}`) }));
}

/** Reads UTF-8 JSON. Never throws: what the server would not accept hides nothing. */
export function parseMetadata(data: Uint8Array): StreamMetadata {
  const object = parseObject(data);
  const isAccepted = object && Object.entries(object).every(([key, value]) => accepts.get(key)?.(value) ?? true);
  if (!isAccepted) return none;
  const atLeast = (least: bigint, value = least - 1n) => (value >= least ? value : undefined);
  return {
    maxCount: atLeast(1n, int64(object.$maxCount)),
    maxAgeSeconds: atLeast(1n, int64(object.$maxAge)),
    truncateBefore: atLeast(0n, int64(object.$tb)),
  };
}

function isInt64(value: unknown): boolean {
  return int64(value) !== undefined;
}

function isTimeSpan(value: unknown): boolean {
  return (int64(value) ?? longestTimeSpan + 1n) <= longestTimeSpan;
}

function isAcl(value: unknown): boolean {
  return isObject(value) && Object.entries(value).every(([role, names]) => aclKeys.has(role) && areNames(names));
}

function areNames(value: unknown): boolean {
  return typeof value === 'string' || (Array.isArray(value) && value.every((name) => typeof name === 'string'));
}

function int64(value: unknown): bigint | undefined {
  if (!isRawJSON(value) || !/^-?\d+$/.test(value.rawJSON)) return undefined;
  const number = BigInt(value.rawJSON);
  return BigInt.asIntN(64, number) === number ? number : undefined;
}

function parseObject(data: Uint8Array): JsonObject | undefined {
  try {
    const value = JSON.parse(Buffer.from(data).toString('utf8'), keepNumbersExact);
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function keepNumbersExact(this: unknown, _key: string, value: unknown, context?: { source?: string }): unknown {
  return typeof value === 'number' ? rawJSON(context?.source ?? `${value}`) : value;
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !isRawJSON(value);
}
