// What the log holds and what it is asked to hold. Revisions and positions are signed 64-bit, as on EventStoreDB.

export interface RecordedEvent {
  readonly position: bigint;
  readonly stream: string;
  readonly revision: bigint;
  readonly id: string;
  readonly type: string;
  readonly isJson: boolean;
  /** Since 1970, in units of 100 ns. */
  readonly createdTicks: bigint;
  readonly data: Uint8Array;
  readonly metadata: Uint8Array;
}

export type ProposedEvent = Pick<RecordedEvent, 'id' | 'type' | 'isJson' | 'data' | 'metadata'>;

/** A place in $all. Events have both halves the same; a page of a read begins at `prepare` 0. */
export interface Position {
  readonly commit: bigint;
  readonly prepare: bigint;
}

/** Negative when `a` is before `b`. */
export function comparePositions(a: Position, b: Position): number {
  const difference = a.commit === b.commit ? a.prepare - b.prepare : a.commit - b.commit;
  return difference < 0n ? -1 : difference > 0n ? 1 : 0;
}

/** What a write demands of its stream: a last revision, nothing, no event, or that it exists. */
export type ExpectedRevision = bigint | 'any' | 'no_stream' | 'stream_exists';

/** The last revision of a stream without events. */
export const noRevision = -1n;

/** The revision of `$streamDeleted`; as `$tb` it marks a soft-deleted stream. */
export const deletedRevision = 9223372036854775807n;

const ticksPerMillisecond = 10_000n;

/** Milliseconds, a fraction of which is dropped, in the 100 ns units of .NET. */
export function ticks(milliseconds: number): bigint {
  return BigInt(Math.trunc(milliseconds)) * ticksPerMillisecond;
}

/** The stream that holds the metadata of a stream. */
export function metastreamOf(stream: string): string {
  return `$$${stream}`;
}

/** By its name alone; the stream it is about need not exist. */
export function isMetastream(stream: string): boolean {
  return stream.startsWith('$$');
}

/** The stream that a metastream is about: the inverse of `metastreamOf`. */
export function originalOf(metastream: string): string {
  return metastream.slice(2);
}
