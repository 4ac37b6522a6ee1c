// Who writes a stream of messages about the log. A session reads the tail of the stream, subscribes to the log after it
// and pipes what is to be said into the stream; whatever goes wrong ends the session, and the next one starts from the
// tail again. Nothing else is remembered. Any number of writers may run: one is ahead, the others stand by.
import type { Logger } from 'pino';
import type { EventLog, Position, StoredEvent } from '../events/event-log.ts';
import { pauseFor } from '../infrastructure/lifecycle.ts';
import type { Bus, StoredMessage, StreamSettings } from './bus.ts';
import type { Origin } from './message.ts';
import { openPipe, type Pipe, TailMoved } from './pipe.ts';
import { checkOrigin, readTail, type Tail, watchTail } from './tail.ts';

export interface WriterOptions<From extends Origin> {
  /** What log lines call it. */
  readonly name: string;
  readonly log: EventLog;
  readonly bus: Bus;
  readonly logger: Logger;
  readonly timing?: Partial<WriterTiming> | undefined;
  readonly stream: StreamSettings;
  /** Which streams of the log are told of. */
  readonly streamPrefixes: readonly string[];
  /** Where one of its own messages came from; undefined for those of others. */
  readonly originOf: (message: StoredMessage) => From | undefined;
  /** Begins a session behind the tail; what it returns sends what is to be said about events, in their order. */
  readonly begin: (pipe: Pipe, tail: Tail<From>) => Promise<Send> | Send;
}

export type Send = (events: readonly StoredEvent[]) => Promise<void>;

export interface WriterTiming {
  /** How many messages may be under way. */
  readonly window: number;
  /** Milliseconds without an acknowledgement after which NATS counts as unavailable. */
  readonly patience: number;
  /** Milliseconds for which the tail must rest before a writer that was outrun tries again; up to three times that. */
  readonly quiet: number;
  /** Milliseconds after which a stream is looked at to which nothing is written. */
  readonly look: number;
  readonly backoff: { readonly first: number; readonly longest: number };
}

/** What a writer tells while it works. */
export interface Listener {
  /** It does its work, or stands by while another one does. */
  alive(): void;
  /** All that the log holds has been said, and is stored. */
  caughtUp(): void;
  /** Another one is ahead: all up to there has been said. */
  outrun?(upTo: Position): void;
}

export interface Writer {
  /**
   * Writes until the signal aborts; throws what keeps it from going on, also while it is told to stop. It goes no further
   * than an event that cannot be said: that would break the order that is promised.
   */
  write(signal: AbortSignal, listener: Listener): Promise<void>;
  readonly timing: WriterTiming;
}

const defaultTiming: WriterTiming = {
  window: 256,
  patience: 5_000,
  quiet: 250,
  look: 10_000,
  backoff: { first: 100, longest: 5_000 },
};

export function createWriter<From extends Origin>(options: WriterOptions<From>): Writer {
  const { name, log, bus, logger, streamPrefixes, originOf, begin } = options;
  const timing = { ...defaultTiming, ...options.timing };
  const { window, patience, quiet, look } = timing;
  const stream = bus.stream(options.stream);
  return { write, timing };

  async function write(signal: AbortSignal, listener: Listener): Promise<void> {
    await bus.connected(patience, signal);
    if (signal.aborted) return;
    await stream.ensure();
    while (!signal.aborted) {
      const tail = await readTail(stream, originOf);
      await checkOrigin(log, options.stream.name, tail);
      await writeUntilOutrun(tail, signal, listener);
      if (!signal.aborted) await untilTailRests(signal, listener);
    }
  }

  /** Returns when another writer, or a stranger, wrote to the stream; throws whatever else ended the session. */
  async function writeUntilOutrun(tail: Tail<From>, signal: AbortSignal, listener: Listener): Promise<void> {
    const pipe = openPipe(stream, { after: tail.sequence, window, patience, signal });
    using _watch = watchTail(stream, pipe, tail, look);
    try {
      await writeAfter(tail, pipe, listener);
    } catch (error) {
      if (!(error instanceof TailMoved) || (await readTail(stream, originOf)).sequence <= pipe.stored()) throw error;
      logger.debug({ loop: name, reason: error.message }, 'outrun: waits until the tail of the stream rests');
    } finally {
      pipe.close();
    }
  }

  async function writeAfter(tail: Tail<From>, pipe: Pipe, { alive, caughtUp }: Listener): Promise<void> {
    let after: Position | 'start' = tail.origin?.position ?? 'start';
    const send = await begin(pipe, tail);
    // A backlog is read in bulk, which costs less than a subscription to it.
    for await (const events of log.readAll({ streamPrefixes, after, signal: pipe.broken })) {
      await send(events);
      after = events.at(-1)?.position ?? after;
      if (pipe.stored() > tail.sequence) alive();
    }
    for await (const items of log.subscribe({ streamPrefixes, after, signal: pipe.broken })) {
      await send(items.flatMap((item) => (item.kind === 'event' ? [item.event] : [])));
      const atEnd = items.at(-1)?.kind === 'caught-up';
      if (items.some(({ kind }) => kind === 'caught-up')) await pipe.settled();
      if (pipe.stored() > tail.sequence || atEnd) alive();
      if (atEnd) caughtUp();
    }
    pipe.broken.throwIfAborted();
    throw new Error('the subscription to the event log ended without being told to');
  }

  // Two writers that both try again at once refuse each other for ever; so each waits, for a time of its own, until
  // the other has fallen silent. Only what writers write counts: a stranger could keep us waiting for ever.
  async function untilTailRests(signal: AbortSignal, { alive, outrun }: Listener): Promise<void> {
    let seen = await readTail(stream, originOf);
    while (!signal.aborted) {
      if (seen.origin !== undefined) outrun?.(seen.origin.position);
      await pauseFor(quiet * (1 + 2 * Math.random()), signal);
      const now = await readTail(stream, originOf);
      if (now.origin?.eventId === seen.origin?.eventId) return;
      // Under load that may go on for hours. What it had failed by, before it was outrun, is over: somebody writes.
      alive();
      seen = now;
    }
  }
}
