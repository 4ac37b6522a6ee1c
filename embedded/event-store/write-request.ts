// EventStoreDB: what the requests of all writes have in common: what they expect of their stream, and what no server
// accepts, whatever the stream holds. The events of an append weigh their data, their metadata and twice the length of
// their type; the limit itself still fits.

import type { AppendReq, BatchAppendReq, DeleteReq, TombstoneReq } from '@eventstore/db-client/generated/streams_pb.js';
import {
  badRequest,
  invalidArgument,
  maximumAppendSizeExceeded,
  missingMetadataProperty,
  streamDeleted,
  wrongExpectedVersion,
} from './errors.ts';
import { json } from './event-bytes.ts';
import { deletedRevision, type ExpectedRevision, type ProposedEvent } from './records.ts';
import type { WriteOutcome, Written } from './store.ts';
import { uuidOf } from './wire.ts';

type WriteOptions = AppendReq.Options | BatchAppendReq.Options | DeleteReq.Options | TombstoneReq.Options;
type ProposedMessage = AppendReq.ProposedMessage | BatchAppendReq.ProposedMessage;

/** In bytes: that of EventStoreDB. */
export const defaultMaxAppendSize = 1_048_576;

const minusOne = 18446744073709551615n;
const nilId = '00000000-0000-0000-0000-000000000000';
const uuid = /^[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}$/;

/** What the options of a write expect of its stream. Throws a Refusal when they do not say, or no revision. */
export function expectedRevisionOf(options: WriteOptions): ExpectedRevision {
  if (options.hasNoStream()) return 'no_stream';
  if (options.hasStreamExists()) return 'stream_exists';
  if (options.hasAny()) return 'any';
  const isExact = 'hasRevision' in options ? options.hasRevision() : options.hasStreamPosition();
  if (!isExact) throw invalidArgument("'None' is not a valid ExpectedStreamRevisionOneofCase");
  const revision = BigInt('getRevision' in options ? options.getRevision() : options.getStreamPosition());
  if (revision === minusOne) return 'no_stream';
  if (revision > deletedRevision) throw badRequest('The expected revision is out of range.');
  return revision;
}

/** The events of an append as they arrive. `add` throws a Refusal for one that is incomplete or one too many. */
export function proposalOf(maxAppendSize: number) {
  const events: ProposedEvent[] = [];
  let size = 0;

  function add(message: ProposedMessage): void {
    const type = message.getMetadataMap().get('type');
    const contentType = message.getMetadataMap().get('content-type');
    if (type === undefined) throw missingMetadataProperty('type');
    if (contentType === undefined) throw missingMetadataProperty('content-type');
    const data = message.getData_asU8();
    const metadata = message.getCustomMetadata_asU8();
    // Two bytes per character, as in .NET's memory.
    size += data.length + metadata.length + 2 * type.length;
    if (size > maxAppendSize) throw maximumAppendSizeExceeded(maxAppendSize);
    events.push({ id: uuidOf(message.getId()), type, isJson: contentType === json, data, metadata });
  }

  return { events, add };
}

/** Throws a Refusal, in the server's words, for the name of a stream or the type or id of an event. */
export function checkAppend(stream: string, events: readonly ProposedEvent[]): void {
  const outOfRange = "Specified argument was out of the range of valid values. (Parameter 'eventStreamId')";
  if (stream === '' || stream === '$$') throw badRequest(outOfRange);
  for (const { id, type } of events) {
    if (type === '') throw badRequest("Empty eventType provided. (Parameter 'eventType')");
    if (id === nilId) throw badRequest("Empty eventId provided. (Parameter 'eventId')");
    if (!uuid.test(id)) throw badRequest('Unrecognized Guid format.');
  }
}

/** What was written; throws a Refusal when nothing was. */
export function written(stream: string, expected: ExpectedRevision, outcome: WriteOutcome): Written {
  switch (outcome.kind) {
    case 'written':
      return outcome;
    case 'wrongExpectedRevision':
      throw wrongExpectedVersion(stream, expected, outcome.current);
    case 'streamDeleted':
      throw streamDeleted(stream);
  }
}
