import type { RegistryEvent } from '../events/catalogue.ts';
import { encode } from '../events/codec.ts';
import type { EventToAppend } from '../events/event-log.ts';
import type { EventId } from '../events/ids.ts';
import { uuidv7 } from '../events/new-id.ts';

/** Why events are appended: one run of one command. */
export interface Cause {
  readonly commandId: string;
  readonly correlationId: string;
  /** The trace of the request that began it. */
  readonly traceparent?: string | undefined;
  /** What the command follows from: the command itself when a person sent it. */
  readonly causationId: string;
  readonly actor: string;
  /** The command's clock, ISO-8601 UTC. */
  readonly now: string;
}

/**
 * Gives events their ids and metadata, here and nowhere else.
 *
 * @param notBefore when the stream's last event happened: clocks of two machines may differ, time in a stream does
 *   not go back
 * @param firstId the id of the first event, where it must be the same however often the command is run
 */
export function stamp(
  events: readonly RegistryEvent[],
  cause: Cause,
  notBefore: string | undefined,
  firstId?: EventId,
): EventToAppend[] {
  const { commandId, correlationId, traceparent, causationId, actor, now } = cause;
  const occurredAt = notBefore !== undefined && notBefore > now ? notBefore : now;
  return events.map((event, index) =>
    encode(index === 0 && firstId !== undefined ? firstId : uuidv7(), event, {
      $correlationId: correlationId,
      $causationId: causationId,
      actor,
      commandId,
      occurredAt,
      ...(traceparent !== undefined && { traceparent }),
    }),
  );
}
