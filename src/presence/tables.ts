// What the tables know of the presence of gateways, and when these were last seen: the one thing in them that is in no event.
// All of it goes over the connection that holds the lock: who has lost that can write no more.
import { z } from 'zod';
import type { GatewayPresence } from '../domain/gateway-presence.ts';
import { timeoutOf } from '../domain/gateway-presence.ts';
import type { Position } from '../events/event-log.ts';
import { FactoryId, GatewayId, OrganizationId } from '../events/ids.ts';
import { JsonObject } from '../events/json.ts';
import type { Connection } from '../infrastructure/postgres.ts';
import { nothingRecorded } from './recorder.ts';
import type { Known, KnownPresence, Sighting } from './roster.ts';

export interface PresenceTables {
  /** Up to where the tables show the log; undefined before its first event. */
  position(): Promise<Position | undefined>;
  /** Those of these gateways that the tables know. */
  find(ids: readonly GatewayId[]): Promise<readonly Known[]>;
  /** All gateways that are online by the tables, in portions: tens of thousands at once would keep the process from all else. */
  online(): AsyncIterable<readonly Known[]>;
  /**
   * Notes when gateways were last seen, never going back. A gateway that somebody else is writing at this moment is passed
   * over: to wait for it while others are held could be a deadlock.
   *
   * @returns those that were noted
   */
  note(sightings: readonly Sighting[]): Promise<readonly Sighting[]>;
  /** Brings back what the log says of when gateways were last seen, where the tables were made anew and have lost it. */
  restoreFromPresence(): Promise<void>;
}

/** So many rows are read or written by a statement: whoever else wants one that is written waits for all. */
const rowsAtOnce = 1_000;

/** Before the ids of all gateways. */
const beforeAll = '00000000-0000-0000-0000-000000000000';

const columns = `
  gateways.id, gateways.organization_id, gateways.factory_id, gateways.deleted_at IS NULL AS is_active,
  jsonb_build_object('offline_after_seconds', gateways.metadata -> 'offline_after_seconds') AS timeout,
  gateways.last_seen_at AS last_seen, presence.status, presence.since, presence.last_seen_at AS recorded,
  presence.stream_revision AS revision`;

const Row = z.object({
  id: GatewayId,
  organization_id: OrganizationId,
  factory_id: FactoryId,
  is_active: z.boolean(),
  timeout: JsonObject,
  last_seen: z.date().nullable(),
  status: z.enum(['online', 'offline']).nullable(),
  since: z.date().nullable(),
  recorded: z.date().nullable(),
  revision: z.string().transform(BigInt).nullable(),
});

/** The tables by way of a session; it stays as this sets it up. Every method throws what `isUnavailable` tells apart. */
export async function openPresenceTables({ client }: Connection): Promise<PresenceTables> {
  // What was observed is no change of a gateway; and what a crash of Postgres loses of it comes again by itself.
  await client.query(`SET registry.writer = 'on'; SET synchronous_commit = off`);
  return { position, find, online, note, restoreFromPresence };

  async function position(): Promise<Position | undefined> {
    // As text, because the driver would make doubles of them.
    const text = 'SELECT commit_position::text AS commit, prepare_position::text AS prepare FROM projection_checkpoint';
    const { rows } = await client.query<{ commit: string | null; prepare: string | null }>(text);
    const { commit = null, prepare = null } = rows[0] ?? {};
    return commit === null || prepare === null ? undefined : { commit: BigInt(commit), prepare: BigInt(prepare) };
  }

  async function find(ids: readonly GatewayId[]): Promise<readonly Known[]> {
    const found: Known[] = [];
    for (const some of portionsOf(ids)) {
      const text = `SELECT ${columns} FROM gateways LEFT JOIN gateway_presence AS presence USING (id)
        WHERE gateways.id = ANY ($1::uuid[])`;
      const { rows } = await client.query({ name: 'find gateways', text, values: [some] });
      found.push(...rows.map(knownOf));
    }
    return found;
  }

  async function* online(): AsyncGenerator<readonly Known[]> {
    const text = `SELECT ${columns} FROM gateway_presence AS presence JOIN gateways USING (id)
      WHERE presence.status = 'online' AND presence.id > $1::uuid ORDER BY presence.id LIMIT ${rowsAtOnce}`;
    for (let after: string = beforeAll; ; ) {
      const { rows } = await client.query({ name: 'find online gateways', text, values: [after] });
      const known = rows.map(knownOf);
      yield known;
      const last = known.at(-1);
      if (last === undefined || known.length < rowsAtOnce) return;
      after = last.ids.id;
    }
  }

  async function note(sightings: readonly Sighting[]): Promise<readonly Sighting[]> {
    const noted = new Set<string>();
    for (const some of portionsOf(sightings)) {
      const { rows } = await client.query<{ id: string }>({
        name: 'note sightings',
        text: `
          WITH due AS (
            SELECT gateways.id, seen.at
            FROM unnest($1::uuid[], $2::timestamptz[]) AS seen (id, at) JOIN gateways USING (id)
            WHERE last_seen_at IS NULL OR last_seen_at < seen.at
            FOR NO KEY UPDATE OF gateways SKIP LOCKED
          )
          UPDATE gateways SET last_seen_at = GREATEST(last_seen_at, due.at) FROM due WHERE gateways.id = due.id
          RETURNING gateways.id`,
        values: [some.map(({ id }) => id), some.map(({ at }) => new Date(at).toISOString())],
      });
      for (const { id } of rows) noted.add(id);
    }
    return sightings.filter(({ id }) => noted.has(id));
  }

  async function restoreFromPresence(): Promise<void> {
    const text = `
      WITH portion AS (
        SELECT id, last_seen_at AS at FROM gateway_presence WHERE id > $1::uuid ORDER BY id LIMIT ${rowsAtOnce}
      ), lost AS (
        SELECT gateways.id, portion.at FROM portion JOIN gateways USING (id)
        WHERE gateways.last_seen_at IS NULL OR gateways.last_seen_at < portion.at
        FOR NO KEY UPDATE OF gateways SKIP LOCKED
      ), restored AS (
        UPDATE gateways SET last_seen_at = lost.at FROM lost WHERE gateways.id = lost.id
      )
      SELECT id FROM portion ORDER BY id DESC LIMIT 1`;
    const portionAfter = async (id: string): Promise<string | undefined> =>
      (await client.query<{ id: string }>({ name: 'restore sightings', text, values: [id] })).rows[0]?.id;
    for (let after: string | undefined = beforeAll; after !== undefined; ) after = await portionAfter(after);
  }
}

function* portionsOf<T>(items: readonly T[]): Generator<readonly T[]> {
  for (let start = 0; start < items.length; start += rowsAtOnce) yield items.slice(start, start + rowsAtOnce);
}

function knownOf(row: unknown): Known {
  const { id, organization_id, factory_id, is_active, timeout, last_seen, ...presence } = Row.parse(row);
  return {
    ids: { id, organizationId: organization_id, factoryId: factory_id },
    isActive: is_active,
    timeout: timeoutOf(timeout),
    lastSeen: last_seen?.getTime(),
    presence: presenceOf(presence),
  };
}

function presenceOf({
  status,
  since,
  recorded,
  revision,
}: Pick<z.output<typeof Row>, 'status' | 'since' | 'recorded' | 'revision'>): KnownPresence {
  if (status === null || since === null || recorded === null || revision === null) return nothingRecorded;
  const state: GatewayPresence = { status, lastSeenAt: recorded.toISOString() };
  return { state, revision, since: since.getTime() };
}
