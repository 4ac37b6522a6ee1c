/** What has come and was not taken yet, in order. */
export interface Queue<Item> {
  push(item: Item): void;
  /** The oldest; undefined when there is none. */
  shift(): Item | undefined;
  /** Resolves when there is something. One may wait at a time. */
  filled(): Promise<void>;
}

/** So many are removed in one go: to remove one moves all that stand behind it. */
const block = 1_000;

export function createQueue<Item>(): Queue<Item> {
  const items: Item[] = [];
  let taken = 0;
  let wake = Promise.withResolvers<void>();
  return {
    push(item) {
      items.push(item);
      wake.resolve();
    },
    shift() {
      const item = items[taken];
      if (item === undefined) return undefined;
      taken += 1;
      if (taken === items.length || taken === block) {
        items.splice(0, taken);
        taken = 0;
      }
      return item;
    },
    filled() {
      if (items.length > taken) return Promise.resolve();
      wake = Promise.withResolvers();
      return wake.promise;
    },
  };
}
