// Waiting for the event store: for what arrives, and not for ever.
import { EventLogUnavailable } from '../events/event-log.ts';

/** Something to wait for: `wait` resolves at the next `notify`, or at once when it came since the last wait. */
export function createSignal() {
  let notified = false;
  let resume: (() => void) | undefined;
  return {
    notify: () => {
      notified = true;
      resume?.();
    },
    wait: async () => {
      if (!notified) await new Promise<void>((resolve) => (resume = resolve));
      notified = false;
      resume = undefined;
    },
  };
}

/** How long an answer is waited for. */
export interface Patience {
  readonly milliseconds: number;
  /** When it aborts, no longer. */
  readonly over: AbortSignal;
}

/** What the promise resolves to; EventLogUnavailable, which says what was asked, when that takes longer. */
export async function within<T>(patience: Patience, promise: Promise<T>, what: string): Promise<T> {
  const { promise: late, reject } = Promise.withResolvers<never>();
  using _deadline = deadline(patience, what, reject);
  return await Promise.race([promise, late]);
}

/** Tells when patience is at its end, unless it is disposed of before. */
export function deadline(
  { milliseconds, over }: Patience,
  what: string,
  late: (error: EventLogUnavailable) => void,
): Disposable {
  const timer = setTimeout(
    () => late(new EventLogUnavailable(`the event store did not answer within ${milliseconds} ms: ${what}`)),
    milliseconds,
  );
  const end = () => late(new EventLogUnavailable(`the connection to the event store is being closed: ${what}`));
  if (over.aborted) end();
  else over.addEventListener('abort', end, { once: true });
  return {
    [Symbol.dispose]() {
      clearTimeout(timer);
      over.removeEventListener('abort', end);
    },
  };
}
