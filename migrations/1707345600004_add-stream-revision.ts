import type { MigrationBuilder } from 'node-pg-migrate';

/** Which event of its stream a row shows last. -1 is a row that no event has made, such as one typed in by hand. */
export function up(pgm: MigrationBuilder): void {
  pgm.sql(`
    ALTER TABLE organizations ADD COLUMN stream_revision bigint NOT NULL DEFAULT -1;
    ALTER TABLE factories ADD COLUMN stream_revision bigint NOT NULL DEFAULT -1;
    ALTER TABLE gateways ADD COLUMN stream_revision bigint NOT NULL DEFAULT -1;
  `);
}
