// A durable consumer, asked for one message at a time.
import { type Msg, type NatsConnection, nanos } from 'nats';
import { Interruption, notAllowed } from './faults.ts';
import { heartbeat, inboxOf, readStored, type Stored, watchSilence } from './jetstream.ts';
import { lineOf } from './line.ts';

export interface Pull {
  /**
   * The next message, or undefined when the signal aborts.
   *
   * @throws Interruption when it cannot come from this consumer just now
   */
  next(signal: AbortSignal): Promise<Stored | undefined>;
  /** It is done with, and never comes again. */
  acknowledge(message: Stored): void;
  /** What was not acknowledged comes again at once, to whoever asks. */
  close(): void;
}

/** Milliseconds after which what was handed out and not acknowledged is handed out again. */
export const acknowledgeTime = 10_000;

/** Milliseconds between two words that what was handed out is still being worked on. */
const workingTime = 3_000;

const pullTime = 30_000;

const timedOut = new Set([404, 408]);

/**
 * One inbox for as long as it is open: a message that comes late, as the answer to a question that was given up, is not lost to
 * the void, where it would hold up all others until its time is over.
 */
export function openPull(nats: NatsConnection, stream: string, durable: string): Pull {
  const line = lineOf(nats);
  const inbox = inboxOf(nats);
  const arrived: Stored[] = [];
  const held = new Set<Stored>();
  const question = `$JS.API.CONSUMER.MSG.NEXT.${stream}.${durable}`;
  const answers = new RegExp(`^[$]JS[.]ACK[.](.+[.])?${stream}[.]${durable}[.]`);
  let waiting: PromiseWithResolvers<void> | undefined;
  /** What was acknowledged last; again when the connection is back, because the word may have been lost with it. */
  let acknowledged: Stored | undefined;
  let isRepeating = false;
  /** Why nothing will ever come. */
  let broken: Error | undefined;
  const silent = watchSilence(() => fail(new Interruption('interrupted', 'nothing was heard of the consumer')));
  const lost = () => {
    isRepeating = true;
    fail(new Interruption('interrupted', 'the connection to NATS was lost'));
  };
  const denied = (subject: string) => {
    if (subject === question || answers.test(subject)) breakOff(notAllowed(subject));
  };
  line.changes.on('lost', lost);
  line.changes.on('denied', denied);
  const subscription = nats.subscribe(inbox, {
    callback: (error, message) => {
      if (error === null) take(message);
      else breakOff(error);
    },
  });
  const working = setInterval(() => {
    for (const message of held) send(message, '+WPI');
  }, workingTime);
  working.unref();

  return {
    async next(signal) {
      const early = arrived.shift();
      if (early !== undefined) return early;
      if (signal.aborted) return undefined;
      if (broken !== undefined) throw broken;
      if (!line.isUp()) throw new Interruption('unavailable', 'there is no connection to NATS');
      waiting = Promise.withResolvers();
      const abort = () => waiting?.resolve();
      signal.addEventListener('abort', abort);
      try {
        if (isRepeating && acknowledged !== undefined) send(acknowledged, '+ACK');
        isRepeating = false;
        ask();
        await waiting.promise;
        return arrived.shift();
      } finally {
        waiting = undefined;
        silent.rest();
        signal.removeEventListener('abort', abort);
      }
    },
    acknowledge(message) {
      held.delete(message);
      acknowledged = message;
      send(message, '+ACK');
    },
    close() {
      clearInterval(working);
      silent.rest();
      line.changes.off('lost', lost);
      line.changes.off('denied', denied);
      for (const message of held) send(message, '-NAK');
      if (!subscription.isClosed() && !nats.isClosed()) subscription.unsubscribe();
    },
  };

  function ask(): void {
    silent.heard();
    const request = { batch: 1, expires: nanos(pullTime), idle_heartbeat: nanos(heartbeat) };
    nats.publish(question, JSON.stringify(request), { reply: inbox });
  }

  function take(message: Msg): void {
    const stored = readStored(message);
    if (stored !== undefined) {
      held.add(stored);
      arrived.push(stored);
      waiting?.resolve();
    } else if (waiting !== undefined) {
      takeStatus(message);
    }
  }

  function takeStatus({ headers }: Msg): void {
    const code = headers?.code ?? 0;
    if (code === 100) silent.heard();
    else if (timedOut.has(code)) ask();
    else if (code === 503) fail(new Interruption('interrupted', 'the consumer is gone'));
    else fail(new Interruption('interrupted', `the consumer was ended: ${headers?.description}`));
  }

  function breakOff(error: Error): void {
    broken = error;
    fail(error);
  }

  function fail(error: Error): void {
    waiting?.reject(error);
  }

  /** What is not heard by the server comes again, and is known then. */
  function send({ reply }: Stored, word: string): void {
    if (line.isUp() && !nats.isClosed()) nats.publish(reply, word);
  }
}
