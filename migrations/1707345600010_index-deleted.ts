import type { MigrationBuilder } from 'node-pg-migrate';

/**
 * What is deleted, for the lists that show it too: they merge it into what is not. It is little, and sorted quickly
 * in the orders that have no index here; rows that are not deleted pay nothing for these indexes.
 */
export function up(pgm: MigrationBuilder): void {
  pgm.sql(`
    CREATE INDEX idx_organizations_deleted ON organizations (created_at, id) WHERE deleted_at IS NOT NULL;
    CREATE INDEX idx_factories_deleted ON factories (created_at, id) WHERE deleted_at IS NOT NULL;
    CREATE INDEX idx_gateways_deleted ON gateways (created_at, id) WHERE deleted_at IS NOT NULL;
  `);
}
