import { z } from 'zod';

/**
 * Who caused an event, when and why. The names that start with `$` are EventStoreDB's own: its system
 * projection `$by_correlation_id` reads them.
 */
export const EventMetadata = z.object({
  $correlationId: z
    .string()
    .describe(
      'What it belongs to: the `X-Correlation-Id` of the request that began it, else its trace, else its own id.',
    ),
  $causationId: z.string().describe('What caused it: the command, or the event that it follows from.'),
  actor: z
    .string()
    .describe('Who sent the command: the `X-Actor` of the request, else `anonymous`; `process:…` where no person did.'),
  commandId: z
    .string()
    .describe(
      'One command; the events that it appended have it in common. With an `Idempotency-Key` it derives from that.',
    ),
  occurredAt: z.iso.datetime().describe("The command's clock, never before the stream's last event."),
  traceparent: z
    .string()
    .exactOptional()
    .describe('The W3C Trace Context of the request that began it, if it had one.'),
  schemaVersion: z.int().positive().describe("The version of the event's data."),
});

export type EventMetadata = z.output<typeof EventMetadata>;

/**
 * When an event happens that is to follow a stream's last one: clocks of two machines may differ, time in a stream does not go
 * back.
 *
 * @param last the stream's last event, as the log holds it
 * @param now ISO-8601 UTC, as is what it returns
 */
export function notBefore(last: { readonly metadata: unknown } | undefined, now: string): string {
  const before = EventMetadata.safeParse(last?.metadata).data?.occurredAt;
  return before !== undefined && before > now ? before : now;
}
