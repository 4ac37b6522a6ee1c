import type { MigrationBuilder } from 'node-pg-migrate';

export function up(pgm: MigrationBuilder): void {
  pgm.sql(`
    CREATE TABLE factories (
      id uuid NOT NULL DEFAULT gen_random_uuid(),
      organization_id uuid NOT NULL,
      name varchar(255) NOT NULL,
      location varchar(500),
      timezone varchar(100) NOT NULL DEFAULT 'UTC',
      metadata jsonb NOT NULL DEFAULT '{}'::jsonb,
      created_at timestamptz NOT NULL DEFAULT NOW(),
      updated_at timestamptz NOT NULL DEFAULT NOW(),
      deleted_at timestamptz,
      CONSTRAINT factories_pkey PRIMARY KEY (id),
      CONSTRAINT factories_organization_id_fkey
        FOREIGN KEY (organization_id) REFERENCES organizations (id) ON DELETE CASCADE
    );

    CREATE INDEX idx_factories_organization_id ON factories (organization_id);
    CREATE INDEX idx_factories_name ON factories (name);
    CREATE INDEX idx_factories_deleted_at ON factories (deleted_at) WHERE deleted_at IS NULL;

    CREATE TRIGGER update_factories_updated_at BEFORE UPDATE ON factories
      FOR EACH ROW EXECUTE FUNCTION update_updated_at_column();
  `);
}
