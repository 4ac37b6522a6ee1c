import { z } from 'zod';
import { type FactoryId, OrganizationId } from '../events/ids.ts';
import { type Pool, sql } from '../infrastructure/postgres.ts';
import { FactoryResource } from '../resources/factory.ts';
import { type Page, PageQuery, readPage } from './pagination.ts';

export const FactoriesQuery = PageQuery.extend({ organization_id: OrganizationId.exactOptional() });

export type FactoriesQuery = z.output<typeof FactoriesQuery>;

const columns = sql.fragment`id, organization_id, name, location, timezone, metadata, created_at, updated_at`;

const Row = FactoryResource.extend({ stream_revision: z.bigint() });

/**
 * The factories that are not deleted: all of them, or those of one organization.
 *
 * @throws what `isUnavailable` tells apart
 */
export function listFactories(
  pool: Pool,
  { organization_id, ...query }: FactoriesQuery,
): Promise<Page<FactoryResource>> {
  const where =
    organization_id === undefined
      ? sql.fragment`deleted_at IS NULL`
      : sql.fragment`deleted_at IS NULL AND organization_id = ${organization_id}`;
  return readPage(pool, FactoryResource, { columns, table: sql.fragment`factories`, where }, query);
}

/**
 * A factory that is not deleted, and the revision of its stream that it shows.
 *
 * @throws what `isUnavailable` tells apart
 */
export async function findFactory(
  pool: Pool,
  id: FactoryId,
): Promise<{ readonly factory: FactoryResource; readonly revision: bigint } | undefined> {
  const row = await pool.maybeOne(sql.prepared('find-factory', Row)`
    SELECT ${columns}, stream_revision FROM factories WHERE id = ${id} AND deleted_at IS NULL`);
  if (row === undefined) return undefined;
  const { stream_revision: revision, ...factory } = row;
  return { factory, revision };
}
