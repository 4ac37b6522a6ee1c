// Tries again, with growing pauses, for as long as it is wanted.
import type { NatsConnection } from 'nats';
import { troubleOf } from './faults.ts';
import { lineOf } from './line.ts';
import type { TroubleListener } from './trouble.ts';

const firstPause = 100;
const longestPause = 5_000;

export interface Persistence {
  readonly signal: AbortSignal;
  readonly onTrouble?: TroubleListener | undefined;
}

/**
 * Runs an attempt again and again until the signal aborts, and tells why each has ended.
 *
 * @param attempt runs until it fails or the signal aborts; calls `healthy` when it works, and the pauses start small again
 * @throws SubscriptionFailed when no new try can help
 */
export async function persist(
  nats: NatsConnection,
  { signal, onTrouble }: Persistence,
  attempt: (healthy: () => void) => Promise<void>,
): Promise<void> {
  const backOff = createBackOff(nats, { signal, onTrouble });
  while (!signal.aborted) {
    try {
      await attempt(backOff.healthy);
    } catch (error) {
      await backOff.failed(error);
    }
  }
}

export interface BackOff {
  healthy(): void;
  /**
   * Tells it, and resolves when it is time to try again, or the signal aborts.
   *
   * @throws SubscriptionFailed when no new try can help
   */
  failed(error: unknown): Promise<void>;
}

export function createBackOff(nats: NatsConnection, { signal, onTrouble }: Persistence): BackOff {
  let failures = 0;
  return {
    healthy: () => {
      failures = 0;
    },
    async failed(error) {
      if (signal.aborted) return;
      const trouble = troubleOf(error, nats);
      failures += 1;
      const retryIn = pauseAfter(failures);
      onTrouble?.({ ...trouble, retryIn });
      await pause(nats, retryIn, signal);
    },
  };
}

/** Half of it is chance, so that those who were thrown off together do not come back together. */
export function pauseAfter(failures: number, chance = Math.random()): number {
  const pause = Math.min(firstPause * 2 ** (failures - 1), longestPause);
  return Math.round(pause / 2 + (pause / 2) * chance);
}

/** Ends early when the connection is back. */
function pause(nats: NatsConnection, milliseconds: number, signal: AbortSignal): Promise<void> {
  const { changes } = lineOf(nats);
  return new Promise((resolve) => {
    const timer = setTimeout(end, milliseconds);
    changes.once('back', end);
    signal.addEventListener('abort', end);
    if (signal.aborted) end();

    function end(): void {
      clearTimeout(timer);
      changes.off('back', end);
      signal.removeEventListener('abort', end);
      resolve();
    }
  });
}
