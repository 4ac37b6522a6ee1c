// The log: one SQLite file, one table, in commit order. A transaction is durable when it returns (WAL, synchronous
// FULL) and leaves nothing behind when it throws. Like the real log's, a position is a byte offset: that of the event
// before plus the bytes that this one takes. So every read can tell that nothing between two events is missing, and a
// checksum that an event is what was written: a damaged file is an error, never a silent loss.

import { DatabaseSync, type SQLInputValue } from 'node:sqlite';
import { crc32 } from 'node:zlib';
import { acknowledgedIn, damage, describe, inFile, prepareDatabase } from './log-file.ts';
import { deletedRevision, noRevision, type ProposedEvent, type RecordedEvent } from './records.ts';

/** Events in the order asked for; the last page when nothing is left to read. */
export interface Page {
  readonly events: readonly RecordedEvent[];
  readonly isLast: boolean;
}

/** Revisions from and to, both included, of events created at `createdSince` ticks or later. */
export interface Range {
  readonly from: bigint;
  readonly to: bigint;
  readonly createdSince: bigint;
}

export interface Log {
  /** The position of the last event; 0 when there is none. */
  head(): bigint;
  /** Whether an event is at exactly this position. */
  hasPosition(position: bigint): boolean;
  /** -1 when the stream has no event. */
  lastRevision(stream: string): bigint;
  lastEvent(stream: string): RecordedEvent | undefined;
  eventAt(stream: string, revision: bigint): RecordedEvent | undefined;
  idAt(stream: string, revision: bigint): string | undefined;
  /** At most `limit` events of a range, oldest first; fewer when they are large. */
  streamForwards(stream: string, range: Range, limit: number): Page;
  /** The same, newest first. */
  streamBackwards(stream: string, range: Range, limit: number): Page;
  /** Events after a position, in commit order. */
  allForwards(after: bigint, limit: number): Page;
  /** Events before a position, newest first. */
  allBackwards(before: bigint, limit: number): Page;
  /** Commits what `work` writes. Throws what it throws, or why the commit failed, with nothing written. */
  transact(work: (write: WriteEvent) => void): void;
  close(): void;
}

/** Writes one event at the next position. Throws when the stream has that revision. */
export type WriteEvent = (
  stream: string,
  revision: bigint,
  event: ProposedEvent,
  createdTicks: bigint,
) => RecordedEvent;

type Row = [...Parameters<typeof checksum>, bigint];

/** Whether an event may follow the one read before it, of which there is none at the beginning of a page. */
type IsNext = (event: RecordedEvent, previous: RecordedEvent | undefined) => boolean;

const bytesPerPage = 1024 * 1024;
const recordOverhead = 64n;

const columns = 'position, stream, revision, id, type, is_json, created, data, metadata, checksum';

/**
 * Opens the file (`:memory:` for none), making it when missing. Throws, saying why, when it is locked, damaged,
 * something else, or ends before what was acknowledged. Reads throw when they come upon damage.
 */
export function openLog(file: string): Log {
  let database: DatabaseSync | undefined;
  try {
    database = new DatabaseSync(file);
    prepareDatabase(database, checksum);
    return logIn(database, file);
  } catch (error) {
    database?.close();
    throw new Error(`Cannot open the event store file ${file}: ${describe(error)}`, { cause: error });
  }
}

function logIn(database: DatabaseSync, file: string): Log {
  const selectHead = one<bigint>('SELECT coalesce(max(position), 0) FROM event');
  const selectPosition = one<bigint>('SELECT position FROM event WHERE position = ?');
  const selectLast = one<bigint>('SELECT revision FROM event WHERE stream = ? ORDER BY revision DESC LIMIT 1');
  const selectId = one<string>('SELECT id FROM event WHERE stream = ? AND revision = ?');
  const ofStream = 'stream = ? AND revision BETWEEN ? AND ? AND created >= ? ORDER BY revision';
  const selectForwards = pages(ofStream);
  const selectBackwards = pages(`${ofStream} DESC`);
  const selectAllForwards = pages('position > ? ORDER BY position');
  const selectAllBackwards = pages('position < ? ORDER BY position DESC');
  const insert = prepare(`INSERT INTO event (${columns}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`);
  let head = selectHead() ?? 0n;
  const acknowledged = acknowledgedIn(file, head);

  function prepare(sql: string) {
    const statement = database.prepare(sql);
    statement.setReadBigInts(true);
    statement.setReturnArrays(true);
    return statement;
  }

  /** A query for one value. */
  function one<T>(sql: string): (...parameters: SQLInputValue[]) => T | undefined {
    const statement = prepare(sql);
    return (...parameters) => namingFile(() => statement.get(...parameters) as [T] | undefined)?.[0];
  }

  /** A query for a page of events. */
  function pages(condition: string): (isNext: IsNext, limit: number, ...parameters: SQLInputValue[]) => Page {
    const statement = prepare(`SELECT ${columns} FROM event WHERE ${condition} LIMIT ?`);
    return (isNext, limit, ...parameters) =>
      namingFile(() => pageOf(statement.iterate(...parameters, limit + 1) as Iterable<unknown>, isNext, limit));
  }

  function pageOf(rows: Iterable<unknown>, isNext: IsNext, limit: number): Page {
    const events: RecordedEvent[] = [];
    let bytes = 0;
    for (const row of rows) {
      // Bounded in bytes as well as in events, so that large events do not pile up in memory.
      if (events.length === limit || bytes >= bytesPerPage) return { events, isLast: false };
      const event = toEvent(row as Row);
      if (!isNext(event, events.at(-1))) throw damage(file, `something is missing before position ${event.position}`);
      events.push(event);
      bytes += event.data.length + event.metadata.length;
    }
    return { events, isLast: true };
  }

  function toEvent([position, stream, revision, id, type, isJson, createdTicks, data, metadata, sum]: Row) {
    const intact =
      data && metadata && sum === checksum(position, stream, revision, id, type, isJson, createdTicks, data, metadata);
    if (!intact) throw damage(file, `the event at position ${position} is not what was written`);
    return { position, stream, revision, id, type, isJson: isJson === 1n, createdTicks, data, metadata };
  }

  function namingFile<T>(work: () => T): T {
    try {
      return work();
    } catch (error) {
      throw inFile(file, error);
    }
  }

  function transact(work: (write: WriteEvent) => void): void {
    const before = head;
    database.exec('BEGIN');
    try {
      work(write);
      database.exec('COMMIT');
    } catch (error) {
      head = before;
      if (database.isTransaction) database.exec('ROLLBACK');
      throw inFile(file, error);
    }
    acknowledged?.advance(head);
  }

  function write(...[stream, revision, event, createdTicks]: Parameters<WriteEvent>): RecordedEvent {
    const position = head + sizeOf({ ...event, stream });
    const { id, type, isJson, data, metadata } = event;
    const row = [position, stream, revision, id, type, isJson ? 1n : 0n, createdTicks, data, metadata] as const;
    insert.run(...row, checksum(...row));
    head = position;
    return { ...event, position, stream, revision, createdTicks };
  }

  function streamForwards(stream: string, { from, to, createdSince }: Range, limit: number): Page {
    const isNext: IsNext = ({ revision }, previous) =>
      createdSince > 0n || revision === deletedRevision || revision === (previous ? previous.revision + 1n : from);
    return selectForwards(isNext, limit, stream, from, to, createdSince);
  }

  function streamBackwards(stream: string, { from, to, createdSince }: Range, limit: number): Page {
    const isNext: IsNext = ({ revision }, previous) =>
      createdSince > 0n || !previous || revision === previous.revision - 1n;
    return selectBackwards(isNext, limit, stream, from, to, createdSince);
  }

  function allForwards(after: bigint, limit: number): Page {
    const start = after > 0n ? after : 0n;
    return selectAllForwards((event, previous) => startOf(event) <= (previous?.position ?? start), limit, after);
  }

  function allBackwards(before: bigint, limit: number): Page {
    const isNext: IsNext = ({ position }, previous) =>
      previous ? position === startOf(previous) : before <= head || position === head;
    return selectAllBackwards(isNext, limit, before);
  }

  return {
    head: () => head,
    hasPosition: (position) => selectPosition(position) !== undefined,
    lastRevision: (stream) => selectLast(stream) ?? noRevision,
    lastEvent: (stream) => streamBackwards(stream, { from: 0n, to: deletedRevision, createdSince: 0n }, 1).events[0],
    eventAt: (stream, at) => streamForwards(stream, { from: at, to: at, createdSince: 0n }, 1).events[0],
    idAt: selectId,
    streamForwards,
    streamBackwards,
    allForwards,
    allBackwards,
    transact,
    close() {
      acknowledged?.close();
      database.close();
    },
  };
}

/** Where an event begins, which is where the one before it ends. */
function startOf(event: RecordedEvent): bigint {
  return event.position - sizeOf(event);
}

function sizeOf(event: Pick<RecordedEvent, 'stream' | 'type' | 'data' | 'metadata'>): bigint {
  const { stream, type, data, metadata } = event;
  return recordOverhead + BigInt(stream.length + type.length + data.length + metadata.length);
}

function checksum(
  position: bigint,
  stream: string,
  revision: bigint,
  id: string,
  type: string,
  isJson: bigint,
  createdTicks: bigint,
  data: Uint8Array,
  metadata: Uint8Array,
): bigint {
  const text = `${position}\n${stream}\n${revision}\n${id}\n${type}\n${isJson}\n${createdTicks}`;
  return BigInt(crc32(metadata, crc32(data, crc32(text))));
}
