// EventStoreDB: what no server accepts, whatever the stream holds, and what an append may weigh: data, metadata and
// twice the length of the type, summed over its events. The limit itself still fits.

import { BadRequest } from './bad-request.ts';
import type { ProposedEvent } from './records.ts';

const nilId = '00000000-0000-0000-0000-000000000000';
const uuid = /^[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}$/;

/** In bytes: that of EventStoreDB. */
export const defaultMaxAppendSize = 1_048_576;

/** What an event counts towards the limit, in bytes. The type has two per character, as in .NET's memory. */
export function sizeOf(event: ProposedEvent): number {
  return event.data.length + event.metadata.length + 2 * event.type.length;
}

/** Refuses an append with a BadRequest, in the server's words, for its stream's name or an event's type or id. */
export function checkAppend(stream: string, events: readonly ProposedEvent[]): void {
  const outOfRange = "Specified argument was out of the range of valid values. (Parameter 'eventStreamId')";
  if (stream === '' || stream === '$$') throw new BadRequest(outOfRange);
  for (const { id, type } of events) {
    if (type === '') throw new BadRequest("Empty eventType provided. (Parameter 'eventType')");
    if (id === nilId) throw new BadRequest("Empty eventId provided. (Parameter 'eventId')");
    if (!uuid.test(id)) throw new BadRequest('Unrecognized Guid format.');
  }
}
