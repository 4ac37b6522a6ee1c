// A fenced pipeline into a stream: many messages under way at once, each accepted only directly behind the one before.
//  - Nats-Expected-Last-Sequence lets message n in only when the stream ends at n - 1.
//  - Nats-Expected-Last-Msg-Id, from the second message on, also asks that n - 1 is our own message. Without it a
//    foreign message that takes number n would make NATS refuse our n, and yet accept our n + 1: a hole in the stream.
//    (Not for the first message: a server may have forgotten the last id over a restart.)
// So a stored n says that all before it are stored, and anything else than "stored as n" breaks the pipe for good: who
// uses it reads the tail of the stream and opens another. No message is ever sent again by the pipe itself.
import type { BusStream, Headers, Message, Reply } from './bus.ts';
import { BusUnavailable, MessageTooLarge } from './bus.ts';
import { messageIdHeader } from './message.ts';

export interface Pipe {
  /** Sends the next message; waits while the window is full. Throws what broke the pipe. */
  send(message: Message): Promise<void>;
  /**
   * Sends messages one after the other, asking for each when it is its turn, and as many as there is room for without a pause in
   * between: they then leave in one write, where a write for each costs more than all the rest. Throws what broke the pipe.
   */
  sendAll(messages: Iterable<Message>): Promise<void>;
  /** Resolves when NATS has stored all that was sent. Throws what broke the pipe. */
  settled(): Promise<void>;
  /** The sequence of the last message that NATS has stored. */
  stored(): number;
  /** Where the stream ends as far as the pipe knows; undefined while messages are under way. */
  restsAt(): number | undefined;
  /** Aborts, with the reason, when the pipe breaks. */
  readonly broken: AbortSignal;
  breakWith(error: Error): void;
  close(): void;
}

export interface PipeOptions {
  /** The last sequence of the stream: the first message becomes the next one. */
  readonly after: number;
  /** How many messages may be under way. */
  readonly window: number;
  /** Milliseconds without any acknowledgement, while messages are under way, after which the pipe is broken. */
  readonly patience: number;
  /** Breaks the pipe, so that nobody waits any longer. */
  readonly signal: AbortSignal;
}

/** The stream does not end where the pipe expects: somebody else has written to it, or it has been emptied. */
export class TailMoved extends Error {
  override readonly name = 'TailMoved';
}

/** Opens a pipe; throws `BusUnavailable` when NATS is away. */
export function openPipe(stream: BusStream, { after, window, patience, signal }: PipeOptions): Pipe {
  const breaking = new AbortController();
  let sent = after;
  let stored = after;
  let lastId: string | undefined;
  let progressAt = performance.now();
  let waiting: { readonly sequence: number; readonly resolve: () => void } | undefined;

  const channel = stream.openChannel({ replied, lost: breakWith });
  // One timer for all: one for each message would cost more than sending it.
  const watchdog = setInterval(watch, patience / 4);
  signal.addEventListener('abort', stop);
  if (signal.aborted) stop();

  return {
    send: (message) => sendAll([message]),
    sendAll,
    settled: () => reached(sent),
    stored: () => stored,
    restsAt: () => (sent === stored && !breaking.signal.aborted ? stored : undefined),
    broken: breaking.signal,
    breakWith,
    close,
  };

  async function sendAll(messages: Iterable<Message>): Promise<void> {
    for (const message of messages) {
      // Until there is room for many: each write costs sender and server as much as several messages.
      if (sent - stored >= window) await reached(sent - window * 0.75);
      sendNow(message);
    }
  }

  function sendNow(message: Message): void {
    breaking.signal.throwIfAborted();
    if (sent === stored) progressAt = performance.now();
    sendOrReplace(message);
    sent += 1;
    lastId = message.headers[messageIdHeader];
  }

  function sendOrReplace(message: Message): void {
    const fence = fenceOf(sent, lastId);
    try {
      channel.send(sent + 1, message, fence);
    } catch (error) {
      if (!(error instanceof MessageTooLarge) || message.instead === undefined) throw error;
      channel.send(sent + 1, message.instead(), fence);
    }
  }

  function replied(number: number, reply: Reply): void {
    if (breaking.signal.aborted) return;
    if (reply.kind !== 'stored' || reply.sequence !== number) {
      breakWith(surprise(number, reply));
      return;
    }
    stored = Math.max(stored, number);
    progressAt = performance.now();
    if (waiting !== undefined && stored >= waiting.sequence) waiting.resolve();
  }

  /** For one caller at a time, as the publisher is. */
  async function reached(sequence: number): Promise<void> {
    if (stored < sequence && !breaking.signal.aborted) {
      await new Promise<void>((resolve) => {
        waiting = { sequence, resolve };
      });
      waiting = undefined;
    }
    breaking.signal.throwIfAborted();
  }

  function watch(): void {
    if (sent > stored && performance.now() - progressAt > patience) {
      breakWith(new BusUnavailable(`NATS has acknowledged no message for ${patience} ms`));
    }
  }

  function stop(): void {
    breakWith(new Error('the pipe was told to stop', { cause: signal.reason }));
  }

  function breakWith(error: Error): void {
    close();
    breaking.abort(error);
    waiting?.resolve();
  }

  function close(): void {
    clearInterval(watchdog);
    signal.removeEventListener('abort', stop);
    channel.close();
  }
}

function fenceOf(lastSequence: number, lastId: string | undefined): Headers {
  const fence = { 'Nats-Expected-Last-Sequence': String(lastSequence) };
  return lastId === undefined ? fence : { ...fence, 'Nats-Expected-Last-Msg-Id': lastId };
}

function surprise(number: number, reply: Reply): Error {
  if (reply.kind === 'refused') return new Error(`NATS refused message ${number}: ${reply.reason}`);
  if (reply.kind === 'fenced') return new TailMoved(`message ${number} does not follow the tail: ${reply.reason}`);
  // Also when that one was purged.
  if (reply.kind === 'duplicate') {
    return new TailMoved(
      `NATS takes message ${number} for message ${reply.sequence}: it remembers ids for two minutes`,
    );
  }
  return new TailMoved(`message ${number} is in the stream as ${reply.sequence}`);
}
