import type { MigrationBuilder } from 'node-pg-migrate';

/**
 * The orders of the gateways of one organization, and what is deleted by what it is filtered and ordered by. With a million
 * gateways, 2,000 of them of the organization, a page by name passed over 13,000 pages of the order of all; with 20,000
 * deleted ones, a filter on these read all of them. An index of what is deleted costs the others nothing.
 *
 * The gateways of a factory have no index of their own for each order: they are few enough to be read and sorted, 200 of them
 * in half a millisecond.
 */
export function up(pgm: MigrationBuilder): void {
  pgm.sql(`
    CREATE INDEX idx_gateways_organization_id_lower_name_id
      ON gateways (organization_id, lower(name), id) WHERE deleted_at IS NULL;
    CREATE INDEX idx_gateways_organization_id_updated_at_id
      ON gateways (organization_id, updated_at, id) WHERE deleted_at IS NULL;
    CREATE INDEX idx_gateways_organization_id_last_seen_id
      ON gateways (organization_id, coalesce(last_seen_at, '-infinity'), id) WHERE deleted_at IS NULL;

    CREATE INDEX idx_gateways_deleted_lower_name_id ON gateways (lower(name), id) WHERE deleted_at IS NOT NULL;
    CREATE INDEX idx_gateways_deleted_updated_at_id ON gateways (updated_at, id) WHERE deleted_at IS NOT NULL;
    CREATE INDEX idx_gateways_deleted_last_seen_id
      ON gateways (coalesce(last_seen_at, '-infinity'), id) WHERE deleted_at IS NOT NULL;
    CREATE INDEX idx_gateways_deleted_factory_id ON gateways (factory_id, created_at, id) WHERE deleted_at IS NOT NULL;
    CREATE INDEX idx_gateways_deleted_organization_id
      ON gateways (organization_id, created_at, id) WHERE deleted_at IS NOT NULL;
    CREATE INDEX idx_gateways_deleted_gateway_id ON gateways (gateway_id) WHERE deleted_at IS NOT NULL;
    CREATE INDEX idx_gateways_deleted_model ON gateways (model, created_at, id) WHERE deleted_at IS NOT NULL;
    CREATE INDEX idx_gateways_deleted_firmware_version
      ON gateways (firmware_version, created_at, id) WHERE deleted_at IS NOT NULL;

    CREATE INDEX idx_factories_timezone_created_at_id ON factories (timezone, created_at, id) WHERE deleted_at IS NULL;
  `);
}
