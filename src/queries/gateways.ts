import { z } from 'zod';
import { FactoryId, type GatewayId, OrganizationId } from '../events/ids.ts';
import { type Pool, sql } from '../infrastructure/postgres.ts';
import { GatewayResource } from '../resources/gateway.ts';
import { childrenOf, conditions, contains, equal, textFilter } from './filter.ts';
import { listOf, listQuery, type Page, readPage, type Shown, shown } from './pagination.ts';

export const ShownGateway = shown(GatewayResource, 'ShownGateway');

export const GatewaysQuery = listQuery('gateways', ['name', 'created_at', 'updated_at', 'last_seen_at'], {
  factory_id: FactoryId.describe('Those that stand in this factory').exactOptional(),
  organization_id: OrganizationId.describe('Those of this organization').exactOptional(),
  gateway_id: textFilter(255, 'What the device calls itself, exactly'),
  model: textFilter(100, 'The model, exactly'),
  firmware_version: textFilter(50, 'The firmware version, exactly'),
  name: textFilter(255, 'Part of the name, in any case'),
});

export type GatewaysQuery = z.output<typeof GatewaysQuery>;

const columns = sql.fragment`
  id, factory_id, organization_id, gateway_id, name, url, email, model, firmware_version, metadata, last_seen_at,
  created_at, updated_at`;

const gateways = listOf('gateways', columns, ShownGateway);

const Row = GatewayResource.extend({ stream_revision: z.bigint(), deleted_at: z.iso.datetime().nullable() });

const PasswordRow = z.object({ id: z.guid(), password_encrypted: z.string() });

/**
 * The gateways that the filters let through.
 *
 * @throws what `isUnavailable` tells apart
 */
export function listGateways(
  pool: Pool,
  { filters: { factory_id, organization_id, gateway_id, model, firmware_version, name }, page }: GatewaysQuery,
): Promise<Page<Shown<GatewayResource>>> {
  const where = conditions(
    childrenOf('factory_id', factory_id),
    childrenOf('organization_id', organization_id),
    equal(sql.fragment`gateway_id`, gateway_id),
    equal(sql.fragment`model`, model),
    equal(sql.fragment`firmware_version`, firmware_version),
    contains(sql.fragment`name`, name),
  );
  return readPage(pool, gateways, where, page);
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
): Promise<{ readonly gateway: Shown<GatewayResource>; readonly revision: bigint } | undefined> {
  const row = await pool.maybeOne(sql.prepared('find-gateway', Row)`
    SELECT ${columns}, deleted_at, stream_revision FROM gateways
    WHERE id = ${id} AND (deleted_at IS NULL OR ${includeDeleted})`);
  if (row === undefined) return undefined;
  const { stream_revision: revision, deleted_at, ...gateway } = row;
  return { gateway: includeDeleted ? { ...gateway, deleted_at } : gateway, revision };
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
