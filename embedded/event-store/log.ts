// The log: one SQLite file, one table, in commit order. A transaction is durable when it returns (WAL, synchronous
// FULL) and leaves nothing behind when it throws. The file is locked for as long as it is open, so that a second server
// on it is refused. Like the real log's, a position is a byte offset: strictly increasing, never consecutive.

import { DatabaseSync, type SQLInputValue, type StatementSync } from 'node:sqlite';
import { noRevision, type ProposedEvent, type RecordedEvent } from './records.ts';

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

type Row = [bigint, string, bigint, string, string, bigint, bigint, Uint8Array, Uint8Array];

const schemaVersion = 1;
const cacheKibibytes = 32 * 1024;
const bytesPerPage = 1024 * 1024;
const recordOverhead = 64n;

const columns = 'position, stream, revision, id, type, is_json, created, data, metadata';
const schema = `
  CREATE TABLE event (
    position INTEGER PRIMARY KEY,
    stream   TEXT    NOT NULL,
    revision INTEGER NOT NULL,
    id       TEXT    NOT NULL,
    type     TEXT    NOT NULL,
    is_json  INTEGER NOT NULL,
    created  INTEGER NOT NULL,
    data     BLOB    NOT NULL,
    metadata BLOB    NOT NULL
  ) STRICT;
  CREATE UNIQUE INDEX event_of_stream ON event (stream, revision);
  PRAGMA user_version = ${schemaVersion};`;

/**
 * Opens the file (`:memory:` for none), making it when missing. Throws, saying why, when it is locked, damaged or
 * something else.
 */
export function openLog(file: string): Log {
  const database = openDatabase(file);
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
  const insert = query(`INSERT INTO event (${columns}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`);
  let head = one<[bigint]>(selectHead)?.[0] ?? 0n;

  function transact(work: (write: WriteEvent) => void): void {
    const before = head;
    database.exec('BEGIN');
    try {
      work((stream, revision, event, createdTicks) => {
        head += recordOverhead + BigInt(stream.length + event.type.length + event.data.length + event.metadata.length);
        insert.run(
          head,
          stream,
          revision,
          event.id,
          event.type,
          event.isJson ? 1 : 0,
          createdTicks,
          event.data,
          event.metadata,
        );
        return { ...event, position: head, stream, revision, createdTicks };
      });
      database.exec('COMMIT');
    } catch (error) {
      head = before;
      if (database.isTransaction) database.exec('ROLLBACK');
      throw error;
    }
  }

  return {
    head: () => head,
    hasPosition: (position) => one(selectPosition, position) !== undefined,
    lastRevision: (stream) => one<[bigint]>(selectLastRevision, stream)?.[0] ?? noRevision,
    lastEvent: (stream) => toEvent(one<Row>(selectLast, stream)),
    eventAt: (stream, revision) => toEvent(one<Row>(selectOne, stream, revision)),
    idAt: (stream, revision) => one<[string]>(selectId, stream, revision)?.[0],
    streamForwards: (stream, { from, to, createdSince }, limit) =>
      page(selectForwards, limit, stream, from, to, createdSince),
    streamBackwards: (stream, { from, to, createdSince }, limit) =>
      page(selectBackwards, limit, stream, from, to, createdSince),
    allForwards: (after, limit) => page(selectAllForwards, limit, after),
    allBackwards: (before, limit) => page(selectAllBackwards, limit, before),
    transact,
    close: () => database.close(),
  };
}

function openDatabase(file: string): DatabaseSync {
  let database: DatabaseSync | undefined;
  try {
    database = new DatabaseSync(file);
    // The exclusive mode has to come before WAL: only then does SQLite keep the WAL's index, and the lock, to itself.
    database.exec('PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;');
    database.exec(`PRAGMA cache_size = -${cacheKibibytes}`);
    database.exec('BEGIN IMMEDIATE');
    const version = one<[bigint]>(prepare(database, 'PRAGMA user_version'))?.[0];
    const isEmpty = one(prepare(database, 'SELECT 1 FROM sqlite_schema')) === undefined;
    if (version === 0n && isEmpty) database.exec(schema);
    else if (version !== BigInt(schemaVersion))
      throw new Error(`its schema version is ${version}, not ${schemaVersion}`);
    database.exec('COMMIT');
    return database;
  } catch (error) {
    database?.close();
    throw new Error(`Cannot open the event store file ${file}: ${reasonOf(error)}`, { cause: error });
  }
}

function reasonOf(error: unknown): string {
  switch (sqliteCode(error)) {
    case 5:
      return 'another server has it open. Stop that one, or choose another file.';
    case 11:
    case 26:
      return 'it is corrupt or not an event store. Restore a backup, or move it away to start empty.';
    case 14:
      return 'the folder is missing or not accessible. Create it, or choose another file.';
    case 8:
      return 'it is read-only. Make it writable, or choose another file.';
    default:
      return error instanceof Error ? error.message : String(error);
  }
}

function sqliteCode(error: unknown): number | undefined {
  if (!(error instanceof Error) || !('errcode' in error) || typeof error.errcode !== 'number') return undefined;
  return error.errcode & 0xff;
}

function prepare(database: DatabaseSync, sql: string): StatementSync {
  const statement = database.prepare(sql);
  statement.setReadBigInts(true);
  statement.setReturnArrays(true);
  return statement;
}

function one<T>(statement: StatementSync, ...parameters: SQLInputValue[]): T | undefined {
  return statement.get(...parameters) as T | undefined;
}

// Bounded in bytes as well as in events, so that large events do not pile up in memory.
function page(statement: StatementSync, limit: number, ...parameters: SQLInputValue[]): Page {
  const events: RecordedEvent[] = [];
  let bytes = 0;
  for (const row of statement.iterate(...parameters, limit + 1) as Iterable<unknown>) {
    if (events.length === limit || bytes >= bytesPerPage) return { events, isLast: false };
    const event = toEvent(row as Row);
    events.push(event);
    bytes += event.data.length + event.metadata.length;
  }
  return { events, isLast: true };
}

function toEvent(row: Row): RecordedEvent;
function toEvent(row: Row | undefined): RecordedEvent | undefined;
function toEvent(row: Row | undefined): RecordedEvent | undefined {
  if (!row) return undefined;
  const [position, stream, revision, id, type, isJson, createdTicks, data, metadata] = row;
  return { position, stream, revision, id, type, isJson: isJson === 1n, createdTicks, data, metadata };
}
