import { z } from 'zod';

/**
 * Who caused an event, when and why. The names that start with `$` are EventStoreDB's own: its system
 * projection `$by_correlation_id` reads them.
 */
export const EventMetadata = z.object({
  $correlationId: z.string().describe('What it belongs to: the `X-Request-Id` of the request that began it.'),
  $causationId: z.string().describe('What caused it: the command, or the event that it follows from.'),
  actor: z.string().describe('Who sent the command: `process:…` where no person did.'),
  commandId: z.string().describe('One run of one command; the events it appended have it in common.'),
  occurredAt: z.iso.datetime().describe("The command's clock, never before the stream's last event."),
  schemaVersion: z.int().positive().describe("The version of the event's data."),
});

export type EventMetadata = z.output<typeof EventMetadata>;
