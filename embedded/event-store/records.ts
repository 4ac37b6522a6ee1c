// What the log holds and what it is asked to hold. Revisions and positions are signed 64-bit, as on EventStoreDB.

export interface RecordedEvent {
  readonly position: bigint;
  readonly stream: string;
  readonly revision: bigint;
  readonly id: string;
  readonly type: string;
  readonly isJson: boolean;
  readonly createdTicks: bigint;
  readonly data: Uint8Array;
  readonly metadata: Uint8Array;
}

export type ProposedEvent = Pick<RecordedEvent, 'id' | 'type' | 'isJson' | 'data' | 'metadata'>;

export type ExpectedRevision = bigint | 'any' | 'no_stream' | 'stream_exists';

export const noRevision = -1n;

/** The revision of `$streamDeleted`; as `$tb` it marks a soft-deleted stream. */
export const deletedRevision = 9223372036854775807n;

const ticksPerMillisecond = 10_000n;

export function ticks(milliseconds: number): bigint {
  return BigInt(Math.trunc(milliseconds)) * ticksPerMillisecond;
}

export function metastreamOf(stream: string): string {
  return `$$${stream}`;
}

export function isMetastream(stream: string): boolean {
  return stream.startsWith('$$');
}

export function originalOf(metastream: string): string {
  return metastream.slice(2);
}
