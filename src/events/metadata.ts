import { z } from 'zod';

/**
 * Who caused an event, when and why. The names that start with `$` are EventStoreDB's own: its system
 * projection `$by_correlation_id` reads them.
 */
export const EventMetadata = z.object({
  $correlationId: z.string(),
  $causationId: z.string(),
  actor: z.string(),
  commandId: z.string(),
  /** The command's clock, ISO-8601 UTC, never before the stream's last event. */
  occurredAt: z.iso.datetime(),
  schemaVersion: z.int().positive(),
});

export type EventMetadata = z.output<typeof EventMetadata>;
