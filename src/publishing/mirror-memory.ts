// Gateways as the mirror folded them last. An event says what has changed, the mirror what there is: it needs the gateway
// before the event. That comes from the log, never from the bucket, which does not know deleted gateways and into which
// others might write; what is remembered saves the reading.
import { LRUCache } from 'lru-cache';
import type { EventLog, StoredEvent } from '../events/event-log.ts';
import { historyOf } from './mirror-history.ts';
import { foldAll, foldStored, type Mirrored } from './mirror-state.ts';

export interface MirrorMemory {
  /** Reads what will be asked for next, many streams at a time. */
  prepare(events: readonly StoredEvent[]): Promise<void>;
  /**
   * The gateway before and after an event; undefined when it was never created.
   *
   * @throws EventLogUnavailable
   * @throws UndecodableEvent when a later version of the service has written the event
   */
  around(event: StoredEvent): Promise<Around>;
}

export interface Around {
  readonly before: Mirrored | undefined;
  readonly after: Mirrored | undefined;
}

/** So many streams are read at a time. */
const width = 16;

/** A memory of about so many bytes; the gateway that was asked for least recently is forgotten first. */
export function createMirrorMemory(log: EventLog, bytes: number): MirrorMemory {
  const remembered = new LRUCache<string, Mirrored>({ maxSize: bytes, sizeCalculation: sizeOf });

  return {
    async prepare(events) {
      const firsts = events.filter(
        ({ stream }, index) => events.findIndex((other) => other.stream === stream) === index,
      );
      for (let start = 0; start < firsts.length; start += width) {
        await Promise.all(firsts.slice(start, start + width).map(gatewayBefore));
      }
    },
    async around(event) {
      const before = await gatewayBefore(event);
      const after = foldStored(before, event);
      if (after !== undefined) remembered.set(event.stream, after);
      return { before, after };
    },
  };

  async function gatewayBefore({ stream, revision }: StoredEvent): Promise<Mirrored | undefined> {
    if (revision === 0n) return undefined;
    const known = remembered.get(stream);
    if (known?.revision === revision - 1n) return known;
    const read = foldAll(await historyOf(log, stream, 0n, revision - 1n));
    if (read !== undefined) remembered.set(stream, read);
    return read;
  }
}

// Rather more than less: in metadata, three characters may be an object of 56 bytes.
function sizeOf({ gateway }: Mirrored): number {
  if (gateway === undefined) return 1_024;
  const { metadata, ...fields } = gateway;
  return 1_024 + 2 * JSON.stringify(fields).length + 20 * JSON.stringify(metadata).length;
}
