import type { MigrationBuilder } from 'node-pg-migrate';

/** When the tables were made anew from the log; null when they have only ever followed it. */
export function up(pgm: MigrationBuilder): void {
  pgm.sql('ALTER TABLE projection_checkpoint ADD COLUMN rebuilt_at timestamptz');
}
