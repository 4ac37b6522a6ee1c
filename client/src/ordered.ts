// Events by a consumer of one's own, made anew after each trouble where the last one has stopped.
import type { NatsConnection } from 'nats';
import { type Delivery, deliveryOf } from './delivery.ts';
import { Interruption, isStreamMissing } from './faults.ts';
import type { Stored } from './jetstream.ts';
import { persist } from './persist.ts';
import { createProgress } from './progress.ts';
import { listen, type PushListener, type PushSettings } from './push.ts';
import { createQueue } from './queue.ts';
import { createRevisions } from './revisions.ts';
import type { SubscribeOptions } from './subscribe-options.ts';
import type { Trouble } from './trouble.ts';

/** Each event once, in order, until the signal aborts. */
export async function* orderedEvents(
  nats: NatsConnection,
  place: { readonly stream: string; readonly filter: string },
  { from, signal, onTrouble }: SubscribeOptions,
): AsyncGenerator<Delivery, void> {
  const leaving = new AbortController();
  const ending = signal === undefined ? leaving.signal : AbortSignal.any([signal, leaving.signal]);
  const revisions = createRevisions();
  const reading = createReading(from);
  // It outlives the consumers that fill it. The answers in it let the server send on when all before them has been handed out.
  const queue = createQueue<Stored | Trouble | (() => unknown)>();
  const listening = persist(nats, { signal: ending, onTrouble }, hear);
  // What has ended it is thrown from the loop below, behind all that came before. To race against it with each wait would keep all
  // that has ever waited in memory.
  const end = () => queue.push(() => listening);
  listening.then(end, end);
  try {
    while (!ending.aborted) {
      const next = queue.shift();
      if (next === undefined) await queue.filled();
      else if (typeof next === 'function') await next();
      else if ('kind' in next) onTrouble?.(next);
      else {
        const delivery = deliveryOf(next, revisions);
        if (delivery === undefined) onTrouble?.(unreadable(next));
        else yield delivery;
      }
    }
  } finally {
    leaving.abort();
    // Who leaves is not told what would have ended it.
    await listening.catch(() => undefined);
  }

  async function hear(healthy: () => void): Promise<void> {
    const anew = new AbortController();
    const session = reading.begin();
    const listener: PushListener = {
      heard(message) {
        healthy();
        const judgement = session.heard(message);
        if (judgement === 'anew') anew.abort();
        else if (judgement === 'news') queue.push(message);
        else if (judgement === 'behind') queue.push(behind('the stream ends before the sequence to go on after'));
      },
      empty() {
        healthy();
        if (session.empty() === 'anew') anew.abort();
      },
      flow: (answer) => queue.push(answer),
    };
    try {
      await listen(nats, { ...place, start: session.start }, listener, AbortSignal.any([ending, anew.signal]));
    } catch (error) {
      if (isStreamMissing(error)) session.missing();
      throw error;
    }
    if (!ending.aborted)
      throw new Interruption('behind', 'the stream was made anew, or cut: it is read from its beginning');
  }
}

/** What a message is to a subscription: news, or not; `anew` when the stream is not the one that was read before. */
type Judgement = 'news' | 'old' | 'anew' | 'behind';

/** Where each consumer starts, and what is news of what it brings. */
function createReading(from: SubscribeOptions['from']) {
  const progress = createProgress();
  /** The next consumer cannot start where the last one has stopped. */
  let isAnew = false;
  /** There was nothing when it began: all that comes is news. */
  let isFromNothing = false;
  return { begin };

  function begin() {
    const last = progress.last();
    // With the last message itself, which shows that the stream is still the same.
    const resumed = isAnew ? undefined : last;
    const start =
      resumed === undefined ? startAnew(last !== undefined || isFromNothing) : { sequence: resumed.sequence };
    isAnew = false;
    let isFirst = true;
    let isBehindTold = false;
    return { start, heard, empty, missing };

    function heard(message: Stored): Judgement {
      const first = isFirst;
      isFirst = false;
      if (first && resumed !== undefined && !progress.isLast(message)) {
        isAnew = true;
      }
      if (isAnew) return 'anew';
      if (progress.last() === undefined && typeof from === 'object' && message.sequence <= from.after) {
        const judgement = isBehindTold ? 'old' : 'behind';
        isBehindTold = true;
        return judgement;
      }
      if (progress.isRepeated(message)) return 'old';
      progress.done(message);
      // The first one is the last of the past: what comes later is new.
      return first && start === 'last' ? 'old' : 'news';
    }

    function empty(): Judgement {
      isFirst = false;
      isAnew = resumed !== undefined;
      if (start === 'last') isFromNothing = true;
      return isAnew ? 'anew' : 'old';
    }

    function missing(): void {
      if (start === 'last') isFromNothing = true;
    }
  }

  function startAnew(fromStart: boolean): PushSettings['start'] {
    if (fromStart || from === 'start') return 'all';
    return from === 'new' ? 'last' : { sequence: from.after + 1 };
  }
}

function unreadable({ sequence, subject }: Stored): Trouble {
  return { kind: 'unreadable', message: `message ${sequence} on ${subject} is no event of the registry`, retryIn: 0 };
}

function behind(message: string): Trouble {
  return { kind: 'behind', message, retryIn: 0 };
}
