// A map that forgets what was not used for long: two generations, of which the older is dropped when the younger is
// full. (One map in order of use costs more and more per insertion: V8 walks over what was deleted from its front.)

/** Holds at most `capacity` entries, and always the `capacity / 2` that were used last. `undefined` counts as no value. */
export function bounded<K, V>(capacity: number) {
  let young = new Map<K, V>();
  let old = new Map<K, V>();

  function set(key: K, value: V): void {
    young.set(key, value);
    if (young.size < capacity / 2) return;
    old = young;
    young = new Map();
  }

  /** Counts as use. */
  function get(key: K): V | undefined {
    const value = young.get(key);
    if (value !== undefined) return value;
    const older = old.get(key);
    if (older !== undefined) set(key, older);
    return older;
  }

  function clear(): void {
    young = new Map();
    old = new Map();
  }

  return { get, set, clear };
}
