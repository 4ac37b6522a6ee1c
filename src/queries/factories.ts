import { z } from 'zod';
import { type FactoryId, OrganizationId } from '../events/ids.ts';
import { type Pool, sql } from '../infrastructure/postgres.ts';
import { FactoryResource } from '../resources/factory.ts';
import { childrenOf, conditions, contains, equal, textFilter } from './filter.ts';
import { listOf, listQuery, type Page, readPage, type Shown, shown } from './pagination.ts';

export const ShownFactory = shown(FactoryResource, 'ShownFactory');

export const FactoriesQuery = listQuery('factories', ['name', 'created_at', 'updated_at'], {
  organization_id: OrganizationId.describe('Those of this organization').exactOptional(),
  name: textFilter(255, 'Part of the name, in any case'),
  location: textFilter(500, 'Part of the location, in any case'),
  timezone: textFilter(100, 'The time zone, exactly'),
});

export type FactoriesQuery = z.output<typeof FactoriesQuery>;

const columns = sql.fragment`id, organization_id, name, location, timezone, metadata, created_at, updated_at`;

const factories = listOf('factories', columns, ShownFactory);

const Row = FactoryResource.extend({ stream_revision: z.bigint(), deleted_at: z.iso.datetime().nullable() });

/**
 * The factories that the filters let through.
 *
 * @throws what `isUnavailable` tells apart
 */
export function listFactories(
  pool: Pool,
  { filters: { organization_id, name, location, timezone }, page }: FactoriesQuery,
): Promise<Page<Shown<FactoryResource>>> {
  const where = conditions(
    childrenOf('organization_id', organization_id),
    contains(sql.fragment`name`, name),
    contains(sql.fragment`location`, location),
    equal(sql.fragment`timezone`, timezone),
  );
  return readPage(pool, factories, where, page);
}

/**
 * A factory, and the revision of its stream that it shows; a deleted one only if that is asked for.
 *
 * @throws what `isUnavailable` tells apart
 */
export async function findFactory(
  pool: Pool,
  id: FactoryId,
  { includeDeleted = false } = {},
): Promise<{ readonly factory: Shown<FactoryResource>; readonly revision: bigint } | undefined> {
  const row = await pool.maybeOne(sql.prepared('find-factory', Row)`
    SELECT ${columns}, deleted_at, stream_revision FROM factories
    WHERE id = ${id} AND (deleted_at IS NULL OR ${includeDeleted})`);
  if (row === undefined) return undefined;
  const { stream_revision: revision, deleted_at, ...factory } = row;
  return { factory: includeDeleted ? { ...factory, deleted_at } : factory, revision };
}
