import { z } from 'zod';
import { FactoryId, type GatewayId } from '../events/ids.ts';
import { type Pool, sql } from '../infrastructure/postgres.ts';
import { GatewayResource } from '../resources/gateway.ts';
import { type Page, PageQuery, readPage } from './pagination.ts';

export const GatewaysQuery = PageQuery.extend({ factory_id: FactoryId.exactOptional() });

export type GatewaysQuery = z.output<typeof GatewaysQuery>;

const columns = sql.fragment`
  id, factory_id, gateway_id, name, url, email, model, firmware_version, metadata, last_seen_at, created_at, updated_at`;

const Row = GatewayResource.extend({ stream_revision: z.bigint() });

const PasswordRow = z.object({ id: z.guid(), password_encrypted: z.string() });

/**
 * The gateways that are not deleted: all of them, or those of one factory.
 *
 * @throws what `isUnavailable` tells apart
 */
export function listGateways(pool: Pool, { factory_id, ...query }: GatewaysQuery): Promise<Page<GatewayResource>> {
  const where =
    factory_id === undefined
      ? sql.fragment`deleted_at IS NULL`
      : sql.fragment`deleted_at IS NULL AND factory_id = ${factory_id}`;
  return readPage(pool, GatewayResource, { columns, table: sql.fragment`gateways`, where }, query);
}

/**
 * A gateway that is not deleted, and the revision of its stream that it shows.
 *
 * @throws what `isUnavailable` tells apart
 */
export async function findGateway(
  pool: Pool,
  id: GatewayId,
): Promise<{ readonly gateway: GatewayResource; readonly revision: bigint } | undefined> {
  const row = await pool.maybeOne(sql.prepared('find-gateway', Row)`
    SELECT ${columns}, stream_revision FROM gateways WHERE id = ${id} AND deleted_at IS NULL`);
  if (row === undefined) return undefined;
  const { stream_revision: revision, ...gateway } = row;
  return { gateway, revision };
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
