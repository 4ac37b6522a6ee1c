import { expect, it } from 'vitest';
import { createQueue } from './queue.ts';

it('a queue gives what it was given, in order, however much of it', () => {
  const queue = createQueue<number>();
  const taken: (number | undefined)[] = [];
  for (let n = 1; n <= 5_000; n++) {
    queue.push(n);
    if (n % 3 === 0) taken.push(queue.shift());
  }
  for (let next = queue.shift(); next !== undefined; next = queue.shift()) taken.push(next);

  expect(taken).toEqual(Array.from({ length: 5_000 }, (_, index) => index + 1));
});

it('who waits for a queue waits until there is something', async () => {
  const queue = createQueue<string>();
  const filled = queue.filled().then(() => queue.shift());
  queue.push('a');

  expect(await filled).toBe('a');
  queue.push('b');
  await queue.filled();
  expect([queue.shift(), queue.shift()]).toEqual(['b', undefined]);
});
