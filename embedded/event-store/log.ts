// The log: one SQLite file, one table, in commit order. A transaction is durable when it returns (WAL, synchronous
// FULL) and leaves nothing behind when it throws. Like the real log's, a position is a byte offset: that of the event
// before plus the bytes that this one takes. So every read can tell that nothing between two events is missing, and a
// checksum that an event is what was written: a damaged file is an error, never a silent loss.

import type { DatabaseSync, SQLInputValue, StatementSync } from 'node:sqlite';
import { crc32 } from 'node:zlib';
import { acknowledgedIn, damage, describe, inFile, one, openDatabase, prepare } from './log-file.ts';
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
  const database = openDatabase(file, checksum);
  try {
    return logIn(database, file);
  } catch (error) {
    database.close();
    throw new Error(`Cannot open the event store file ${file}: ${describe(error)}`, { cause: error });
  }
}

function logIn(database: DatabaseSync, file: string): Log {
  const query = (sql: string) => prepare(database, sql);
  const selectHead = query('SELECT coalesce(max(position), 0) FROM event');
  const selectPosition = query('SELECT 1 FROM event WHERE position = ?');
  const selectLastRevision = query('SELECT revision FROM event WHERE stream = ? ORDER BY revision DESC LIMIT 1');
  const selectLast = query(`SELECT ${columns} FROM event WHERE stream = ? ORDER BY revision DESC LIMIT 1`);
  const selectOne = query(`SELECT ${columns} FROM event WHERE stream = ? AND revision = ?`);
  const selectId = query('SELECT id FROM event WHERE stream = ? AND revision = ?');
  const ofStream = `SELECT ${columns} FROM event WHERE stream = ? AND revision BETWEEN ? AND ? AND created >= ?`;
  const selectForwards = query(`${ofStream} ORDER BY revision LIMIT ?`);
  const selectBackwards = query(`${ofStream} ORDER BY revision DESC LIMIT ?`);
  const selectAllForwards = query(`SELECT ${columns} FROM event WHERE position > ? ORDER BY position LIMIT ?`);
  const selectAllBackwards = query(`SELECT ${columns} FROM event WHERE position < ? ORDER BY position DESC LIMIT ?`);
  const insert = query(`INSERT INTO event (${columns}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`);
  let head = one<[bigint]>(selectHead)?.[0] ?? 0n;
  const acknowledged = acknowledgedIn(file, head);

  function transact(work: (write: WriteEvent) => void): void {
    const before = head;
    database.exec('BEGIN');
    try {
      work((stream, revision, event, createdTicks) => {
        const recorded = { ...event, position: head + sizeOf({ ...event, stream }), stream, revision, createdTicks };
        const { id, type, isJson, data, metadata, position } = recorded;
        const row = [position, stream, revision, id, type, isJson ? 1n : 0n, createdTicks, data, metadata] as const;
        insert.run(...row, checksum(...row));
        head = position;
        return recorded;
      });
      database.exec('COMMIT');
    } catch (error) {
      head = before;
      if (database.isTransaction) database.exec('ROLLBACK');
      throw inFile(file, error);
    }
    acknowledged?.advance(head);
  }

  function page(statement: StatementSync, isNext: IsNext, limit: number, ...parameters: SQLInputValue[]): Page {
    const events: RecordedEvent[] = [];
    let bytes = 0;
    try {
      for (const row of statement.iterate(...parameters, limit + 1) as Iterable<unknown>) {
        // Bounded in bytes as well as in events, so that large events do not pile up in memory.
        if (events.length === limit || bytes >= bytesPerPage) return { events, isLast: false };
        const event = toEvent(row as Row);
        if (!isNext(event, events.at(-1))) throw damage(file, `something is missing before position ${event.position}`);
        events.push(event);
        bytes += event.data.length + event.metadata.length;
      }
    } catch (error) {
      throw inFile(file, error);
    }
    return { events, isLast: true };
  }

  function toEvent([position, stream, revision, id, type, isJson, createdTicks, data, metadata, sum]: Row) {
    const intact =
      data && metadata && sum === checksum(position, stream, revision, id, type, isJson, createdTicks, data, metadata);
    if (!intact) throw damage(file, `the event at position ${position} is not what was written`);
    return { position, stream, revision, id, type, isJson: isJson === 1n, createdTicks, data, metadata };
  }

  function event(statement: StatementSync, ...parameters: SQLInputValue[]): RecordedEvent | undefined {
    const row = first<Row>(statement, ...parameters);
    return row && toEvent(row);
  }

  function first<T>(statement: StatementSync, ...parameters: SQLInputValue[]): T | undefined {
    try {
      return one<T>(statement, ...parameters);
    } catch (error) {
      throw inFile(file, error);
    }
  }

  return {
    head: () => head,
    hasPosition: (position) => first(selectPosition, position) !== undefined,
    lastRevision: (stream) => first<[bigint]>(selectLastRevision, stream)?.[0] ?? noRevision,
    lastEvent: (stream) => event(selectLast, stream),
    eventAt: (stream, revision) => event(selectOne, stream, revision),
    idAt: (stream, revision) => first<[string]>(selectId, stream, revision)?.[0],
    streamForwards(stream, { from, to, createdSince }, limit) {
      const isNext: IsNext = ({ revision }, previous) =>
        createdSince > 0n || revision === deletedRevision || revision === (previous ? previous.revision + 1n : from);
      return page(selectForwards, isNext, limit, stream, from, to, createdSince);
    },
    streamBackwards(stream, { from, to, createdSince }, limit) {
      const isNext: IsNext = ({ revision }, previous) =>
        createdSince > 0n || !previous || revision === previous.revision - 1n;
      return page(selectBackwards, isNext, limit, stream, from, to, createdSince);
    },
    allForwards(after, limit) {
      const start = after > 0n ? after : 0n;
      return page(
        selectAllForwards,
        (event, previous) => startOf(event) <= (previous?.position ?? start),
        limit,
        after,
      );
    },
    allBackwards(before, limit) {
      const isNext: IsNext = ({ position }, previous) =>
        previous ? position === startOf(previous) : before <= head || position === head;
      return page(selectAllBackwards, isNext, limit, before);
    },
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

function sizeOf({
  stream,
  type,
  data,
  metadata,
}: Pick<RecordedEvent, 'stream' | 'type' | 'data' | 'metadata'>): bigint {
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
