// Gateways as the mirror folded them last. An event says what has changed, the mirror what there is: it needs the gateway
// before the event. That comes from the log, never from the bucket, which does not know deleted gateways and into which
// others might write; what is remembered saves the reading.
import { LRUCache } from 'lru-cache';
import type { Recorded } from '../events/codec.ts';
import type { EventLog, StoredEvent } from '../events/event-log.ts';
import type { GatewayEvent } from '../events/gateway.ts';
import { decodeGatewayEvent, foldMirrored, type Mirrored } from './mirror-state.ts';

export interface MirrorMemory {
  /** Reads what will be asked for next, many streams at a time. */
  prepare(events: readonly StoredEvent[]): Promise<void>;
  /**
   * The gateway after an event; undefined when it was never created.
   *
   * @throws EventLogUnavailable, UndecodableEvent
   */
  after(event: Recorded<GatewayEvent>): Promise<Mirrored | undefined>;
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
        await Promise.all(firsts.slice(start, start + width).map(before));
      }
    },
    async after(event) {
      const after = foldMirrored(await before(event), event);
      if (after !== undefined) remembered.set(event.stream, after);
      return after;
    },
  };

  async function before({ stream, revision }: StoredEvent): Promise<Mirrored | undefined> {
    if (revision === 0n) return undefined;
    const known = remembered.get(stream);
    if (known?.revision === revision - 1n) return known;
    const read = await readMirrored(log, stream, revision - 1n);
    if (read !== undefined) remembered.set(stream, read);
    return read;
  }
}

/**
 * A gateway as its stream tells it up to a revision; undefined when it was never created.
 *
 * @throws EventLogUnavailable, UndecodableEvent
 */
export async function readMirrored(log: EventLog, stream: string, upTo: bigint): Promise<Mirrored | undefined> {
  return foldAll(await log.read(stream, 0n, upTo));
}

/** A gateway after all of these events of it. */
export function foldAll(events: readonly StoredEvent[]): Mirrored | undefined {
  return events.reduce<Mirrored | undefined>((before, stored) => {
    const event = decodeGatewayEvent(stored);
    // Of a type that only a later version knows: what it has changed is not seen here.
    return event === undefined ? before : foldMirrored(before, event);
  }, undefined);
}

// Rather more than less: in metadata, three characters may be an object of 56 bytes.
function sizeOf({ gateway: { metadata, ...fields } }: Mirrored): number {
  return 1_024 + 2 * JSON.stringify(fields).length + 20 * JSON.stringify(metadata).length;
}
