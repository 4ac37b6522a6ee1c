import { z } from 'zod';
import type { OrganizationId } from '../events/ids.ts';
import { type Pool, sql } from '../infrastructure/postgres.ts';
import { OrganizationResource } from '../resources/organization.ts';
import { conditions, contains, textFilter } from './filter.ts';
import { listOf, listQuery, type Page, readPage, type Shown, shown } from './pagination.ts';

export const ShownOrganization = shown(OrganizationResource, 'ShownOrganization');

export const OrganizationsQuery = listQuery('organizations', ['name', 'created_at', 'updated_at'], {
  name: textFilter(255, 'Part of the name, in any case'),
});

export type OrganizationsQuery = z.output<typeof OrganizationsQuery>;

const columns = sql.fragment`id, name, metadata, created_at, updated_at`;

const organizations = listOf('organizations', columns, ShownOrganization);

const Row = OrganizationResource.extend({ stream_revision: z.bigint(), deleted_at: z.iso.datetime().nullable() });

/**
 * The organizations that the filters let through.
 *
 * @throws what `isUnavailable` tells apart
 */
export function listOrganizations(
  pool: Pool,
  { filters: { name }, page }: OrganizationsQuery,
): Promise<Page<Shown<OrganizationResource>>> {
  return readPage(pool, organizations, conditions(contains(sql.fragment`name`, name)), page);
}

/**
 * An organization, and the revision of its stream that it shows; a deleted one only if that is asked for.
 *
 * @throws what `isUnavailable` tells apart
 */
export async function findOrganization(
  pool: Pool,
  id: OrganizationId,
  { includeDeleted = false } = {},
): Promise<{ readonly organization: Shown<OrganizationResource>; readonly revision: bigint } | undefined> {
  const row = await pool.maybeOne(sql.prepared('find-organization', Row)`
    SELECT ${columns}, deleted_at, stream_revision FROM organizations
    WHERE id = ${id} AND (deleted_at IS NULL OR ${includeDeleted})`);
  if (row === undefined) return undefined;
  const { stream_revision: revision, deleted_at, ...organization } = row;
  return { organization: includeDeleted ? { ...organization, deleted_at } : organization, revision };
}
