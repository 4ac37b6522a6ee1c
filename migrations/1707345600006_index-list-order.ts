import type { MigrationBuilder } from 'node-pg-migrate';

/** Lists show what is not deleted, in the order of creation, all of it or that of one parent. */
export function up(pgm: MigrationBuilder): void {
  pgm.sql(`
    CREATE INDEX idx_organizations_created_at_id ON organizations (created_at, id) WHERE deleted_at IS NULL;
    CREATE INDEX idx_factories_created_at_id ON factories (created_at, id) WHERE deleted_at IS NULL;
    CREATE INDEX idx_gateways_created_at_id ON gateways (created_at, id) WHERE deleted_at IS NULL;
    CREATE INDEX idx_factories_organization_id_created_at_id
      ON factories (organization_id, created_at, id) WHERE deleted_at IS NULL;
    CREATE INDEX idx_gateways_factory_id_created_at_id
      ON gateways (factory_id, created_at, id) WHERE deleted_at IS NULL;
  `);
}
