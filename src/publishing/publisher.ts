// The publisher: one message for each organization, factory and gateway event, in the order of the log, none twice.
// A session reads the tail of the stream, subscribes to the log after it and pipes what comes into the stream; whatever
// goes wrong ends the session, and the next one starts from the tail again. Nothing else is remembered.
import type { Logger } from 'pino';
import { streamPrefix } from '../events/catalogue.ts';
import { decode } from '../events/codec.ts';
import type { EventLog, StoredEvent } from '../events/event-log.ts';
import { type Loop, pauseFor, startLoop } from '../infrastructure/lifecycle.ts';
import type { Bus } from './bus.ts';
import { eventStream } from './event-stream.ts';
import { toMessage } from './message.ts';
import { openPipe, type Pipe, TailMoved } from './pipe.ts';
import { checkOrigin, readTail, type Tail } from './tail.ts';

export interface PublisherOptions {
  readonly log: EventLog;
  readonly bus: Bus;
  readonly logger: Logger;
  readonly timing?: Partial<PublisherTiming>;
}

export interface PublisherTiming {
  /** How many messages may be under way. */
  readonly window: number;
  /** Milliseconds without an acknowledgement after which NATS counts as unavailable. */
  readonly patience: number;
  /** Milliseconds for which the tail must rest before a publisher that was outrun tries again; up to three times that. */
  readonly quiet: number;
  readonly backoff: { readonly first: number; readonly longest: number };
}

export interface Publisher extends Loop {
  /** How many events were left out since the start because their type is not published, by type. */
  skipped(): ReadonlyMap<string, number>;
}

const defaultTiming: PublisherTiming = {
  window: 256,
  patience: 5_000,
  quiet: 250,
  backoff: { first: 100, longest: 5_000 },
};

const streamPrefixes = (['organization', 'factory', 'gateway'] as const).map(streamPrefix);

/**
 * Starts to publish the log. Any number of publishers may run: one is ahead, the others stand by.
 *
 * It stops at, and fails loudly on, an event that cannot be decoded or that NATS refuses: to go on would break the
 * order that is promised.
 */
export function startPublisher({ log, bus, logger, timing }: PublisherOptions): Publisher {
  const { window, patience, quiet, backoff } = { ...defaultTiming, ...timing };
  const stream = bus.stream(eventStream);
  const skipped = new Map<string, number>();
  const loop = startLoop({ name: 'publisher', logger, run, backoff });
  return { ...loop, skipped: () => skipped };

  async function run(signal: AbortSignal, alive: () => void): Promise<void> {
    await bus.connected(patience, signal);
    if (signal.aborted) return;
    await stream.ensure();
    while (!signal.aborted) {
      const tail = await readTail(stream);
      await checkOrigin(log, tail);
      await publishUntilOutrun(tail, signal, alive);
      if (!signal.aborted) await untilTailRests(signal);
    }
  }

  /** Returns when another publisher, or a stranger, wrote to the stream; throws whatever else ended the session. */
  async function publishUntilOutrun(tail: Tail, signal: AbortSignal, alive: () => void): Promise<void> {
    const pipe = openPipe(stream, { after: tail.sequence, window, patience, signal });
    try {
      await publishAfter(tail, pipe, alive);
    } catch (error) {
      if (!(error instanceof TailMoved) || (await readTail(stream)).sequence <= pipe.stored()) throw error;
      logger.debug({ loop: 'publisher', reason: error.message }, 'outrun: waits until the tail of the stream rests');
    } finally {
      pipe.close();
    }
  }

  async function publishAfter(tail: Tail, pipe: Pipe, alive: () => void): Promise<void> {
    const after = tail.origin?.position ?? 'start';
    for await (const items of log.subscribe({ streamPrefixes, after, signal: pipe.broken })) {
      for (const item of items) {
        if (item.kind === 'event') await publish(item.event, pipe);
        if (item.kind === 'caught-up') await pipe.settled();
      }
      if (pipe.stored() > tail.sequence || items.at(-1)?.kind === 'caught-up') alive();
    }
    pipe.broken.throwIfAborted();
    throw new Error('the subscription to the event log ended without being told to');
  }

  async function publish(event: StoredEvent, pipe: Pipe): Promise<void> {
    const decoded = decode(event);
    const message = decoded && toMessage(decoded);
    if (message === undefined) return skip(event);
    await pipe.send(message);
  }

  function skip({ type, stream: from, revision }: StoredEvent): void {
    const count = (skipped.get(type) ?? 0) + 1;
    skipped.set(type, count);
    if (count > 1) return;
    logger.warn({ type, stream: from, revision: String(revision) }, `events of type ${type} are not published`);
  }

  // Two publishers that both try again at once refuse each other for ever; so each waits, for a time of its own,
  // until the other has fallen silent. Only what publishers write counts: a stranger could keep us waiting for ever.
  async function untilTailRests(signal: AbortSignal): Promise<void> {
    let seen = await readTail(stream);
    while (!signal.aborted) {
      await pauseFor(quiet * (1 + 2 * Math.random()), signal);
      const now = await readTail(stream);
      if (now.origin?.eventId === seen.origin?.eventId) return;
      seen = now;
    }
  }
}
