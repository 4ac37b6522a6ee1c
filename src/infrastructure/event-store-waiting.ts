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

/** What the promise resolves to; EventLogUnavailable, which says what was asked, when that takes longer. */
export async function within<T>(milliseconds: number, promise: Promise<T>, what: string): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () => reject(new EventLogUnavailable(`the event store did not answer within ${milliseconds} ms: ${what}`)),
      milliseconds,
    );
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
