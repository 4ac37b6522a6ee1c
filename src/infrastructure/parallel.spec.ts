import { describe, expect, it } from 'vitest';
import { inParallel } from './parallel.ts';

describe('work in parallel', () => {
  it('is begun in the order of its items, so many at a time', async () => {
    const { begun, end, work } = recordedWork();
    const all = inParallel(['a', 'b', 'c', 'd'], 2, new AbortController().signal, work);
    expect(begun).toEqual(['a', 'b']);
    await end('b');
    expect(begun).toEqual(['a', 'b', 'c']);
    await end('c');
    expect(begun).toEqual(['a', 'b', 'c', 'd']);
    await end('a');
    await end('d');
    await all;
  });

  it('has not ended before all of it has', async () => {
    const { end, work } = recordedWork();
    const ended = settling(inParallel(['a', 'b'], 2, new AbortController().signal, work));
    await end('b');
    expect(ended.outcome()).toBe('pending');
    await end('a');
    expect(ended.outcome()).toBe('done');
  });

  it('needs no items', async () => {
    const { begun, work } = recordedWork();
    await inParallel([], 2, new AbortController().signal, work);
    expect(begun).toEqual([]);
  });

  it('that fails throws when what is under way has ended, and begins no more', async () => {
    const { begun, end, fail, work } = recordedWork();
    const ended = settling(inParallel(['a', 'b', 'c', 'd'], 2, new AbortController().signal, work));
    await fail('b', 'b is broken');
    expect(ended.outcome()).toBe('pending');
    await end('a');
    expect(ended.outcome()).toEqual(new Error('b is broken'));
    expect(begun).toEqual(['a', 'b']);
  });

  it('that fails twice throws what failed first', async () => {
    const { fail, work } = recordedWork();
    const ended = settling(inParallel(['a', 'b'], 2, new AbortController().signal, work));
    await fail('b', 'b is broken');
    await fail('a', 'a is broken');
    expect(ended.outcome()).toEqual(new Error('b is broken'));
  });

  it('that is aborted throws the reason when what is under way has ended, and begins no more', async () => {
    const { begun, end, work } = recordedWork();
    const stopping = new AbortController();
    const ended = settling(inParallel(['a', 'b', 'c', 'd'], 2, stopping.signal, work));
    stopping.abort(new Error('the service stops'));
    await end('a');
    expect(ended.outcome()).toBe('pending');
    await end('b');
    expect(ended.outcome()).toEqual(new Error('the service stops'));
    expect(begun).toEqual(['a', 'b']);
  });

  it('is not begun after an abort', async () => {
    const { begun, work } = recordedWork();
    const reason = new Error('the service stops');
    await expect(inParallel(['a', 'b'], 2, AbortSignal.abort(reason), work)).rejects.toBe(reason);
    expect(begun).toEqual([]);
  });
});

/** Work that ends, or fails, when it is told to. */
function recordedWork() {
  const begun: string[] = [];
  const underWay = new Map<string, PromiseWithResolvers<void>>();
  return {
    begun,
    work(item: string): Promise<void> {
      begun.push(item);
      const piece = Promise.withResolvers<void>();
      underWay.set(item, piece);
      return piece.promise;
    },
    async end(item: string): Promise<void> {
      underWay.get(item)?.resolve();
      await allThatFollows();
    },
    async fail(item: string, message: string): Promise<void> {
      underWay.get(item)?.reject(new Error(message));
      await allThatFollows();
    },
  };
}

function settling(promise: Promise<void>) {
  let outcome: unknown = 'pending';
  promise.then(
    () => {
      outcome = 'done';
    },
    (error: unknown) => {
      outcome = error;
    },
  );
  return { outcome: () => outcome };
}

/** Everything that follows from a settled promise has run before the next turn of the event loop. */
async function allThatFollows(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
}
