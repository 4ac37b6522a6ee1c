// EventStoreDB: what an append may weigh (data, metadata and twice the length of the type, summed over its events; the
// limit itself still fits) and what no server accepts at any size.

import type { ProposedEvent } from './records.ts';

const nilId = '00000000-0000-0000-0000-000000000000';
const uuid = /^[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}$/;

/** In bytes: that of EventStoreDB. */
export const defaultMaxAppendSize = 1_048_576;

/** What an event counts towards the limit, in bytes. The type has two per character, as in .NET's memory. */
export function sizeOf(event: ProposedEvent): number {
  return event.data.length + event.metadata.length + 2 * event.type.length;
}

/** Why an append is refused whatever the stream holds, in a sentence; undefined when it is not. Ids are lower case. */
export function faultIn(stream: string, events: readonly ProposedEvent[]): string | undefined {
  if (stream === '' || stream === '$$') return `Invalid stream name '${stream}'.`;
  if (events.some(({ type }) => type === '')) return 'An event has an empty type.';
  if (events.some(({ id }) => !uuid.test(id) || id === nilId)) return 'An event has no valid id.';
  return undefined;
}
