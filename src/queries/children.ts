// What belongs to a parent. The one query whose answer something follows from, so it says of which moment it is.
import { z } from 'zod';
import { streamPrefix } from '../events/catalogue.ts';
import type { EventLog, Position } from '../events/event-log.ts';
import { FactoryId, OrganizationId } from '../events/ids.ts';
import { DatabaseUnavailable, type Pool, sql } from '../infrastructure/postgres.ts';

/** What others belong to: factories to an organization, gateways to a factory. */
export type Parent =
  | { readonly kind: 'organization'; readonly id: OrganizationId }
  | { readonly kind: 'factory'; readonly id: FactoryId };

/** Children as the tables show them at one moment. */
export interface Children {
  /** Whether the tables show everything up to the position that was asked for. */
  readonly isReached: boolean;
  /** Whether they have heard of the parent at all. */
  readonly isKnown: boolean;
  /** In their own order, so many at most. Those of which events are parked are among them whatever their state. */
  readonly ids: readonly string[];
}

export interface ChildrenQuery {
  readonly status: 'active' | 'deleted';
  /** The ids from here on; from the start without. */
  readonly after?: string | undefined;
  readonly limit: number;
  /** What the tables have to show. */
  readonly at: Position;
}

const Row = z.object({ is_reached: z.boolean(), is_known: z.boolean(), id: z.guid().nullable() });

/**
 * The children of a parent, and what the answer is worth; one statement, because tables may be swapped between two.
 *
 * @throws what `isUnavailable` tells apart
 */
export async function findChildren(pool: Pool, parent: Parent, query: ChildrenQuery): Promise<Children> {
  const { status, after = '00000000-0000-0000-0000-000000000000', limit, at } = query;
  const { parents, children, parentId, prefix, ofParent } = tablesOf[parent.kind];
  const ofStatus = status === 'active' ? sql.fragment`deleted_at IS NULL` : sql.fragment`deleted_at IS NOT NULL`;
  const rows = await pool.any(sql.type(Row)`
    SELECT
      coalesce((commit_position, prepare_position) >= (${`${at.commit}`}::numeric, ${`${at.prepare}`}::numeric), false)
        AS is_reached,
      EXISTS (SELECT FROM ${parents} WHERE id = ${parent.id} AND stream_revision >= 0)
        OR EXISTS (SELECT FROM projection_parked WHERE stream = ${`${streamPrefix(parent.kind)}${parent.id}`}) AS is_known,
      children.id
    FROM projection_checkpoint LEFT JOIN LATERAL (
      SELECT id FROM (
        SELECT id FROM ${children}
        WHERE ${parentId} = ${parent.id} AND ${ofStatus} AND stream_revision >= 0 AND id > ${after}::uuid
        UNION
        SELECT substr(stream, ${prefix.length + 1})::uuid FROM projection_parked
        WHERE stream ~ ${`^${prefix}[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`}
          AND event LIKE ${`%"${ofParent}":"${parent.id}"%`} AND substr(stream, ${prefix.length + 1}) > ${after}
      ) AS either
      ORDER BY id LIMIT ${limit}
    ) AS children ON true
    ORDER BY children.id`);
  const [first] = rows;
  if (first === undefined) throw new Error('the table projection_checkpoint has lost its row');
  return {
    isReached: first.is_reached,
    isKnown: first.is_known,
    ids: rows.flatMap(({ id }) => (id === null ? [] : [id])),
  };
}

const tablesOf = {
  organization: {
    parents: sql.fragment`organizations`,
    children: sql.fragment`factories`,
    parentId: sql.fragment`organization_id`,
    prefix: streamPrefix('factory'),
    ofParent: 'organizationId',
  },
  factory: {
    parents: sql.fragment`factories`,
    children: sql.fragment`gateways`,
    parentId: sql.fragment`factory_id`,
    prefix: streamPrefix('gateway'),
    ofParent: 'factoryId',
  },
};

export interface ActiveChildrenDependencies {
  readonly pool: Pool;
  readonly log: EventLog;
  /** Waits until the tables show a position, so long at most; tells whether they do. */
  readonly readModelReaches: (position: Position, milliseconds: number, signal?: AbortSignal) => Promise<boolean>;
  /** For how many milliseconds it may take the tables to show what has happened. Default 5,000. */
  readonly patience?: number;
}

/**
 * Whether anything active belongs to a parent, after all that has happened before the call.
 *
 * @throws DatabaseUnavailable also when the tables are too far behind; EventLogUnavailable
 */
export async function hasActiveChildren(
  { pool, log, readModelReaches, patience = 5_000 }: ActiveChildrenDependencies,
  kind: Parent['kind'],
  id: string,
): Promise<boolean> {
  const parent: Parent =
    kind === 'organization' ? { kind, id: OrganizationId.parse(id) } : { kind, id: FactoryId.parse(id) };
  const signal = AbortSignal.timeout(patience);
  const at = await endOfLog(pool, log, signal);
  while (!signal.aborted && (await readModelReaches(at, patience, signal))) {
    const { isReached, ids } = await findChildren(pool, parent, { status: 'active', limit: 1, at });
    if (isReached) return ids.length > 0;
  }
  throw new DatabaseUnavailable(`the tables do not show within ${patience} ms what has happened`);
}

const PositionRow = z.object({ commit: z.string().nullable(), prepare: z.string().nullable() });

/** The position of the last event that the tables will show: the log's own end may be none of theirs. */
async function endOfLog(pool: Pool, log: EventLog, signal: AbortSignal): Promise<Position> {
  const row = await pool.maybeOne(sql.type(PositionRow)`
    SELECT commit_position::text AS commit, prepare_position::text AS prepare FROM projection_checkpoint`);
  let end = row?.commit && row.prepare ? { commit: BigInt(row.commit), prepare: BigInt(row.prepare) } : undefined;
  const streamPrefixes = [streamPrefix('organization'), streamPrefix('factory'), streamPrefix('gateway')];
  for await (const events of log.readAll({ streamPrefixes, after: end ?? 'start', signal })) {
    end = events.at(-1)?.position ?? end;
  }
  return end ?? { commit: 0n, prepare: 0n };
}
