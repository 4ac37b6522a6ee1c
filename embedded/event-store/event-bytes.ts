// The answer that a read gives most often, straight to its bytes: protobuf objects of an event cost more than all else that
// sending it takes. They are written from the end, so that the length of what holds others is known when it is its turn.
// EventStoreDB's `ReadResp`: event (1) → event (1), link (2), commit position (3). An event: id (1), stream (2), revision (3),
// prepare (4) and commit position (5), a map of properties (6), metadata (7), data (8). As in protobuf, zero and empty fields are
// left out where nothing has to be told apart by them.
import type { RecordedEvent } from './records.ts';

/** How a reader wants its ids: as text, or as two signed 64-bit halves. */
export type IdFormat = 'string' | 'structured';

/** An event and the link that led to it. Without the event, the link leads nowhere. */
export interface ResolvedEvent {
  readonly event: RecordedEvent | undefined;
  readonly link: RecordedEvent | undefined;
}

/** The content type of data that is flagged JSON. */
export const json = 'application/json';
export const octetStream = 'application/octet-stream';

const varint = 0;
const lengthDelimited = 2;

/** Is filled from its end; `at` is where what has been written begins. */
interface Sheet {
  readonly bytes: Buffer;
  at: number;
}

/** One event of a read. Its commit position is that of the link when there is one: it is the link that was read. */
export function eventBytes({ event, link }: ResolvedEvent, ids: IdFormat): Buffer {
  const size = sizeAtMost(event) + sizeAtMost(link) + 64;
  const sheet = { bytes: Buffer.allocUnsafe(size), at: size };
  const read = link ?? event;
  if (read !== undefined) writeNumber(sheet, 3, read.position);
  if (link !== undefined) writeEvent(sheet, 2, link, ids);
  if (event !== undefined) writeEvent(sheet, 1, event, ids);
  endMessage(sheet, 1, size);
  return sheet.bytes.subarray(sheet.at);
}

/** Three bytes a UTF-16 unit, and what numbers, tags and names of properties take. */
function sizeAtMost(event: RecordedEvent | undefined): number {
  if (event === undefined) return 0;
  const { id, stream, type, data, metadata } = event;
  return data.length + metadata.length + 3 * (id.length + stream.length + type.length) + 256;
}

function writeEvent(sheet: Sheet, field: number, event: RecordedEvent, ids: IdFormat): void {
  const end = sheet.at;
  const { data, metadata, position, revision } = event;
  if (data.length > 0) writeBytes(sheet, 8, data);
  if (metadata.length > 0) writeBytes(sheet, 7, metadata);
  writeProperty(sheet, 'type', event.type);
  writeProperty(sheet, 'created', `${event.createdTicks}`);
  writeProperty(sheet, 'content-type', event.isJson ? json : octetStream);
  if (position !== 0n) writeNumber(sheet, 5, position);
  if (position !== 0n) writeNumber(sheet, 4, position);
  if (revision !== 0n) writeNumber(sheet, 3, revision);
  const stream = sheet.at;
  if (event.stream !== '') writeText(sheet, 3, event.stream);
  endMessage(sheet, 2, stream);
  writeId(sheet, event.id, ids);
  endMessage(sheet, field, end);
}

/** An entry of the map. */
function writeProperty(sheet: Sheet, name: string, value: string): void {
  const end = sheet.at;
  writeText(sheet, 2, value);
  writeText(sheet, 1, name);
  endMessage(sheet, 6, end);
}

/** The field `id`. Structured: its 128 bits as two signed halves, the most significant first. */
function writeId(sheet: Sheet, id: string, ids: IdFormat): void {
  const end = sheet.at;
  if (ids === 'string') {
    writeText(sheet, 2, id);
  } else {
    const hex = id.replaceAll('-', '');
    const most = BigInt(`0x${hex.slice(0, 16)}`);
    const least = BigInt(`0x${hex.slice(16)}`);
    if (least !== 0n) writeNumber(sheet, 2, least);
    if (most !== 0n) writeNumber(sheet, 1, most);
    endMessage(sheet, 1, end);
  }
  endMessage(sheet, 1, end);
}

/** Makes a field of what has been written since the sheet was filled down to `end`. */
function endMessage(sheet: Sheet, field: number, end: number): void {
  writeVarint(sheet, end - sheet.at);
  writeVarint(sheet, (field << 3) | lengthDelimited);
}

function writeText(sheet: Sheet, field: number, text: string): void {
  const end = sheet.at;
  sheet.at -= Buffer.byteLength(text);
  sheet.bytes.write(text, sheet.at);
  endMessage(sheet, field, end);
}

function writeBytes(sheet: Sheet, field: number, bytes: Uint8Array): void {
  const end = sheet.at;
  sheet.at -= bytes.length;
  sheet.bytes.set(bytes, sheet.at);
  endMessage(sheet, field, end);
}

/** Up to 64 bits. */
function writeNumber(sheet: Sheet, field: number, value: bigint): void {
  if (value <= Number.MAX_SAFE_INTEGER) writeVarint(sheet, Number(value));
  else writeLargeVarint(sheet, value);
  writeVarint(sheet, (field << 3) | varint);
}

/** Up to 53 bits. */
function writeVarint(sheet: Sheet, value: number): void {
  const start = sheet.at - varintSize(value);
  let rest = value;
  let at = start;
  for (; rest >= 128; rest = Math.floor(rest / 128)) sheet.bytes[at++] = (rest % 128) | 128;
  sheet.bytes[at] = rest;
  sheet.at = start;
}

function varintSize(value: number): number {
  let size = 1;
  for (let rest = value; rest >= 128; rest = Math.floor(rest / 128)) size += 1;
  return size;
}

function writeLargeVarint(sheet: Sheet, value: bigint): void {
  const groups: number[] = [];
  for (let rest = value; rest > 0n; rest >>= 7n) groups.push(Number(rest & 127n) | 128);
  const last = groups.length - 1;
  groups[last] = (groups[last] ?? 0) & 127;
  sheet.at -= groups.length;
  sheet.bytes.set(groups, sheet.at);
}
