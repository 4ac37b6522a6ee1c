import type { MigrationBuilder } from 'node-pg-migrate';

/**
 * The organization of a gateway, as its events say it: a list of an organization's gateways in some order cannot walk
 * one index through a join. It follows from the factory and never changes, so the factory's foreign key is enough.
 */
export function up(pgm: MigrationBuilder): void {
  // The rows show what happened, and adding a column is no event: `updated_at` stays.
  pgm.sql(`
    ALTER TABLE gateways ADD COLUMN organization_id uuid;

    SET LOCAL registry.writer = 'on';
    UPDATE gateways SET organization_id = factories.organization_id FROM factories WHERE factories.id = factory_id;
    SET LOCAL registry.writer = '';

    ALTER TABLE gateways ALTER COLUMN organization_id SET NOT NULL;

    CREATE INDEX idx_gateways_organization_id_created_at_id
      ON gateways (organization_id, created_at, id) WHERE deleted_at IS NULL;
  `);
}
