// Tables that outlived their log, or were pointed at another one, look like tables that are up to date: the checkpoint
// stands after all that the new log holds, or somewhere in the middle of it.
import type pg from 'pg';
import type { EventLog } from '../events/event-log.ts';
import type { Checkpoint } from './checkpoint.ts';

/** The read model was made of events that this log does not hold. */
export class AnotherLog extends Error {
  override readonly name = 'AnotherLog';
}

/**
 * Makes sure that the read model was made from this log: that the checkpoint is a position of it, and that it holds the
 * event which a row shows.
 *
 * @throws AnotherLog when it was not; EventLogUnavailable
 */
export async function refuseAnotherLog(client: pg.Client, log: EventLog, { position }: Checkpoint): Promise<void> {
  if (position === undefined) return;
  const sample = await anyRow(client);
  const isUnknown = sample !== undefined && (await log.read(sample.stream, sample.revision)).length === 0;
  if ((await log.reaches(position)) && !isUnknown) return;
  throw new AnotherLog(
    'The tables were made from another event log than the one that is connected. ' +
      'Connect that one, or make the tables anew from this one: npm run db:reset',
  );
}

async function anyRow(client: pg.Client): Promise<{ readonly stream: string; readonly revision: bigint } | undefined> {
  const { rows } = await client.query<{ stream: string; revision: string }>(`
    (SELECT 'gateway-' || id AS stream, stream_revision AS revision FROM gateways WHERE stream_revision >= 0 LIMIT 1)
    UNION ALL
    (SELECT 'factory-' || id, stream_revision FROM factories WHERE stream_revision >= 0 LIMIT 1)
    UNION ALL
    (SELECT 'organization-' || id, stream_revision FROM organizations WHERE stream_revision >= 0 LIMIT 1)`);
  return rows[0] && { stream: rows[0].stream, revision: BigInt(rows[0].revision) };
}
