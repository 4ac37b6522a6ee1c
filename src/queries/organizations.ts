import { z } from 'zod';
import type { OrganizationId } from '../events/ids.ts';
import { type Pool, sql } from '../infrastructure/postgres.ts';
import { OrganizationResource } from '../resources/organization.ts';
import { type Page, PageQuery, readPage } from './pagination.ts';

export const OrganizationsQuery = PageQuery;

const columns = sql.fragment`id, name, metadata, created_at, updated_at`;

const Row = OrganizationResource.extend({ stream_revision: z.bigint() });

/**
 * The organizations that are not deleted.
 *
 * @throws what `isUnavailable` tells apart
 */
export function listOrganizations(pool: Pool, query: PageQuery): Promise<Page<OrganizationResource>> {
  const where = sql.fragment`deleted_at IS NULL`;
  return readPage(pool, OrganizationResource, { columns, table: sql.fragment`organizations`, where }, query);
}

/**
 * An organization that is not deleted, and the revision of its stream that it shows.
 *
 * @throws what `isUnavailable` tells apart
 */
export async function findOrganization(
  pool: Pool,
  id: OrganizationId,
): Promise<{ readonly organization: OrganizationResource; readonly revision: bigint } | undefined> {
  const row = await pool.maybeOne(sql.prepared('find-organization', Row)`
    SELECT ${columns}, stream_revision FROM organizations WHERE id = ${id} AND deleted_at IS NULL`);
  if (row === undefined) return undefined;
  const { stream_revision: revision, ...organization } = row;
  return { organization, revision };
}
