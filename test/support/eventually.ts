import { vi } from 'vitest';

/** Less than a spec may take, so that it fails with what it waits for; and much, since a busy machine is no fault. */
const timeout = 25_000;

/** Asks again and again until nothing is thrown; fails with what was thrown last. Returns the answer. */
export function eventually<T>(ask: () => T | Promise<T>): Promise<T> {
  return vi.waitFor(ask, { timeout, interval: 10 });
}
