// The events of a bulk read, straight from the bytes of the answer. The client makes a protobuf object of each message, and
// an event of that: more than half of what reading a million events costs. EventStoreDB's `ReadResp`, of which only this
// is of interest: event (1) → recorded event (1) → id (1), stream (2), revision (3), prepare (4) and commit position (5),
// a map with type and content type (6), metadata (7), data (8).
import type { StoredEvent } from '../events/event-log.ts';

const varint = 0;
const fixed64 = 1;
const lengthDelimited = 2;
const fixed32 = 5;

interface Cursor {
  readonly bytes: Buffer;
  at: number;
}

interface Fields {
  id: string;
  stream: string;
  revision: bigint;
  prepare: bigint | undefined;
  commit: bigint | undefined;
  type: string;
  isJson: boolean;
  metadata: string;
  /** Where the data is. */
  from: number;
  to: number;
}

/** The event of a message; undefined when it carries something else, such as a link that leads nowhere. */
export function eventOfResponse(bytes: Buffer): StoredEvent | undefined {
  const cursor = { bytes, at: 0 };
  if (!enter(cursor, bytes.length)) return undefined;
  const readEvent = endOfField(cursor);
  if (!enter(cursor, readEvent)) return undefined;
  const fields = readFields(cursor, endOfField(cursor));
  const { stream, revision, prepare, commit, id, type, isJson, metadata, from, to } = fields;
  if (commit === undefined || prepare === undefined) {
    throw new Error('the event store tells no positions: version 23.10 or later is needed');
  }
  const data = isJson ? parsed(bytes.toString('utf8', from, to)) : bytes.subarray(from, to);
  return { stream, revision, position: { commit, prepare }, id, type, data, metadata: parsed(metadata) };
}

/** Goes to the content of field 1, passing over the others. */
function enter(cursor: Cursor, end: number): boolean {
  while (cursor.at < end) {
    const tag = readNumber(cursor);
    if (tag === ((1 << 3) | lengthDelimited)) return true;
    skip(cursor, tag & 7);
  }
  return false;
}

function readFields(cursor: Cursor, end: number): Fields {
  const { bytes } = cursor;
  const fields: Fields = {
    id: '',
    stream: '',
    revision: 0n,
    prepare: undefined,
    commit: undefined,
    type: '',
    isJson: false,
    metadata: '',
    from: 0,
    to: 0,
  };
  while (cursor.at < end) {
    const tag = readNumber(cursor);
    if ((tag & 7) === varint) {
      const value = readBigInt(cursor);
      if (tag >>> 3 === 3) fields.revision = value;
      else if (tag >>> 3 === 4) fields.prepare = value;
      else if (tag >>> 3 === 5) fields.commit = value;
      continue;
    }
    if ((tag & 7) !== lengthDelimited) {
      skip(cursor, tag & 7);
      continue;
    }
    const to = endOfField(cursor);
    switch (tag >>> 3) {
      case 1:
        fields.id = textIn(cursor, to, 2);
        break;
      case 2:
        fields.stream = textIn(cursor, to, 3);
        break;
      case 6:
        readProperty(cursor, to, fields);
        break;
      case 7:
        fields.metadata = bytes.toString('utf8', cursor.at, to);
        break;
      case 8:
        fields.from = cursor.at;
        fields.to = to;
        break;
    }
    cursor.at = to;
  }
  return fields;
}

function readProperty(cursor: Cursor, end: number, fields: Fields): void {
  const start = cursor.at;
  const key = textIn(cursor, end, 1);
  if (key !== 'type' && key !== 'content-type') return;
  cursor.at = start;
  const value = textIn(cursor, end, 2);
  if (key === 'type') fields.type = value;
  else fields.isJson = value === 'application/json';
}

/** The text of one field of a message; empty when it is not there. */
function textIn(cursor: Cursor, end: number, field: number): string {
  while (cursor.at < end) {
    const tag = readNumber(cursor);
    if (tag !== ((field << 3) | lengthDelimited)) {
      skip(cursor, tag & 7);
      continue;
    }
    const to = endOfField(cursor);
    const text = cursor.bytes.toString('utf8', cursor.at, to);
    cursor.at = to;
    return text;
  }
  return '';
}

function endOfField(cursor: Cursor): number {
  const length = readNumber(cursor);
  return cursor.at + length;
}

function skip(cursor: Cursor, wireType: number): void {
  if (wireType === varint) readBigInt(cursor);
  else if (wireType === lengthDelimited) cursor.at = endOfField(cursor);
  else if (wireType === fixed64) cursor.at += 8;
  else if (wireType === fixed32) cursor.at += 4;
  else throw new Error(`the event store sent a message with the unknown wire type ${wireType}`);
}

/** Tags and lengths: never more than 32 bits. */
function readNumber(cursor: Cursor): number {
  let value = 0;
  for (let factor = 1; ; factor *= 128) {
    const byte = nextByte(cursor);
    value += (byte & 127) * factor;
    if (byte < 128) return value;
  }
}

/** Up to 64 bits, in halves that a number holds exactly. */
function readBigInt(cursor: Cursor): bigint {
  let low = 0;
  for (let digit = 0, factor = 1; digit < 7; digit++, factor *= 128) {
    const byte = nextByte(cursor);
    low += (byte & 127) * factor;
    if (byte < 128) return BigInt(low);
  }
  let high = 0;
  for (let digit = 0, factor = 1; digit < 3; digit++, factor *= 128) {
    const byte = nextByte(cursor);
    high += (byte & 127) * factor;
    if (byte < 128) return BigInt.asUintN(64, (BigInt(high) << 49n) | BigInt(low));
  }
  throw new Error('the event store sent a number of more than 64 bits');
}

function nextByte(cursor: Cursor): number {
  const byte = cursor.bytes[cursor.at];
  if (byte === undefined) throw new Error('the event store sent a message that is cut off');
  cursor.at += 1;
  return byte;
}

/** As the client does it: what is no JSON stays text, and nothing is nothing. */
function parsed(text: string): unknown {
  if (text === '') return undefined;
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
