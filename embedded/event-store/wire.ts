// Between EventStoreDB's protobuf messages and plain values. 64-bit integers travel as decimal strings.

import type { StreamIdentifier, UUID } from '@eventstore/db-client/generated/shared_pb.js';
import shared from '@eventstore/db-client/generated/shared_pb.js';
import type { ReadResp } from '@eventstore/db-client/generated/streams_pb.js';
import streams from '@eventstore/db-client/generated/streams_pb.js';
import { status } from '@grpc/grpc-js';
import type { Map as ProtobufMap } from 'google-protobuf';
import { BadRequest } from './bad-request.ts';
import {
  deletedRevision,
  type ExpectedRevision,
  type Position,
  type ProposedEvent,
  type RecordedEvent,
} from './records.ts';

/** How a reader wants its ids: as text, or as two signed 64-bit halves. */
export type IdFormat = 'string' | 'structured';

/** An event and the link that led to it. Without the event, the link leads nowhere. */
export interface ResolvedEvent {
  readonly event: RecordedEvent | undefined;
  readonly link: RecordedEvent | undefined;
}

/** A batch append calls the exact revision a position; the other writes call it a revision. */
type ExpectedRevisionOptions = { hasAny(): boolean; hasNoStream(): boolean; hasStreamExists(): boolean } & (
  | { hasRevision(): boolean; getRevision(): string }
  | { hasStreamPosition(): boolean; getStreamPosition(): string }
);

interface ProposedMessage {
  getId(): UUID | undefined;
  getMetadataMap(): ProtobufMap<string, string>;
  getCustomMetadata_asU8(): Uint8Array;
  getData_asU8(): Uint8Array;
}

const anyUuid = /^\s*[{(]?(\w{8})-?(\w{4})-?(\w{4})-?(\w{4})-?(\w{12})[)}]?\s*$/;
const json = 'application/json';
const octetStream = 'application/octet-stream';

/** What marks a choice that carries no value. */
export function empty() {
  return new shared.Empty();
}

/** The name, which travels as UTF-8; empty when there is none. */
export function streamNameOf(identifier: StreamIdentifier | undefined): string {
  return Buffer.from(identifier?.getStreamName_asU8() ?? []).toString('utf8');
}

/** The inverse of `streamNameOf`. */
export function streamIdentifier(stream: string): StreamIdentifier {
  return new shared.StreamIdentifier().setStreamName(Buffer.from(stream, 'utf8'));
}

/** What the options of a write expect of its stream. Throws a BadRequest when they do not say, or no revision. */
export function expectedRevisionOf(options: ExpectedRevisionOptions): ExpectedRevision {
  const exact = exactRevisionOf(options);
  if (exact !== undefined) {
    const revision = BigInt(exact);
    // -1 in 64 bits.
    if (revision === 18446744073709551615n) return 'no_stream';
    if (revision > deletedRevision) throw new BadRequest('The expected revision is out of range.');
    return revision;
  }
  if (options.hasNoStream()) return 'no_stream';
  if (options.hasStreamExists()) return 'stream_exists';
  if (options.hasAny()) return 'any';
  throw new BadRequest("'None' is not a valid ExpectedStreamRevisionOneofCase", status.INVALID_ARGUMENT);
}

/** The event of an append request; or the name of the property that the message lacks. */
export function proposedEvent(message: ProposedMessage): ProposedEvent | 'type' | 'content-type' {
  const map = message.getMetadataMap();
  const type = map.get('type');
  const contentType = map.get('content-type');
  if (type === undefined) return 'type';
  if (contentType === undefined) return 'content-type';
  return {
    id: uuidOf(message.getId()),
    type,
    isJson: contentType === json,
    data: message.getData_asU8(),
    metadata: message.getCustomMetadata_asU8(),
  };
}

/** One event of a read. Its commit position is that of the link when there is one: it is the link that was read. */
export function eventResponse({ event, link }: ResolvedEvent, ids: IdFormat): ReadResp {
  const read = new streams.ReadResp.ReadEvent();
  if (event) read.setEvent(recordedEvent(event, ids));
  if (link) read.setLink(recordedEvent(link, ids));
  read.setCommitPosition(`${(link ?? event)?.position}`);
  return new streams.ReadResp().setEvent(read);
}

/** The first message of a subscription. */
export function confirmationResponse(subscriptionId: string): ReadResp {
  const confirmation = new streams.ReadResp.SubscriptionConfirmation();
  return new streams.ReadResp().setConfirmation(confirmation.setSubscriptionId(subscriptionId));
}

/** Tells a filtered subscription how far it got. */
export function checkpointResponse({ commit, prepare }: Position): ReadResp {
  const checkpoint = new streams.ReadResp.Checkpoint();
  checkpoint.setCommitPosition(`${commit}`).setPreparePosition(`${prepare}`);
  return new streams.ReadResp().setCheckpoint(checkpoint);
}

/** Tells a subscription that what follows is live. */
export function caughtUpResponse(): ReadResp {
  return new streams.ReadResp().setCaughtUp(new streams.ReadResp.CaughtUp());
}

/** The only message of a read of a stream that does not exist; the client makes an error of it. */
export function streamNotFoundResponse(stream: string): ReadResp {
  const notFound = new streams.ReadResp.StreamNotFound();
  return new streams.ReadResp().setStreamNotFound(notFound.setStreamIdentifier(streamIdentifier(stream)));
}

/** The id in lower case with hyphens, whichever way .NET would write it; what is no id stays as it came. */
export function uuidOf(uuid: UUID | undefined): string {
  if (!uuid?.hasStructured()) return (uuid?.getString().toLowerCase() ?? '').replace(anyUuid, '$1-$2-$3-$4-$5');
  const structured = uuid.getStructured();
  const half = (bits: string | undefined) =>
    BigInt.asUintN(64, BigInt(bits ?? 0))
      .toString(16)
      .padStart(16, '0');
  const hex = half(structured?.getMostSignificantBits()) + half(structured?.getLeastSignificantBits());
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}

/** The message of an id. Structured: its 128 bits as two signed halves, the most significant first. */
export function uuid(id: string, format: IdFormat): UUID {
  if (format === 'string') return new shared.UUID().setString(id);
  const hex = id.replaceAll('-', '');
  const half = (digits: string) => `${BigInt.asIntN(64, BigInt(`0x${digits}`))}`;
  const structured = new shared.UUID.Structured();
  structured.setMostSignificantBits(half(hex.slice(0, 16))).setLeastSignificantBits(half(hex.slice(16)));
  return new shared.UUID().setStructured(structured);
}

function exactRevisionOf(options: ExpectedRevisionOptions): string | undefined {
  if ('hasRevision' in options) return options.hasRevision() ? options.getRevision() : undefined;
  return options.hasStreamPosition() ? options.getStreamPosition() : undefined;
}

function recordedEvent(event: RecordedEvent, ids: IdFormat) {
  const recorded = new streams.ReadResp.ReadEvent.RecordedEvent();
  recorded
    .setId(uuid(event.id, ids))
    .setStreamIdentifier(streamIdentifier(event.stream))
    .setStreamRevision(`${event.revision}`)
    .setPreparePosition(`${event.position}`)
    .setCommitPosition(`${event.position}`)
    .setCustomMetadata(event.metadata)
    .setData(event.data);
  recorded
    .getMetadataMap()
    .set('type', event.type)
    .set('created', `${event.createdTicks}`)
    .set('content-type', event.isJson ? json : octetStream);
  return recorded;
}
