// A gateway's own events, from its stream.
import { type EventLog, type StoredEvent, StreamTombstoned } from '../events/event-log.ts';

/**
 * The events of a gateway, oldest first; none when its stream was deleted for good: that one must not stop all others.
 *
 * @param from the first revision that is wanted, and `upTo` the last one
 * @throws EventLogUnavailable
 */
export async function historyOf(
  log: EventLog,
  stream: string,
  from = 0n,
  upTo?: bigint,
): Promise<readonly StoredEvent[]> {
  try {
    return await log.read(stream, from, upTo);
  } catch (error) {
    if (error instanceof StreamTombstoned) return [];
    throw error;
  }
}
