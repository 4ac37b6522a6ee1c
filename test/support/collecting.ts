// What an iteration gives, collected beside the test.
import { eventually } from './eventually.ts';

export interface Collecting<Item> extends AsyncDisposable {
  /** All that has come so far. */
  readonly items: readonly Item[];
  /** What has ended it, if an error has. */
  error(): unknown;
  /** Resolves when as many have come, to all of them. */
  count(count: number): Promise<readonly Item[]>;
}

/**
 * Iterates until the scope ends.
 *
 * @param start gets a signal that aborts when the scope ends
 */
export function collecting<Item>(start: (signal: AbortSignal) => AsyncIterable<Item>): Collecting<Item> {
  const stopping = new AbortController();
  const items: Item[] = [];
  let error: unknown;
  const ended = collect().catch((thrown: unknown) => {
    error = thrown;
  });
  return {
    items,
    error: () => error,
    async count(count) {
      await eventually(() => {
        if (error !== undefined) throw error;
        if (items.length < count)
          throw new Error(`${items.length} of ${count} have come, last ${JSON.stringify(items.at(-1))}`);
      });
      return items;
    },
    async [Symbol.asyncDispose]() {
      stopping.abort();
      await ended;
    },
  };

  async function collect(): Promise<void> {
    for await (const item of start(stopping.signal)) items.push(item);
  }
}
