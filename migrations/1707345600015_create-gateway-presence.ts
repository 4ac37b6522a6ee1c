import type { MigrationBuilder } from 'node-pg-migrate';

/**
 * Whether a gateway is there, as the events of its presence say it; one that was never heard of has no row. It does not refer
 * to `gateways`: what is parked of a gateway must not park its presence. Few are offline, so that who asks for these finds
 * them by the index; who asks for the others finds them in the order of the list.
 */
export function up(pgm: MigrationBuilder): void {
  pgm.sql(`
    CREATE TABLE gateway_presence (
      id uuid NOT NULL,
      status varchar(10) NOT NULL,
      since timestamptz NOT NULL,
      last_seen_at timestamptz NOT NULL,
      stream_revision bigint NOT NULL DEFAULT -1,
      CONSTRAINT gateway_presence_pkey PRIMARY KEY (id),
      CONSTRAINT gateway_presence_status CHECK (status IN ('online', 'offline'))
    );

    CREATE INDEX idx_gateway_presence_status ON gateway_presence (status, id);
  `);
}
