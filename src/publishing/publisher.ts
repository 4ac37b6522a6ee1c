// The publisher: one message for each organization, factory and gateway event, in the order of the log, none twice.
import type { Logger } from 'pino';
import { streamPrefix } from '../events/catalogue.ts';
import { decode } from '../events/codec.ts';
import type { EventLog, StoredEvent } from '../events/event-log.ts';
import { type LoopHealth, startLoop } from '../infrastructure/lifecycle.ts';
import type { Bus, Message } from './bus.ts';
import { isPublished } from './contract.ts';
import { eventStream } from './event-stream.ts';
import { originOf, toMessage } from './message.ts';
import { canBeParked, type ParkedReason, parkedMessage, parkedSubjects } from './parked.ts';
import type { Pipe } from './pipe.ts';
import { isUnreadable } from './unreadable.ts';
import { createWriter, type WriterTiming } from './writer.ts';

export interface PublisherOptions {
  readonly log: EventLog;
  readonly bus: Bus;
  readonly logger: Logger;
  /** How large the stream may grow, in bytes: beyond that the oldest messages go. Default: no bound. */
  readonly maxBytes?: number | undefined;
  readonly timing?: Partial<WriterTiming>;
}

export interface PublisherHealth {
  readonly name: string;
  /** `degraded`: it works, but messages in the stream stand for events that could not be published. */
  readonly status: LoopHealth['status'] | 'degraded';
  readonly error?: string;
}

export interface Publisher {
  health(): PublisherHealth;
  /** Resolves when it has ended. */
  stop(): Promise<void>;
  /** How many events were left out since the start because their type is not published, by type. */
  skipped(): ReadonlyMap<string, number>;
}

const name = 'publisher';
const streamPrefixes = (['organization', 'factory', 'gateway', 'gatewayPresence'] as const).map(streamPrefix);

/**
 * Starts to publish the log. Any number of publishers may run: one is ahead, the others stand by.
 *
 * An event that cannot be read, or is larger than NATS takes, is parked: at its place a message says so. Only one that a
 * later version of the service has written makes it fail, until the publisher of that version takes over.
 */
export function startPublisher({ log, bus, logger, maxBytes, timing }: PublisherOptions): Publisher {
  const stream = { ...eventStream, maxBytes: maxBytes ?? eventStream.maxBytes };
  const skipped = new Map<string, number>();
  let isParked = false;
  const begin = async (pipe: Pipe) => {
    isParked = (await bus.stream(stream).last(parkedSubjects)) !== undefined;
    return (events: readonly StoredEvent[]) => pipe.sendAll(messagesAbout(events));
  };
  const writer = createWriter({ name, log, bus, logger, timing, stream, streamPrefixes, originOf, begin });
  const loop = startLoop({
    name,
    logger,
    run: (signal, alive) => writer.write(signal, { alive, caughtUp: () => undefined }),
    backoff: writer.timing.backoff,
  });
  return { health, stop: loop.stop, skipped: () => skipped };

  function health(): PublisherHealth {
    const { status, ...rest } = loop.health();
    return { ...rest, status: status === 'running' && isParked ? 'degraded' : status };
  }

  function* messagesAbout(events: readonly StoredEvent[]): Iterable<Message> {
    for (const event of events) {
      const message = messageAbout(event);
      if (message === undefined) skip(event);
      else yield message;
    }
  }

  function messageAbout(event: StoredEvent): Message | undefined {
    if (!isPublished(event.type)) return undefined;
    try {
      const decoded = decode(event);
      const message = decoded && toMessage(decoded);
      return message && { ...message, instead: () => park(event, 'too-large') };
    } catch (error) {
      if (!isUnreadable(error, event) || !canBeParked(event)) throw error;
      return park(event, 'unreadable', error);
    }
  }

  function park(event: StoredEvent, reason: ParkedReason, error?: unknown): Message {
    const { type, stream: from, revision } = event;
    isParked = true;
    logger.error(
      { type, stream: from, revision: String(revision), reason, err: error },
      'an event is parked: not published',
    );
    return parkedMessage(event, reason);
  }

  function skip({ type, stream: from, revision }: StoredEvent): void {
    const count = (skipped.get(type) ?? 0) + 1;
    skipped.set(type, count);
    if (count > 1) return;
    logger.warn({ type, stream: from, revision: String(revision) }, `events of type ${type} are not published`);
  }
}
