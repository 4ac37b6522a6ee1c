// The file of the log: held by one server at a time, brought to the current schema, and compared with what was
// acknowledged. SQLite forgets, without a word, the end of a write-ahead log that is damaged or missing; beside the
// file stands the position that was acknowledged last, so that such a loss is noticed before anything is built on it.

import { closeSync, existsSync, openSync, readFileSync, writeSync } from 'node:fs';
import type { DatabaseSync, SQLInputValue } from 'node:sqlite';

const schemaVersion = 2;
const corrupt = 11;
const cacheKibibytes = 16 * 1024;

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
    metadata BLOB    NOT NULL,
    checksum INTEGER NOT NULL
  ) STRICT;
  CREATE UNIQUE INDEX event_of_stream ON event (stream, revision);
  PRAGMA user_version = ${schemaVersion};`;

const withChecksums = `
  ALTER TABLE event ADD COLUMN checksum INTEGER NOT NULL DEFAULT 0;
  UPDATE event SET checksum = checksum_of(position, stream, revision, id, type, is_json, created, data, metadata);
  PRAGMA user_version = ${schemaVersion};`;

const noEventStore = 'the file is corrupt or not an event store. Restore a backup, or move it away to start empty.';
/** By SQLite's code of the error. */
const reasons: Readonly<Record<number, string>> = {
  5: 'another server has it open. Stop that one, or choose another file.',
  8: 'the file is read-only. Make it writable, or choose another file.',
  10: 'it cannot be read or written: the disk is failing or full, or the file may not become so large. Make room.',
  [corrupt]: noEventStore,
  13: 'the disk is full. Make room and try again; nothing was written.',
  14: 'its folder is missing or not accessible, or it is a folder itself. Name a file in a folder that is there.',
  19: 'its index and its events contradict each other. Stop the server and restore a backup.',
  26: noEventStore,
};

/** What was acknowledged is never behind what is durable, and never goes back. */
export interface Acknowledged {
  /** To be called after each commit, before anyone is told of it. */
  advance(position: bigint): void;
  close(): void;
}

/**
 * Takes the database for this process alone and brings it to the current schema. `checksumOf` gives the rows of an older
 * file their checksums. Throws when the file is in use, unreadable, or no event store.
 */
export function prepareDatabase(database: DatabaseSync, checksumOf: (...row: never[]) => bigint): void {
  // The exclusive mode has to come before WAL: only then does SQLite keep the WAL's index, and the lock, to itself.
  database.exec('PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;');
  database.exec(`PRAGMA cache_size = -${cacheKibibytes}`);
  database.function('checksum_of', { useBigIntArguments: true }, checksumOf as (...row: SQLInputValue[]) => bigint);
  const first = (sql: string) => Object.values(database.prepare(sql).get() ?? {})[0];
  // Nothing else tells that an index lacks a row, so that a stream would end too early and be written over.
  const condition = first('PRAGMA integrity_check(1)');
  if (condition !== 'ok') throw Object.assign(new Error(`${condition}`), { errcode: corrupt });
  database.exec('BEGIN IMMEDIATE');
  const version = first('PRAGMA user_version');
  if (version === 0 && first('SELECT 1 FROM sqlite_schema') === undefined) database.exec(schema);
  else if (version === 1) database.exec(withChecksums);
  else if (version !== schemaVersion) throw new Error(`its schema version is ${version}, not ${schemaVersion}.`);
  // A file that cannot be written says so now, and not to the first who appends.
  else database.exec(`PRAGMA user_version = ${schemaVersion}`);
  database.exec('COMMIT');
}

/**
 * Opens what says which position of a log was acknowledged last; undefined for a log in memory. Throws when the log's
 * end, `head`, is before it.
 */
export function acknowledgedIn(file: string, head: bigint): Acknowledged | undefined {
  if (file === ':memory:') return undefined;
  const path = `${file}-acknowledged`;
  const exists = existsSync(path);
  const text = exists ? readFileSync(path, 'utf8').trim() : '';
  const goingOn = `Restore both from a backup, or delete ${path} to go on without what may be missing.`;
  if (!/^\d*$/.test(text)) throw new Error(`${path} is damaged: it holds no position. ${goingOn}`);
  if (BigInt(text) > head)
    throw new Error(`it ends at position ${head}, and events up to ${text} were acknowledged. ${goingOn}`);
  const descriptor = openSync(path, exists ? 'r+' : 'w');
  function advance(position: bigint): void {
    try {
      // Always of the same length: it is overwritten in place, and a full disk cannot refuse that.
      writeSync(descriptor, `${position}`.padStart(20), 0);
    } catch (error) {
      // The events are durable all the same; what is lost is the chance to notice if they should vanish.
      console.error(`Cannot write ${path}, so that a later loss may go unnoticed: ${describe(error)}`);
    }
  }
  advance(head);
  return { advance, close: () => closeSync(descriptor) };
}

/** What is wrong with a file, where, and what to do. */
export function damage(file: string, what: string): Error {
  return new Error(`The event store file ${file} is damaged: ${what}. Stop the server and restore a backup.`);
}

/** An error that names the file, for one that SQLite threw; any other as it is. */
export function inFile(file: string, error: unknown): unknown {
  if (sqliteCode(error) === undefined) return error;
  return new Error(`The event store file ${file} has failed: ${describe(error)}`, { cause: error });
}

/** The reason that SQLite, or anything else, gives for a failure, and what to do about it. */
export function describe(error: unknown): string {
  return reasons[sqliteCode(error) ?? 0] ?? (error instanceof Error ? error.message : String(error));
}

function sqliteCode(error: unknown): number | undefined {
  if (!(error instanceof Error) || !('errcode' in error) || typeof error.errcode !== 'number') return undefined;
  return error.errcode & 0xff;
}
