import type { MigrationBuilder } from 'node-pg-migrate';

export function up(pgm: MigrationBuilder): void {
  pgm.sql(`
    CREATE TABLE gateways (
      id uuid NOT NULL DEFAULT gen_random_uuid(),
      factory_id uuid NOT NULL,
      gateway_id varchar(255) NOT NULL,
      name varchar(255) NOT NULL,
      url varchar(500) NOT NULL,
      email varchar(255) NOT NULL,
      password_encrypted text NOT NULL,
      model varchar(100),
      firmware_version varchar(50),
      metadata jsonb NOT NULL DEFAULT '{}'::jsonb,
      last_seen_at timestamptz,
      created_at timestamptz NOT NULL DEFAULT NOW(),
      updated_at timestamptz NOT NULL DEFAULT NOW(),
      deleted_at timestamptz,
      CONSTRAINT gateways_pkey PRIMARY KEY (id),
      CONSTRAINT gateways_factory_id_fkey FOREIGN KEY (factory_id) REFERENCES factories (id) ON DELETE CASCADE
    );

    CREATE INDEX idx_gateways_factory_id ON gateways (factory_id);
    CREATE UNIQUE INDEX idx_gateways_gateway_id ON gateways (gateway_id) WHERE deleted_at IS NULL;
    CREATE INDEX idx_gateways_last_seen_at ON gateways (last_seen_at);
    CREATE INDEX idx_gateways_deleted_at ON gateways (deleted_at) WHERE deleted_at IS NULL;

    CREATE TRIGGER update_gateways_updated_at BEFORE UPDATE ON gateways
      FOR EACH ROW EXECUTE FUNCTION update_updated_at_column();
  `);
}
