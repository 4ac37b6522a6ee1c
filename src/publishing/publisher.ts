// The publisher: one message for each organization, factory and gateway event, in the order of the log, none twice.
import type { Logger } from 'pino';
import { streamPrefix } from '../events/catalogue.ts';
import { decode } from '../events/codec.ts';
import type { EventLog, StoredEvent } from '../events/event-log.ts';
import { type LoopHealth, startLoop } from '../infrastructure/lifecycle.ts';
import { type Bus, BusUnavailable, type Message, type StoredMessage } from './bus.ts';
import { isPublished } from './contract.ts';
import { eventStream } from './event-stream.ts';
import { type Origin, originOf, toMessage } from './message.ts';
import { canBeParked, degraded, isDegraded, type ParkedReason, parkedMessage, parkedSubjects } from './parked.ts';
import type { Pipe } from './pipe.ts';
import type { Tail } from './tail.ts';
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

interface PublishedOrigin extends Origin {
  /** Whether the stream has, with this message, others that stand for events that could not be published. */
  readonly isDegraded: boolean;
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
  const begin = async (pipe: Pipe, { origin }: Tail<PublishedOrigin>) => {
    isParked = origin?.isDegraded === true && (await hasParked());
    return (events: readonly StoredEvent[]) => pipe.sendAll(messagesAbout(events));
  };
  const writer = createWriter({
    name,
    log,
    bus,
    logger,
    timing,
    stream,
    streamPrefixes,
    originOf: publishedOriginOf,
    begin,
  });
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

  /** They go when somebody removes them, or with the oldest ones. */
  async function hasParked(): Promise<boolean> {
    try {
      return (await bus.stream(stream).last(parkedSubjects)) !== undefined;
    } catch (error) {
      if (!(error instanceof BusUnavailable)) throw error;
      logger.warn(
        { err: error },
        'NATS does not say whether events are parked; as there were some, this goes on as if there are',
      );
      return true;
    }
  }

  function* messagesAbout(events: readonly StoredEvent[]): Iterable<Message> {
    for (const event of events) {
      const message = messageAbout(event);
      if (message === undefined) skip(event);
      else yield isParked ? { ...message, headers: { ...message.headers, ...degraded } } : message;
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
    const message = parkedMessage(event, reason);
    return { ...message, headers: { ...message.headers, ...degraded } };
  }

  function skip({ type, stream: from, revision }: StoredEvent): void {
    const count = (skipped.get(type) ?? 0) + 1;
    skipped.set(type, count);
    if (count > 1) return;
    logger.warn({ type, stream: from, revision: String(revision) }, `events of type ${type} are not published`);
  }
}

function publishedOriginOf(message: StoredMessage): PublishedOrigin | undefined {
  const origin = originOf(message);
  return origin && { ...origin, isDegraded: isDegraded(message) };
}
