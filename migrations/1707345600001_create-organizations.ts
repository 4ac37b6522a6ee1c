import type { MigrationBuilder } from 'node-pg-migrate';

export function up(pgm: MigrationBuilder): void {
  // The projector sets `updated_at` to the time of the event and says so by the transaction's `registry.writer`;
  // after such a transaction the setting reads '' in its session, not null.
  pgm.sql(`
    CREATE FUNCTION update_updated_at_column() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
      IF current_setting('registry.writer', true) IS DISTINCT FROM 'on' THEN
        NEW.updated_at = NOW();
      END IF;
      RETURN NEW;
    END
    $$;

    CREATE TABLE organizations (
      id uuid NOT NULL DEFAULT gen_random_uuid(),
      name varchar(255) NOT NULL,
      metadata jsonb NOT NULL DEFAULT '{}'::jsonb,
      created_at timestamptz NOT NULL DEFAULT NOW(),
      updated_at timestamptz NOT NULL DEFAULT NOW(),
      deleted_at timestamptz,
      CONSTRAINT organizations_pkey PRIMARY KEY (id)
    );

    CREATE INDEX idx_organizations_name ON organizations (name);
    CREATE INDEX idx_organizations_deleted_at ON organizations (deleted_at) WHERE deleted_at IS NULL;

    CREATE TRIGGER update_organizations_updated_at BEFORE UPDATE ON organizations
      FOR EACH ROW EXECUTE FUNCTION update_updated_at_column();
  `);
}
