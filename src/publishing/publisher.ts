// The publisher: one message for each organization, factory and gateway event, in the order of the log, none twice.
import type { Logger } from 'pino';
import { streamPrefix } from '../events/catalogue.ts';
import { decode } from '../events/codec.ts';
import type { EventLog, StoredEvent } from '../events/event-log.ts';
import { type Loop, startLoop } from '../infrastructure/lifecycle.ts';
import type { Bus, Message } from './bus.ts';
import { eventStream } from './event-stream.ts';
import { originOf, toMessage } from './message.ts';
import type { Pipe } from './pipe.ts';
import { createWriter, type WriterTiming } from './writer.ts';

export interface PublisherOptions {
  readonly log: EventLog;
  readonly bus: Bus;
  readonly logger: Logger;
  /** How large the stream may grow, in bytes: beyond that the oldest messages go. Default: no bound. */
  readonly maxBytes?: number | undefined;
  readonly timing?: Partial<WriterTiming>;
}

export interface Publisher extends Loop {
  /** How many events were left out since the start because their type is not published, by type. */
  skipped(): ReadonlyMap<string, number>;
}

const name = 'publisher';
const streamPrefixes = (['organization', 'factory', 'gateway'] as const).map(streamPrefix);

/**
 * Starts to publish the log. Any number of publishers may run: one is ahead, the others stand by.
 *
 * It stops at, and fails loudly on, an event that cannot be decoded or that NATS refuses: to go on would break the
 * order that is promised.
 */
export function startPublisher({ log, bus, logger, maxBytes, timing }: PublisherOptions): Publisher {
  const stream = { ...eventStream, maxBytes: maxBytes ?? eventStream.maxBytes };
  const skipped = new Map<string, number>();
  const begin = (pipe: Pipe) => (events: readonly StoredEvent[]) => pipe.sendAll(messagesAbout(events));
  const writer = createWriter({ name, log, bus, logger, timing, stream, streamPrefixes, originOf, begin });
  const loop = startLoop({
    name,
    logger,
    run: (signal, alive) => writer.write(signal, { alive, caughtUp: () => undefined }),
    backoff: writer.timing.backoff,
  });
  return { ...loop, skipped: () => skipped };

  function* messagesAbout(events: readonly StoredEvent[]): Iterable<Message> {
    for (const event of events) {
      const decoded = decode(event);
      const message = decoded && toMessage(decoded);
      if (message === undefined) skip(event);
      else yield message;
    }
  }

  function skip({ type, stream: from, revision }: StoredEvent): void {
    const count = (skipped.get(type) ?? 0) + 1;
    skipped.set(type, count);
    if (count > 1) return;
    logger.warn({ type, stream: from, revision: String(revision) }, `events of type ${type} are not published`);
  }
}
