import { describe, expect, it } from 'vitest';
import { pauseAfter } from './persist.ts';

describe('the pause after so many failures', () => {
  it('grows, and has an end', () => {
    expect([1, 2, 3, 6, 7, 100, 5_000].map((failures) => pauseAfter(failures, 1))).toEqual([
      100, 200, 400, 3_200, 5_000, 5_000, 5_000,
    ]);
  });

  it('is by half a matter of chance', () => {
    expect([0, 0.5, 1].map((chance) => pauseAfter(2, chance))).toEqual([100, 150, 200]);
  });
});
