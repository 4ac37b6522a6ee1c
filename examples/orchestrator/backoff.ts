/** How long to wait before trying again, in milliseconds. */
export interface Backoff {
  readonly first: number;
  readonly longest: number;
}

/**
 * Milliseconds to wait after so many failures in a row: twice as long each time, up to the longest, and between half of that and
 * all of it, so that what failed together does not come back together.
 *
 * @param failures from 1 on
 * @param retryAfter seconds that the other side asks to be left alone for, at least
 * @param chance from 0 to 1
 */
export function delayAfter(failures: number, retryAfter: number, { first, longest }: Backoff, chance: number): number {
  const own = Math.min(longest, first * 2 ** (failures - 1)) * (0.5 + chance / 2);
  return Math.round(Math.max(own, retryAfter * 1_000 + first * chance));
}
