import { describe, expect, it } from 'vitest';
import { delayAfter } from './backoff.ts';

const backoff = { first: 1_000, longest: 60_000 };

describe('a back-off', () => {
  it('doubles with each failure, up to the longest', () => {
    const delays = [1, 2, 3, 6, 7, 8, 2_000].map((failures) => delayAfter(failures, 0, backoff, 1));
    expect(delays).toEqual([1_000, 2_000, 4_000, 32_000, 60_000, 60_000, 60_000]);
  });

  it('is between half of that and all of it', () => {
    expect([0, 0.5, 1].map((chance) => delayAfter(3, 0, backoff, chance))).toEqual([2_000, 3_000, 4_000]);
  });

  it('is never shorter than what the other side asks for, nor the same for all', () => {
    expect([0, 0.5, 1].map((chance) => delayAfter(1, 7, backoff, chance))).toEqual([7_000, 7_500, 8_000]);
  });
});
