// So many gateways are logged in to at once, and no more: a registry with thousands of them shall not be asked for all passwords
// in one go. First come, first served.

export interface Gate {
  /**
   * Calls `start` as soon as there is a place, at once when there is one.
   *
   * @returns leaves the place, or the queue; to call it again does nothing
   */
  enter(start: () => void): () => void;
  /** Lets nobody in for some milliseconds; those who are in are not disturbed. */
  pause(milliseconds: number): void;
}

export function createGate(places: number): Gate {
  const queue = new Set<() => void>();
  let free = places;
  // Counted, and not compared with a clock: a timer may be a part of a millisecond early by that, and nobody would ask again.
  let pauses = 0;

  return {
    enter(start) {
      // One of its own for each entry: the same function may be given twice.
      const entry = () => start();
      queue.add(entry);
      let left = false;
      admit();
      return () => {
        if (left) return;
        left = true;
        if (queue.delete(entry)) return;
        free += 1;
        admit();
      };
    },
    pause(milliseconds) {
      pauses += 1;
      const end = () => {
        pauses -= 1;
        admit();
      };
      // Who still waits when the process ends does not keep it.
      setTimeout(end, milliseconds).unref();
    },
  };

  function admit(): void {
    for (const entry of queue) {
      if (free === 0 || pauses > 0) return;
      queue.delete(entry);
      free -= 1;
      entry();
    }
  }
}
