// Between EventStoreDB's protobuf messages and plain values. 64-bit integers travel as decimal strings.

import shared from '@eventstore/db-client/generated/shared_pb.js';
import streams from '@eventstore/db-client/generated/streams_pb.js';
import type { IdFormat } from './event-bytes.ts';
import { type ExpectedRevision, noRevision, type Position } from './records.ts';
import type { Written } from './store.ts';

type Success = streams.AppendResp.Success | streams.BatchAppendResp.Success;
type Conflict = streams.AppendResp.WrongExpectedVersion | shared.WrongExpectedVersion;

const anyUuid = /^\s*[{(]?(\w{8})-?(\w{4})-?(\w{4})-?(\w{4})-?(\w{12})[)}]?\s*$/;

/** The name, which travels as UTF-8; empty when there is none. */
export function streamNameOf(identifier: shared.StreamIdentifier | undefined): string {
  return Buffer.from(identifier?.getStreamName_asU8() ?? []).toString('utf8');
}

/** The inverse of `streamNameOf`. */
export function streamIdentifier(stream: string): shared.StreamIdentifier {
  return new shared.StreamIdentifier().setStreamName(Buffer.from(stream, 'utf8'));
}

/** The first message of a subscription. */
export function confirmationResponse(subscriptionId: string): Buffer {
  const confirmation = new streams.ReadResp.SubscriptionConfirmation().setSubscriptionId(subscriptionId);
  return bytesOf(new streams.ReadResp().setConfirmation(confirmation));
}

/** Tells a filtered subscription how far it got. */
export function checkpointResponse({ commit, prepare }: Position): Buffer {
  const checkpoint = new streams.ReadResp.Checkpoint();
  checkpoint.setCommitPosition(`${commit}`).setPreparePosition(`${prepare}`);
  return bytesOf(new streams.ReadResp().setCheckpoint(checkpoint));
}

/** Tells a subscription that what follows is live. */
export function caughtUpResponse(): Buffer {
  return bytesOf(new streams.ReadResp().setCaughtUp(new streams.ReadResp.CaughtUp()));
}

/** The only message of a read of a stream that does not exist; the client makes an error of it. */
export function streamNotFoundResponse(stream: string): Buffer {
  const notFound = new streams.ReadResp.StreamNotFound().setStreamIdentifier(streamIdentifier(stream));
  return bytesOf(new streams.ReadResp().setStreamNotFound(notFound));
}

/** Fills in a revision (-1: an empty write to no stream) and, unless it cannot be read any more, a position. */
export function successIn<T extends Success>(success: T, { revision, position }: Written): T {
  if (revision === noRevision) success.setNoStream(new shared.Empty());
  else success.setCurrentRevision(`${revision}`);
  if (position === undefined) success.setNoPosition(new shared.Empty());
  else success.setPosition(positionOf(position));
  return success;
}

/** Where an event is. The answers of all writes have the same message for it, by different names. */
export function positionOf(position: bigint) {
  return new shared.AllStreamPosition().setCommitPosition(`${position}`).setPreparePosition(`${position}`);
}

/** Fills in what was expected and the last revision there is (-1: no event). */
export function conflictIn<T extends Conflict>(conflict: T, expected: ExpectedRevision, current: bigint): T {
  const nothing = new shared.Empty();
  if (current === noRevision) conflict.setCurrentNoStream(nothing);
  else if ('setCurrentRevision' in conflict) conflict.setCurrentRevision(`${current}`);
  else conflict.setCurrentStreamRevision(`${current}`);
  if (expected === 'any') conflict.setExpectedAny(nothing);
  else if (expected === 'no_stream') conflict.setExpectedNoStream(nothing);
  else if (expected === 'stream_exists') conflict.setExpectedStreamExists(nothing);
  else if ('setExpectedRevision' in conflict) conflict.setExpectedRevision(`${expected}`);
  else conflict.setExpectedStreamPosition(`${expected}`);
  return conflict;
}

/** The id in lower case with hyphens, whichever way .NET would write it; what is no id stays as it came. */
export function uuidOf(uuid: shared.UUID | undefined): string {
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
export function uuid(id: string, format: IdFormat): shared.UUID {
  if (format === 'string') return new shared.UUID().setString(id);
  const hex = id.replaceAll('-', '');
  const half = (digits: string) => `${BigInt.asIntN(64, BigInt(`0x${digits}`))}`;
  const structured = new shared.UUID.Structured();
  structured.setMostSignificantBits(half(hex.slice(0, 16))).setLeastSignificantBits(half(hex.slice(16)));
  return new shared.UUID().setStructured(structured);
}

function bytesOf(response: streams.ReadResp): Buffer {
  return Buffer.from(response.serializeBinary());
}
