// Token buckets, one for each name, in the memory of this process: full to begin with, filled again at a steady rate.
import { LRUCache } from 'lru-cache';

export interface RateLimit {
  /**
   * Takes one from the bucket of a name.
   *
   * @param now milliseconds, by a clock that is never put forward or back
   * @returns 0 when it was there to be taken, else the milliseconds until there is one
   */
  take(name: string, now: number): number;
}

interface Bucket {
  readonly left: number;
  readonly at: number;
}

/** So many buckets are kept, the least recently used goes first: one that is forgotten is a full one. */
const mostBuckets = 10_000;

/** @param perMinute how many there are in a full bucket, and how many it gets back in a minute */
export function createRateLimit(perMinute: number): RateLimit {
  const buckets = new LRUCache<string, Bucket>({ max: mostBuckets });
  const interval = 60_000 / perMinute;
  return {
    take(name, now) {
      const { left, at } = buckets.get(name) ?? { left: perMinute, at: now };
      const filled = Math.min(perMinute, left + Math.max(0, now - at) / interval);
      const taken = filled >= 1;
      // A clock that goes back must not earn anything when it comes forward again.
      buckets.set(name, { left: taken ? filled - 1 : filled, at: Math.max(now, at) });
      return taken ? 0 : Math.ceil((1 - filled) * interval);
    },
  };
}
