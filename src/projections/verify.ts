// Are the live tables what the log says? They are compared row by row with tables that are made from the log beside them, at
// the same position.
import pg from 'pg';
import type { Position } from '../events/event-log.ts';
import { connect } from '../infrastructure/postgres.ts';
import { followIn } from './catch-up.ts';
import { readCheckpoint, readPosition } from './checkpoint.ts';
import { refuseAnotherLog } from './origin.ts';
import { fillSchema, type RebuildOptions } from './rebuild.ts';
import { liveSchema, tablesIn } from './schema.ts';
import { dropOrLeave, openSession, verifySchema } from './session.ts';

export interface Verified {
  readonly events: number;
  /** Where both were compared. */
  readonly position: Position | undefined;
  /** The first ones of each table, a line each. */
  readonly differences: readonly string[];
}

const mostOfATable = 10;

/** No event says when a gateway was seen, and the clock when an event was parked or skipped. */
const observed: Readonly<Record<string, readonly string[]>> = {
  gateways: ['last_seen_at'],
  projection_parked: ['parked_at', 'skipped_at'],
};
/** That they differ may be known; what they are may not. The event of a gateway has its password. */
const secret = ['password_encrypted', 'event', 'error'];

/**
 * Replays the log up to where the live tables are, and compares. What others are about to change meanwhile waits for a
 * moment only.
 *
 * @throws RebuildRefused while a rebuild runs
 */
export async function verify(options: RebuildOptions): Promise<Verified> {
  const { databaseUrl, eventLog, logger, signal } = options;
  await using session = await openSession(databaseUrl, logger);
  try {
    const from = await readCheckpoint(session.client);
    await refuseAnotherLog(session.client, eventLog, from);
    const { events } = await fillSchema(session, verifySchema, { ...options, upTo: from.position ?? beforeAll });
    await using follower = await followIn(databaseUrl, verifySchema, eventLog);
    await using snapshot = await connect({ databaseUrl, name: 'registry verify' });
    const { client } = session;
    await catchUp();
    const position = await holding();
    const tables = (await tablesIn(snapshot.client, verifySchema)).filter((name) => name !== 'projection_checkpoint');
    const differences: string[] = [];
    for (const table of tables) differences.push(...(await differencesOf(snapshot.client, table)));
    return { events, position, differences };

    async function catchUp(): Promise<Position | undefined> {
      const live = await readPosition(client);
      if (live) await follower.upTo(live, signal);
      return live;
    }

    /** Takes a snapshot of both while the projector, and whoever retries what is parked, stand still. */
    async function holding(): Promise<Position | undefined> {
      await client.query(`BEGIN; LOCK TABLE ${liveSchema}.projection_checkpoint IN SHARE MODE`);
      const held = await catchUp();
      await snapshot.client.query(
        'BEGIN ISOLATION LEVEL REPEATABLE READ; SET LOCAL idle_in_transaction_session_timeout = 0',
      );
      await snapshot.client.query(`SELECT FROM ${liveSchema}.projection_checkpoint`);
      await client.query('COMMIT');
      return held;
    }
  } catch (error) {
    if (signal.aborted) throw new Error('Interrupted. Nothing was changed.', { cause: error });
    throw error;
  } finally {
    await dropOrLeave(session, verifySchema, logger);
  }
}

/** Before any event: the live tables have seen none. */
const beforeAll: Position = { commit: 0n, prepare: 0n };

async function differencesOf(client: pg.Client, table: string): Promise<readonly string[]> {
  const { keys, columns } = await columnsOf(client, table);
  const compared = columns.filter((column) => !observed[table]?.includes(column));
  const name = pg.escapeIdentifier;
  const row = (side: string) => `(${compared.map((column) => `${side}.${name(column)}`).join(', ')})`;
  const differing = compared.map(
    (column) => `CASE WHEN live.${name(column)} IS DISTINCT FROM next.${name(column)} THEN json_build_object(
      'column', ${pg.escapeLiteral(column)}, 'live', live.${name(column)}::text, 'next', next.${name(column)}::text) END`,
  );
  const [first = ''] = keys;
  const { rows } = await client.query<Difference>(`
    SELECT concat_ws(' ', ${keys.map(name).join(', ')}) AS key,
      live.${name(first)} IS NULL AS missing, next.${name(first)} IS NULL AS "tooMany",
      array_remove(ARRAY[${differing.join(', ')}]::text[], NULL) AS columns
    FROM (SELECT * FROM ${liveSchema}.${name(table)}) AS live
      FULL JOIN (SELECT * FROM ${verifySchema}.${name(table)}) AS next USING (${keys.map(name).join(', ')})
    WHERE ${row('live')} IS DISTINCT FROM ${row('next')}
    ORDER BY ${keys.map(name).join(', ')} LIMIT ${mostOfATable}`);
  return rows.map((difference) => `${table} ${difference.key}: ${textOf(difference)}`);
}

interface Difference {
  readonly key: string;
  readonly missing: boolean;
  readonly tooMany: boolean;
  readonly columns: readonly string[];
}

function textOf({ missing, tooMany, columns }: Difference): string {
  if (missing) return 'missing';
  if (tooMany) return 'not in the log';
  return columns
    .map((text) => {
      const { column, live, next } = JSON.parse(text) as Record<'column' | 'live' | 'next', string | null>;
      if (column === null || secret.includes(column)) return `${column} differs`;
      return `${column} is ${shown(live)}, not ${shown(next)}`;
    })
    .join('; ');
}

function shown(value: string | null): string {
  return JSON.stringify(value);
}

async function columnsOf(client: pg.Client, table: string) {
  const { rows } = await client.query<{ name: string; key: boolean }>(
    `SELECT attname::text AS name, attnum = ANY(conkey) AS key
     FROM pg_attribute JOIN pg_constraint ON conrelid = attrelid AND contype = 'p'
     WHERE attrelid = to_regclass($1) AND attnum > 0 AND NOT attisdropped ORDER BY attnum`,
    [`${liveSchema}.${pg.escapeIdentifier(table)}`],
  );
  return { columns: rows.map(({ name }) => name), keys: rows.filter(({ key }) => key).map(({ name }) => name) };
}
