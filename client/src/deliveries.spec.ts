import { describe, expect, it } from 'vitest';
import { createDeliveries } from './deliveries.ts';

describe('others may have had messages', () => {
  it.each([
    ['not while one comes after the other', [once(4), once(5), once(6)], [true, true, true]],
    ['between two that do not', [once(4), once(6), once(7)], [true, false, true]],
    ['not when the same one comes again', [once(4), { delivery: 5, times: 2 }, once(6)], [true, true, true]],
    ['not when the next one was lost on its way', [once(4), { delivery: 7, times: 3 }], [true, true]],
    ['before one that was handed out again', [once(4), { delivery: 7, times: 2 }], [true, false]],
    ['when somebody has made the consumer anew', [once(4), once(1)], [true, false]],
  ])('%s', (_, messages, expected) => {
    const deliveries = createDeliveries();

    expect(messages.map((message) => deliveries.take(message))).toEqual(expected);
  });

  it('not when we have made it anew, and had all since', () => {
    const deliveries = createDeliveries();
    deliveries.take(once(4));
    deliveries.begin();

    expect([once(1), once(2)].map((message) => deliveries.take(message))).toEqual([true, true]);
  });

  it('when we have made it anew, and its first messages went elsewhere', () => {
    const deliveries = createDeliveries();
    deliveries.take(once(4));
    deliveries.begin();

    expect(deliveries.take(once(3))).toBe(false);
  });
});

function once(delivery: number) {
  return { delivery, times: 1 };
}
