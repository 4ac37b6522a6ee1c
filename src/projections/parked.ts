// What one may do about parked events, beside a projector that works. Each step is a transaction that holds the row of the
// checkpoint, so that no batch is committed meanwhile, and takes so few events that the projector does not wait for long.
import type pg from 'pg';
import { decode, type Recorded } from '../events/codec.ts';
import type { Position } from '../events/event-log.ts';
import { changesOf, createFold } from './fold.ts';
import { applyOneByOne, attempt, divide, isCreating, type Parked, parkedChannel, streamsOf } from './parking.ts';
import { comparePositions } from './progress.ts';

/** A stream whose first parked event is the one at fault. */
export interface ParkedStream {
  readonly stream: string;
  readonly revision: bigint;
  readonly position: Position;
  readonly type: string;
  /** Undefined when the event waits for a stream that is parked no more: a retry will free it. */
  readonly sqlstate: string | undefined;
  readonly error: string | undefined;
  readonly since: Date;
  /** How many events wait for this one, in its stream and in those that depend on it. */
  readonly queued: number;
}

export interface SkippedEvent {
  readonly stream: string;
  readonly revision: bigint;
  readonly type: string;
  readonly at: Date;
}

/** What is asked for cannot be done; the message says why, and nothing was changed. */
export class ParkedRefused extends Error {
  override readonly name = 'ParkedRefused';
}

/** How many events one transaction takes. */
const step = 500;

/** The streams at fault, in the order of the log. */
export async function listParked(client: pg.Client): Promise<readonly ParkedStream[]> {
  const { rows } = await client.query<WaitingStream>(`
    SELECT DISTINCT ON (stream) stream, revision::text, commit_position::text AS commit, prepare_position::text AS prepare,
      type, sqlstate, error, behind, parked_at AS since, count(*) OVER (PARTITION BY stream)::int AS events
    FROM projection_parked WHERE skipped_at IS NULL ORDER BY stream, revision`);
  const streams = new Map(rows.map((row) => [row.stream, row]));
  const events = new Map<string, number>();
  for (const row of rows) {
    const { stream } = originOf(row, streams);
    events.set(stream, (events.get(stream) ?? 0) + row.events);
  }
  return rows
    .filter((row) => originOf(row, streams) === row)
    .map(({ stream, revision, commit, prepare, type, sqlstate, error, since }) => ({
      stream,
      revision: BigInt(revision),
      position: { commit: BigInt(commit), prepare: BigInt(prepare) },
      type,
      sqlstate: sqlstate ?? undefined,
      error: error ?? undefined,
      since,
      queued: (events.get(stream) ?? 1) - 1,
    }))
    .sort((a, b) => comparePositions(a.position, b.position));
}

/** The events that were skipped, stream by stream. */
export async function listSkipped(client: pg.Client): Promise<readonly SkippedEvent[]> {
  const { rows } = await client.query<{ stream: string; revision: string; type: string; at: Date }>(`
    SELECT stream, revision::text, type, skipped_at AS at
    FROM projection_parked WHERE skipped_at IS NOT NULL ORDER BY stream, projection_parked.revision`);
  return rows.map((row) => ({ ...row, revision: BigInt(row.revision) }));
}

interface WaitingStream {
  readonly stream: string;
  readonly revision: string;
  readonly commit: string;
  readonly prepare: string;
  readonly type: string;
  readonly sqlstate: string | null;
  readonly error: string | null;
  readonly behind: string | null;
  readonly since: Date;
  readonly events: number;
}

function originOf(waiting: WaitingStream, streams: ReadonlyMap<string, WaitingStream>): WaitingStream {
  const { stream, behind } = waiting;
  const next = behind === null || behind === stream ? undefined : streams.get(behind);
  return next === undefined ? waiting : originOf(next, streams);
}

/**
 * Tries what is parked again, in the order of the log; with a stream, only that one and what waits for it.
 *
 * @returns how many events wait no more
 * @throws ParkedRefused, RowMissing, UndecodableEvent
 */
export async function retryParked(client: pg.Client, stream?: string): Promise<number> {
  if (stream !== undefined) await findAtFault(client, stream);
  return retry(client, stream);
}

/**
 * Gives up the event that a stream waits for, then retries what waits behind it. Without the event that makes the row
 * there is nothing for later events to change: these are skipped too, now and in future.
 *
 * @returns what was skipped
 * @throws ParkedRefused, RowMissing, UndecodableEvent
 */
export async function skipParked(
  client: pg.Client,
  stream: string,
  revision?: bigint,
): Promise<readonly SkippedEvent[]> {
  const skipped = await changing(client, async () => {
    const { type, revision: first } = await findAtFault(client, stream);
    if (revision !== undefined && revision !== first) {
      throw new ParkedRefused(`${stream} waits for its event at revision ${first}, not for ${revision}.`);
    }
    const { rows } = await client.query<{ revision: string; type: string; at: Date }>(
      `UPDATE projection_parked SET skipped_at = now()
       WHERE stream = $1 AND skipped_at IS NULL AND (revision = $2 OR $3 AND revision > $2)
       RETURNING revision::text, type, skipped_at AS at`,
      [stream, first, isCreating(type)],
    );
    return rows
      .map((row) => ({ ...row, stream, revision: BigInt(row.revision) }))
      .sort((a, b) => Number(a.revision - b.revision));
  });
  await retry(client, stream);
  return skipped;
}

async function findAtFault(client: pg.Client, stream: string): Promise<ParkedStream> {
  const parked = await listParked(client);
  const found = parked.find((candidate) => candidate.stream === stream);
  if (found !== undefined) return found;
  const { rowCount } = await client.query(
    'SELECT FROM projection_parked WHERE stream = $1 AND skipped_at IS NULL LIMIT 1',
    [stream],
  );
  throw new ParkedRefused(
    rowCount === 0
      ? `Nothing of ${stream} is parked; npm run projections -- parked list shows what is.`
      : `${stream} waits for another stream; npm run projections -- parked list shows for which ones there is something to do.`,
  );
}

async function retry(client: pg.Client, stream: string | undefined): Promise<number> {
  let freed = 0;
  for (;;) {
    const { count, failed } = await retryInOrder(client, stream);
    const mended = await retryWhole(client, failed);
    freed += count + mended;
    if (mended === 0) return freed;
  }
}

async function retryInOrder(
  client: pg.Client,
  stream: string | undefined,
): Promise<{ readonly count: number; readonly failed: readonly string[] }> {
  // Others at fault stay where they are when one stream is asked for; what waits for both stays too.
  const parked = stream === undefined ? [] : await listParked(client);
  const others = parked.filter((other) => other.stream !== stream && other.error !== undefined);
  const blocked = new Set(others.map((other) => other.stream));
  const failed: string[] = [];
  let count = 0;
  let after: Position = { commit: -1n, prepare: -1n };
  for (;;) {
    const events = await changing(client, async () => {
      const events = await readWaiting(client, after);
      const parked = await applyWhatCanBe(client, events, blocked);
      const kept = new Set(parked.map(({ event }) => event));
      const freed = events.filter((event) => !kept.has(event));
      await remove(client, freed);
      await explain(client, parked);
      for (const { event, poison } of parked) {
        blocked.add(event.stream);
        if (poison !== undefined) failed.push(event.stream);
      }
      count += freed.length;
      return events;
    });
    const last = events.at(-1);
    if (last === undefined) return { count, failed };
    after = last.position;
  }
}

async function applyWhatCanBe(
  client: pg.Client,
  events: readonly Recorded[],
  blocked: ReadonlySet<string>,
): Promise<readonly Parked[]> {
  const { free, queued } = divide(events, blocked);
  if ((await attempt(client, changesOf(free))) === undefined) return queued;
  return applyOneByOne(client, events, blocked);
}

/**
 * A value that no table takes may have been corrected by a later event, and a device id that another gateway has by now may
 * have been given up: such a stream cannot be retried event by event, but what it has come to can be written.
 *
 * @returns how many events wait no more
 */
async function retryWhole(client: pg.Client, streams: readonly string[]): Promise<number> {
  let count = 0;
  for (const stream of streams) {
    count += await changing(client, async () => {
      const events = await readStream(client, stream);
      if (events.length < 2 || (await waitForOthers(client, events))) return 0;
      const fold = createFold();
      for (const event of events) fold.add(event);
      if ((await attempt(client, fold.changes())) !== undefined) return 0;
      await remove(client, events);
      return events.length;
    });
  }
  return count;
}

/** A transaction that no batch of the projector runs into, and that the projector hears of. */
async function changing<T>(client: pg.Client, change: () => Promise<T>): Promise<T> {
  await client.query(`BEGIN; SET LOCAL registry.writer = 'on'`);
  try {
    await client.query('SELECT FROM projection_checkpoint FOR UPDATE');
    const result = await change();
    await client.query(`NOTIFY ${parkedChannel}`);
    await client.query('COMMIT');
    return result;
  } catch (error) {
    // A connection that is lost rolls back by itself.
    await client.query('ROLLBACK').catch(() => undefined);
    throw error;
  }
}

interface ParkedRow {
  readonly stream: string;
  readonly revision: string;
  readonly commit: string;
  readonly prepare: string;
  readonly type: string;
  readonly event: string;
}

const parkedRow = `stream, revision::text, commit_position::text AS commit, prepare_position::text AS prepare, type, event`;

/** What waits, in the order of the log. */
async function readWaiting(client: pg.Client, after: Position): Promise<readonly Recorded[]> {
  const { rows } = await client.query<ParkedRow>(
    `SELECT ${parkedRow} FROM projection_parked
     WHERE skipped_at IS NULL AND (commit_position, prepare_position) > ($1::numeric, $2::numeric)
     ORDER BY commit_position, prepare_position LIMIT ${step}`,
    [after.commit, after.prepare],
  );
  return rows.map(recordedOf);
}

async function readStream(client: pg.Client, stream: string): Promise<readonly Recorded[]> {
  const { rows } = await client.query<ParkedRow>(
    `SELECT ${parkedRow} FROM projection_parked
     WHERE skipped_at IS NULL AND stream = $1 ORDER BY projection_parked.revision`,
    [stream],
  );
  return rows.map(recordedOf);
}

function recordedOf({ stream, revision, commit, prepare, type, event }: ParkedRow): Recorded {
  const recorded = decode({
    stream,
    revision: BigInt(revision),
    position: { commit: BigInt(commit), prepare: BigInt(prepare) },
    type,
    ...(JSON.parse(event) as { id: string; data: unknown; metadata: unknown }),
  });
  if (recorded === undefined) throw new ParkedRefused(`This version does not know ${type}, which is parked.`);
  return recorded;
}

/** Whether any of a stream's events waits for another stream. */
async function waitForOthers(client: pg.Client, events: readonly Recorded[]): Promise<boolean> {
  const others = new Set(events.flatMap((event) => streamsOf(event).filter((name) => name !== event.stream)));
  const { rowCount } = await client.query(
    'SELECT FROM projection_parked WHERE skipped_at IS NULL AND stream = ANY($1::text[]) LIMIT 1',
    [[...others]],
  );
  return rowCount !== 0;
}

async function remove(client: pg.Client, events: readonly Recorded[]): Promise<void> {
  await client.query(
    `DELETE FROM projection_parked USING unnest($1::text[], $2::bigint[]) AS freed (stream, revision)
     WHERE projection_parked.stream = freed.stream AND projection_parked.revision = freed.revision`,
    [events.map(({ stream }) => stream), events.map(({ revision }) => revision)],
  );
}

/** Why each of them still waits. */
async function explain(client: pg.Client, parked: readonly Parked[]): Promise<void> {
  await client.query(
    `UPDATE projection_parked SET sqlstate = reason.sqlstate, error = reason.error, behind = reason.behind
     FROM unnest($1::text[], $2::bigint[], $3::text[], $4::text[], $5::text[])
       AS reason (stream, revision, sqlstate, error, behind)
     WHERE projection_parked.stream = reason.stream AND projection_parked.revision = reason.revision
       AND (projection_parked.error, projection_parked.behind) IS DISTINCT FROM (reason.error, reason.behind)`,
    [
      parked.map(({ event }) => event.stream),
      parked.map(({ event }) => event.revision),
      parked.map(({ poison }) => poison?.sqlstate),
      parked.map(({ poison }) => poison?.error),
      parked.map(({ behind }) => behind),
    ],
  );
}
