import { z } from 'zod';
import { FactoryId, type GatewayId, OrganizationId } from '../events/ids.ts';
import { type Pool, sql } from '../infrastructure/postgres.ts';
import { GatewayResource, GatewayStatus, nothingObserved, Observations, type Observed } from '../resources/gateway.ts';
import { type Condition, childrenOf, conditions, contains, equal, textFilter } from './filter.ts';
import { listOf, listQuery, type Page, readPage, type Shown, shown } from './pagination.ts';

export const ShownGateway = shown(GatewayResource, 'ShownGateway');

export const GatewaysQuery = listQuery('gateways', ['name', 'created_at', 'updated_at', 'last_seen_at'], {
  factory_id: FactoryId.describe('Those that stand in this factory').exactOptional(),
  organization_id: OrganizationId.describe('Those of this organization').exactOptional(),
  gateway_id: textFilter(255, 'What the device calls itself, exactly'),
  model: textFilter(100, 'The model, exactly'),
  firmware_version: textFilter(50, 'The firmware version, exactly'),
  name: textFilter(255, 'Part of the name, in any case'),
  status: GatewayStatus.describe(
    'Those that are there, that have fallen silent, or that were never heard of',
  ).exactOptional(),
});

export type GatewaysQuery = z.output<typeof GatewaysQuery>;

const columns = sql.fragment`
  id, factory_id, organization_id, gateway_id, name, url, email, model, firmware_version, metadata, last_seen_at,
  created_at, updated_at`;

const status = sql.fragment`coalesce(known_status, 'never_seen') AS status`;

/** What is known of the presence of the gateway in the row of this name. */
function presenceOf(row: string) {
  return sql.fragment`
    LEFT JOIN LATERAL (
      SELECT status AS known_status, stream_revision AS presence_revision
      FROM gateway_presence WHERE gateway_presence.id = ${sql.identifier([row])}.id
    ) AS presence ON true`;
}

const gateways = listOf('gateways', columns, ShownGateway, { columns: status, join: presenceOf });

const Row = GatewayResource.extend({
  stream_revision: z.bigint(),
  presence_revision: z.bigint().nullable(),
  deleted_at: z.iso.datetime().nullable(),
});

const ObservedRow = Observations.extend({ presence_revision: z.bigint().nullable() });

const PasswordRow = z.object({ id: z.guid(), password_encrypted: z.string() });

/**
 * The gateways that the filters let through.
 *
 * @throws what `isUnavailable` tells apart
 */
export function listGateways(
  pool: Pool,
  { filters: { factory_id, organization_id, gateway_id, model, firmware_version, name, status }, page }: GatewaysQuery,
): Promise<Page<Shown<GatewayResource>>> {
  const where = conditions(
    childrenOf('factory_id', factory_id),
    childrenOf('organization_id', organization_id),
    equal(sql.fragment`gateway_id`, gateway_id),
    equal(sql.fragment`model`, model),
    equal(sql.fragment`firmware_version`, firmware_version),
    contains(sql.fragment`name`, name),
    ofStatus(status),
  );
  return readPage(pool, gateways, where, page);
}

/** A gateway, the revision of its stream that it shows, and what its entity tag says of what is observed. */
export interface FoundGateway {
  readonly gateway: Shown<GatewayResource>;
  readonly revision: bigint;
  readonly mark: string | undefined;
}

/**
 * A gateway, and the revision of its stream that it shows; a deleted one only if that is asked for.
 *
 * @throws what `isUnavailable` tells apart
 */
export async function findGateway(
  pool: Pool,
  id: GatewayId,
  { includeDeleted = false } = {},
): Promise<FoundGateway | undefined> {
  const row = await pool.maybeOne(sql.prepared('find-gateway', Row)`
    SELECT ${columns}, ${status}, deleted_at, stream_revision, presence_revision
    FROM gateways ${presenceOf('gateways')}
    WHERE id = ${id} AND (deleted_at IS NULL OR ${includeDeleted})`);
  if (row === undefined) return undefined;
  const { stream_revision: revision, presence_revision, deleted_at, ...gateway } = row;
  const mark = markOf(gateway.last_seen_at, presence_revision);
  return { gateway: includeDeleted ? { ...gateway, deleted_at } : gateway, revision, mark };
}

/**
 * What is observed of a gateway, deleted or not.
 *
 * @throws what `isUnavailable` tells apart
 */
export async function findObserved(pool: Pool, id: string): Promise<Observed> {
  const row = await pool.maybeOne(sql.prepared('find-observed', ObservedRow)`
    SELECT last_seen_at, ${status}, presence_revision FROM gateways ${presenceOf('gateways')} WHERE id = ${id}`);
  if (row === undefined) return nothingObserved;
  const { presence_revision, ...observations } = row;
  return { observations, mark: markOf(observations.last_seen_at, presence_revision) };
}

// Neither of the two goes back, and whatever is observed changes one of them.
function markOf(lastSeenAt: string | null, presenceRevision: bigint | null): Observed['mark'] {
  if (lastSeenAt === null && presenceRevision === null) return undefined;
  return `${lastSeenAt === null ? 0 : Date.parse(lastSeenAt)}-${presenceRevision ?? 0n}`;
}

function ofStatus(wanted: GatewayStatus | undefined): Condition | undefined {
  if (wanted === undefined) return undefined;
  const known = sql.fragment`SELECT FROM gateway_presence WHERE gateway_presence.id = gateways.id`;
  if (wanted === 'never_seen') return { holds: sql.fragment`NOT EXISTS (${known})` };
  return { holds: sql.fragment`EXISTS (${known} AND gateway_presence.status = ${wanted})` };
}

/**
 * The encrypted password of a gateway that is not deleted. For use inside the process: it is in no answer.
 *
 * @throws what `isUnavailable` tells apart
 */
export async function findGatewayPassword(
  pool: Pool,
  id: GatewayId,
): Promise<{ readonly id: string; readonly passwordEncrypted: string } | undefined> {
  const row = await pool.maybeOne(sql.prepared('find-gateway-password', PasswordRow)`
    SELECT id, password_encrypted FROM gateways WHERE id = ${id} AND deleted_at IS NULL`);
  return row && { id: row.id, passwordEncrypted: row.password_encrypted };
}
