import type { MigrationBuilder } from 'node-pg-migrate';

/**
 * The gateways of one model or firmware version, in the order of creation: which of them is common follows from when a
 * gateway was made, so that whoever looks for a new one along the order alone passes all the old ones first.
 *
 * What a name contains has no index. Trigrams are an extension that not every Postgres has or allows, and cost a fifth
 * of the speed at which gateways are written; without, a search looks through a million names in a second or two. Who
 * searches much adds it by hand: GIN on `lower(name) gin_trgm_ops`, where `deleted_at` is null.
 */
export function up(pgm: MigrationBuilder): void {
  pgm.sql(`
    CREATE INDEX idx_gateways_model_created_at_id ON gateways (model, created_at, id) WHERE deleted_at IS NULL;
    CREATE INDEX idx_gateways_firmware_version_created_at_id
      ON gateways (firmware_version, created_at, id) WHERE deleted_at IS NULL;
  `);
}
