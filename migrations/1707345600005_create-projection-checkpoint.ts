import type { MigrationBuilder } from 'node-pg-migrate';

/**
 * How far the log has been projected: one row, both positions null before the first event. Positions are unsigned
 * 64-bit, more than bigint holds. Only the projector that raised `epoch` last may move it.
 */
export function up(pgm: MigrationBuilder): void {
  pgm.sql(`
    CREATE TABLE projection_checkpoint (
      singleton boolean NOT NULL DEFAULT true,
      commit_position numeric(20, 0),
      prepare_position numeric(20, 0),
      epoch bigint NOT NULL DEFAULT 0,
      CONSTRAINT projection_checkpoint_pkey PRIMARY KEY (singleton),
      CONSTRAINT projection_checkpoint_one_row CHECK (singleton),
      CONSTRAINT projection_checkpoint_both_or_none CHECK ((commit_position IS NULL) = (prepare_position IS NULL)),
      CONSTRAINT projection_checkpoint_unsigned CHECK (commit_position >= 0 AND prepare_position >= 0)
    );

    INSERT INTO projection_checkpoint DEFAULT VALUES;
  `);
}
