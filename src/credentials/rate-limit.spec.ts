import { expect, it } from 'vitest';
import { createRateLimit } from './rate-limit.ts';

it('gives what a full bucket holds at once, then at a steady rate', () => {
  const limit = createRateLimit(3);
  expect([1, 2, 3].map(() => limit.take('a', 0))).toEqual([0, 0, 0]);
  expect(limit.take('a', 0)).toBe(20_000);
  expect(limit.take('a', 15_000)).toBe(5_000);
  expect(limit.take('a', 20_000)).toBe(0);
  expect(limit.take('a', 20_001)).toBe(19_999);
});

it('fills a bucket to its rim and no further', () => {
  const limit = createRateLimit(2);
  limit.take('a', 0);
  const day = 86_400_000;
  expect([1, 2, 3].map(() => limit.take('a', day))).toEqual([0, 0, 30_000]);
});

it('has a bucket for each name', () => {
  const limit = createRateLimit(1);
  expect([limit.take('a', 0), limit.take('b', 0), limit.take('a', 0)]).toEqual([0, 0, 60_000]);
});

it('gives nothing more when the clock goes back', () => {
  const limit = createRateLimit(1);
  limit.take('a', 60_000);
  expect(limit.take('a', 0)).toBe(60_000);
});

it('forgets who has not asked for long rather than grow without end', () => {
  const limit = createRateLimit(1);
  limit.take('first', 0);
  for (let index = 0; index < 10_000; index++) limit.take(`name ${index}`, 0);
  expect(limit.take('first', 0)).toBe(0);
});
