// Fills a second schema from the log: read in bulk, folded in memory, written by COPY, and made whole afterwards.
import pg from 'pg';
import { decode } from '../events/codec.ts';
import type { EventLog, Position } from '../events/event-log.ts';
import { type Connection, connect } from '../infrastructure/postgres.ts';
import { applyChanges } from './apply.ts';
import { type BulkFold, createBulkFold } from './bulk-fold.ts';
import { copyLines, NotWellFormed } from './copy.ts';
import { isProjected } from './fold.ts';
import { projectedStreams } from './follow.ts';
import { isPoison } from './parking.ts';
import { comparePositions } from './progress.ts';
import { draftTables, enterSchema, type Part, tablesIn } from './schema.ts';

export interface LoadOptions {
  readonly databaseUrl: string;
  readonly eventLog: EventLog;
  readonly schema: string;
  readonly signal: AbortSignal;
  /** The last position to be loaded; the end of the log when it is left out. */
  readonly upTo?: Position | undefined;
  readonly onProgress: (loaded: Loaded) => void;
  /** Told what is done when nothing is read any more. */
  readonly onPhase: (phase: string) => void;
  /** About how many bytes of rows are held before they are written. Default 96 MiB. */
  readonly memory?: number;
}

/** What the tables show by now, or will when what is held is written. */
export interface Loaded {
  readonly events: number;
  /** Undefined before the first event. */
  readonly position: Position | undefined;
}

const defaultMemory = 96 * 1024 * 1024;
/** Rows that one statement changes: its text holds all of them. */
const changesAtOnce = 2_000;
/** Indexes that are made at the same time; each takes a core of the server. */
const builders = 2;

/**
 * Makes the schema and fills it.
 *
 * @throws PoisonedLoad when events have values that the tables do not take; the schema is then half full
 */
export async function load(options: LoadOptions): Promise<Loaded> {
  const { databaseUrl, schema, onPhase, signal } = options;
  await using connection = await connectTo(databaseUrl, schema);
  const parts = await draftTables(connection.client, schema);
  try {
    const loaded = await fill(connection, options);
    await setCheckpoint(connection.client, loaded.position);
    // Once, and before there are triggers to do it.
    await connection.client.query('SELECT count_projection_totals($1)', [schema]);
    onPhase('Making indexes and constraints');
    await build(databaseUrl, schema, parts, signal);
    onPhase('Gathering statistics');
    for (const table of await tablesIn(connection.client, schema)) {
      signal.throwIfAborted();
      await connection.client.query(`ANALYZE ${pg.escapeIdentifier(table)}`);
    }
    return loaded;
  } catch (error) {
    if (isPoison(error) || error instanceof NotWellFormed) throw new PoisonedLoad(error.message, { cause: error });
    throw error;
  }
}

/** Events have values that the tables do not take. Which ones, only applying them one by one can tell. */
export class PoisonedLoad extends Error {
  override readonly name = 'PoisonedLoad';
}

/** Makes the schema with everything but rows, for events to be applied one batch after the other. */
export async function draftWhole(databaseUrl: string, schema: string, signal: AbortSignal): Promise<void> {
  await using connection = await connectTo(databaseUrl, schema);
  const parts = await draftTables(connection.client, schema);
  await setCheckpoint(connection.client, undefined);
  await build(databaseUrl, schema, parts, signal);
}

/** A session in which the names of the tables mean those of the schema. */
async function connectTo(databaseUrl: string, schema: string): Promise<Connection> {
  const connection = await connect({ databaseUrl, name: 'registry rebuild' });
  try {
    await enterSchema(connection.client, schema);
    await connection.client.query(`
      SET synchronous_commit = off;
      SET maintenance_work_mem = '128MB';
      SET registry.writer = 'on'`);
    return connection;
  } catch (error) {
    await connection[Symbol.asyncDispose]();
    throw error;
  }
}

async function fill({ client, lost }: Connection, options: LoadOptions): Promise<Loaded> {
  const { eventLog, upTo, onProgress, memory = defaultMemory } = options;
  const signal = AbortSignal.any([options.signal, lost]);
  let fold = createBulkFold();
  let writing: Promise<void> = Promise.resolve();
  let events = 0;
  let position: Position | undefined;
  for await (const batch of eventLog.readAll({ streamPrefixes: projectedStreams, after: 'start', signal })) {
    for (const stored of batch) {
      if (upTo !== undefined && comparePositions(stored.position, upTo) > 0) break;
      const event = decode(stored);
      if (event !== undefined && isProjected(event.type)) fold.add(event);
      events += 1;
      position = stored.position;
    }
    onProgress({ events, position });
    if (position !== batch.at(-1)?.position) break;
    if (fold.size < memory / 2) continue;
    // One half is written while the other is read: a write that is still going on is waited for.
    await writing;
    writing = write(client, fold);
    // Its failure is found where it is waited for.
    writing.catch(() => undefined);
    fold = createBulkFold();
  }
  await writing;
  lost.throwIfAborted();
  options.signal.throwIfAborted();
  await write(client, fold);
  // Up to there is nothing that concerns the tables.
  if (upTo !== undefined) position = upTo;
  return { events, position };
}

async function write(client: pg.Client, fold: BulkFold): Promise<void> {
  for (const { into, lines } of fold.rows()) await copyLines(client, into, lines);
  const changes = fold.changes();
  if (changes.length === 0) return;
  // By their keys, of which there may be no statistics yet.
  await client.query('SET enable_seqscan = off; SET enable_hashjoin = off; SET enable_mergejoin = off; SET jit = off');
  for (const { projection, rows } of changes) {
    for (let from = 0; from < rows.length; from += changesAtOnce) {
      await applyChanges(client, { projection, rows: rows.slice(from, from + changesAtOnce) });
    }
  }
}

async function setCheckpoint(client: pg.Client, position: Position | undefined): Promise<void> {
  await client.query(
    'INSERT INTO projection_checkpoint (commit_position, prepare_position, rebuilt_at) VALUES ($1, $2, now())',
    [position?.commit, position?.prepare],
  );
}

/** Indexes side by side; what looks at several tables, and locks them, after that. */
async function build(databaseUrl: string, schema: string, parts: readonly Part[], signal: AbortSignal): Promise<void> {
  const indexes = parts.filter(({ kind }) => kind === 'index').values();
  const buildNext = async () => {
    await using connection = await connectTo(databaseUrl, schema);
    for (const { statement } of indexes) {
      signal.throwIfAborted();
      await connection.client.query(statement);
    }
  };
  await allSettled(Array.from({ length: builders }, buildNext));
  await using connection = await connectTo(databaseUrl, schema);
  for (const { kind, statement } of parts) {
    signal.throwIfAborted();
    if (kind !== 'index') await connection.client.query(statement);
  }
}

/** Waits for all, so that nothing goes on in the schema when the first has failed. */
async function allSettled(work: readonly Promise<void>[]): Promise<void> {
  for (const result of await Promise.allSettled(work)) if (result.status === 'rejected') throw result.reason;
}
