import type { Position } from '../events/event-log.ts';

/** How far the read model has come, as something one can wait for. */
export interface Progress {
  /** Says that the read model shows everything up to a position; a read model made anew may be behind the last one. */
  announce(position: Position): void;
  /** What was announced last; undefined before that. */
  current(): Position | undefined;
  /** Resolves to true as soon as the position is reached, to false when that takes longer than `timeoutMs`. */
  reached(position: Position, timeoutMs: number): Promise<boolean>;
}

/** Progress of a read model of which nothing is known yet. */
export function createProgress(): Progress {
  let current: Position | undefined;
  const waiters = new Set<{ readonly position: Position; readonly resolve: () => void }>();

  return {
    announce(position) {
      current = position;
      for (const waiter of waiters) {
        if (comparePositions(waiter.position, position) <= 0) waiter.resolve();
      }
    },
    current: () => current,
    reached(position, timeoutMs) {
      if (current !== undefined && comparePositions(position, current) <= 0) return Promise.resolve(true);
      return new Promise((resolve) => {
        const settle = (reached: boolean) => {
          clearTimeout(timer);
          waiters.delete(waiter);
          resolve(reached);
        };
        const timer = setTimeout(() => settle(false), timeoutMs);
        const waiter = { position, resolve: () => settle(true) };
        waiters.add(waiter);
      });
    },
  };
}

/** Negative when `a` stands before `b` in the log, 0 when they are the same place, positive when after it. */
export function comparePositions(a: Position, b: Position): number {
  if (a.commit !== b.commit) return a.commit < b.commit ? -1 : 1;
  if (a.prepare !== b.prepare) return a.prepare < b.prepare ? -1 : 1;
  return 0;
}
