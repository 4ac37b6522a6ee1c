import type { RegistryEvent } from '../events/catalogue.ts';
import { encode } from '../events/codec.ts';
import type { EventToAppend } from '../events/event-log.ts';
import { uuidv7 } from '../events/new-id.ts';

/** Why events are appended: one run of one command. */
export interface Cause {
  readonly commandId: string;
  readonly correlationId: string;
  readonly actor: string;
  /** The command's clock, ISO-8601 UTC. */
  readonly now: string;
}

/**
 * Gives events their ids and metadata, here and nowhere else.
 *
 * @param notBefore when the stream's last event happened: clocks of two machines may differ, time in a stream does
 *   not go back
 */
export function stamp(events: readonly RegistryEvent[], cause: Cause, notBefore: string | undefined): EventToAppend[] {
  const { commandId, correlationId, actor, now } = cause;
  const occurredAt = notBefore !== undefined && notBefore > now ? notBefore : now;
  return events.map((event) =>
    encode(uuidv7(), event, {
      $correlationId: correlationId,
      $causationId: commandId,
      actor,
      commandId,
      occurredAt,
    }),
  );
}
