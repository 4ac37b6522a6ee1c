import type { MigrationBuilder } from 'node-pg-migrate';

/**
 * Every order that lists offer, each read in both directions. A gateway that was never seen counts as seen before all
 * others: a key that is never null lets a page go on after any row by one comparison of rows.
 */
export function up(pgm: MigrationBuilder): void {
  pgm.sql(`
    CREATE INDEX idx_organizations_lower_name_id ON organizations (lower(name), id) WHERE deleted_at IS NULL;
    CREATE INDEX idx_organizations_updated_at_id ON organizations (updated_at, id) WHERE deleted_at IS NULL;

    CREATE INDEX idx_factories_lower_name_id ON factories (lower(name), id) WHERE deleted_at IS NULL;
    CREATE INDEX idx_factories_updated_at_id ON factories (updated_at, id) WHERE deleted_at IS NULL;

    CREATE INDEX idx_gateways_lower_name_id ON gateways (lower(name), id) WHERE deleted_at IS NULL;
    CREATE INDEX idx_gateways_updated_at_id ON gateways (updated_at, id) WHERE deleted_at IS NULL;
    CREATE INDEX idx_gateways_last_seen_id
      ON gateways (coalesce(last_seen_at, '-infinity'), id) WHERE deleted_at IS NULL;
  `);
}
