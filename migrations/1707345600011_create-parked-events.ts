import type { MigrationBuilder } from 'node-pg-migrate';

/**
 * The events that the tables could not take, and those that wait behind them: what a retry needs to try again. The event
 * is text, because what made it poison may be what jsonb refuses too. The one that failed has its error; the others have
 * the stream that they wait for. What was skipped stays as a record of how the tables differ from the log.
 */
export function up(pgm: MigrationBuilder): void {
  pgm.sql(`
    CREATE TABLE projection_parked (
      stream text NOT NULL,
      revision bigint NOT NULL,
      commit_position numeric(20, 0) NOT NULL,
      prepare_position numeric(20, 0) NOT NULL,
      type text NOT NULL,
      event text NOT NULL,
      sqlstate text,
      error text,
      behind text,
      parked_at timestamptz NOT NULL DEFAULT NOW(),
      skipped_at timestamptz,
      CONSTRAINT projection_parked_pkey PRIMARY KEY (stream, revision),
      CONSTRAINT projection_parked_fails_or_waits CHECK ((error IS NULL) <> (behind IS NULL))
    );

    CREATE INDEX idx_projection_parked_waiting
      ON projection_parked (commit_position, prepare_position) WHERE skipped_at IS NULL;
  `);
}
