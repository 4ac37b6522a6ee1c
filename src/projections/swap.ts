// Tables of another schema take the place of the live ones, with their checkpoint, in one short transaction. Queries wait at
// most for a lock time-out; then the swap gives way, and tries again.
import pg from 'pg';
import type { Logger } from 'pino';
import { pauseFor } from '../infrastructure/lifecycle.ts';
import type { Connection } from '../infrastructure/postgres.ts';
import { announce } from './announcements.ts';
import type { Follower } from './catch-up.ts';
import { readCheckpoint } from './checkpoint.ts';
import { projections } from './fold.ts';
import { parkedChannel } from './parking.ts';
import { definitionOf, dropSchema, liveSchema, schemaExists, tablesIn } from './schema.ts';
import { previousSchema, RebuildRefused, retiredSchema } from './session.ts';

export interface SwapOptions {
  readonly session: Connection;
  /** Follows the log in the schema whose tables are to be live. */
  readonly follower: Follower;
  readonly schema: string;
  readonly signal: AbortSignal;
  readonly logger: Logger;
  /** How long to go on trying, in milliseconds. Default a minute. */
  readonly patience?: number;
}

/** How long anybody waits for the swap to get one lock, and all of them, in milliseconds. */
const lockTimeout = 250;
const locksTimeout = 500;
/** How long the projector stands still at most while the new tables are brought to its position. */
const catchUpTimeout = 2_000;
const pauseBetween = 500;

/**
 * Swaps. The tables that were live stay in `registry_previous`; what was there before is dropped.
 *
 * @throws RebuildRefused when the locks cannot be had, or the live tables have been changed meanwhile
 */
export async function swap(options: SwapOptions): Promise<void> {
  const { session, follower, schema, signal, logger, patience = 60_000 } = options;
  const { client } = session;
  const until = performance.now() + patience;
  const tables = await lockOrder(client);
  for (let attempt = 1; ; attempt++) {
    await follower.toTheEnd(signal);
    await carryObservations(client, schema);
    signal.throwIfAborted();
    try {
      await swapOnce(options, tables);
      break;
    } catch (error) {
      await client.query('ROLLBACK');
      if (!isBusy(error) || performance.now() > until) throw asRefusal(error);
      if (attempt % 10 === 1) logger.info('The tables are in use; trying again to swap');
    }
    await pauseFor(pauseBetween * (0.5 + Math.random()), signal);
  }
  await dropSchema(client, retiredSchema);
}

async function swapOnce({ session, follower, schema, signal }: SwapOptions, tables: readonly string[]): Promise<void> {
  const { client } = session;
  const live = (table: string) => `${liveSchema}.${pg.escapeIdentifier(table)}`;
  const next = pg.escapeIdentifier(schema);
  const all = tables.map(live).join(', ');
  await client.query(`BEGIN; SET LOCAL registry.writer = 'on'; SET LOCAL lock_timeout = ${lockTimeout}`);

  // The projector writes the checkpoint first, and stops there; who reads goes on.
  await client.query(`LOCK TABLE ${live('projection_checkpoint')} IN SHARE ROW EXCLUSIVE MODE`);
  const { epoch, position } = await readCheckpoint(client);
  if (position) await follower.upTo(position, AbortSignal.any([signal, AbortSignal.timeout(catchUpTimeout)]));
  await client.query(`LOCK TABLE ${all} IN SHARE ROW EXCLUSIVE MODE`);
  await refuseChanged(client, schema);
  await carry(client, schema);

  // From here on queries wait.
  await client.query(`SET LOCAL statement_timeout = ${locksTimeout}`);
  await client.query(`LOCK TABLE ${all} IN ACCESS EXCLUSIVE MODE`);
  await client.query('SET LOCAL statement_timeout = 0');
  const raised = epoch + 1n > follower.checkpoint().epoch ? epoch + 1n : follower.checkpoint().epoch + 1n;
  await client.query(`UPDATE ${next}.projection_checkpoint SET epoch = $1`, [raised]);
  if (await schemaExists(client, previousSchema)) {
    if (schema !== previousSchema) await client.query(`ALTER SCHEMA ${previousSchema} RENAME TO ${retiredSchema}`);
    else await client.query(`ALTER SCHEMA ${schema} RENAME TO ${retiredSchema}`);
  }
  const source = schema === previousSchema ? retiredSchema : next;
  await client.query(`CREATE SCHEMA ${previousSchema}`);
  const moves = tables.flatMap((table) => [
    `ALTER TABLE ${live(table)} SET SCHEMA ${previousSchema}`,
    `ALTER TABLE ${source}.${pg.escapeIdentifier(table)} SET SCHEMA ${liveSchema}`,
  ]);
  await client.query(moves.join(';'));
  if (schema !== previousSchema) await client.query(`DROP SCHEMA ${next}`);
  await announce(client, { epoch: raised, position: follower.checkpoint().position });
  // A projector on a quiet log would go on to say what was parked in the tables that it had.
  await client.query(`NOTIFY ${parkedChannel}`);
  await client.query('COMMIT');
}

/** The checkpoint, as the projector takes it, and then as foreign keys do. */
async function lockOrder(client: pg.Client): Promise<readonly string[]> {
  const first = ['projection_checkpoint', ...projections.map(({ table }) => table)];
  const tables = await tablesIn(client, liveSchema);
  return [...first, ...tables.filter((table) => !first.includes(table))];
}

/** A migration that ran meanwhile would be undone. */
async function refuseChanged(client: pg.Client, schema: string): Promise<void> {
  const live = await definitionOf(client, liveSchema);
  const next = await definitionOf(client, schema);
  if (live.join('\n') === next.join('\n')) return;
  throw new RebuildRefused(
    'The live tables are not defined as those that were to take their place: a migration ran meanwhile. The live tables are as they were; start again: npm run projections -- rebuild',
  );
}

/** When a gateway was last seen is in no event: the greater of both is right. */
async function carryObservations(client: pg.Client, schema: string): Promise<void> {
  await client.query(`BEGIN; SET LOCAL registry.writer = 'on'`);
  await carry(client, schema);
  await client.query('COMMIT');
}

async function carry(client: pg.Client, schema: string): Promise<void> {
  await client.query(`
    UPDATE ${pg.escapeIdentifier(schema)}.gateways AS next SET last_seen_at = live.last_seen_at
    FROM ${liveSchema}.gateways AS live
    WHERE live.id = next.id AND live.last_seen_at > coalesce(next.last_seen_at, '-infinity')`);
}

/** A lock that was not had in time, a deadlock, or a projector that stood still for too long. */
function isBusy(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  return ('code' in error && /^(55P03|40P01|57014)$/.test(String(error.code))) || error.name === 'TimeoutError';
}

function asRefusal(error: unknown): unknown {
  if (!isBusy(error)) return error;
  return new RebuildRefused(
    'The tables could not be swapped, because somebody keeps them locked; the live ones are as they were. ' +
      "SELECT * FROM pg_stat_activity WHERE state <> 'idle' shows who it is. Try again later.",
    { cause: error },
  );
}
