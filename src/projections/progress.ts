import type { Position } from '../events/event-log.ts';
import type { Checkpoint } from './checkpoint.ts';

/** How far the read model has come, as something one can wait for. */
export interface Progress {
  /**
   * Says that the read model shows everything up to a checkpoint. What is older than what was said last changes nothing;
   * a new epoch counts wherever it stands, because a read model made anew may be behind the last one.
   */
  announce(checkpoint: Checkpoint): void;
  /** Says what the table itself holds just now: another database under the same name may begin with a lower epoch. */
  resume(checkpoint: Checkpoint): void;
  /** What was announced last; undefined before that. */
  current(): Position | undefined;
  /** For how many milliseconds no other position has been announced. */
  unmovedFor(): number;
  /**
   * Resolves to true as soon as the position is reached; to false when that takes longer than `timeoutMs`, or when `signal`
   * aborts.
   */
  reached(position: Position, timeoutMs: number, signal?: AbortSignal): Promise<boolean>;
}

interface Waiter {
  readonly position: Position;
  readonly resolve: () => void;
}

/** Progress of a read model of which nothing is known yet. */
export function createProgress(): Progress {
  let last: Checkpoint | undefined;
  let movedAt = performance.now();
  const waiters = new Set<Waiter>();

  return {
    announce(checkpoint) {
      if (last === undefined || isNewer(checkpoint, last)) set(checkpoint);
    },
    resume(checkpoint) {
      if (last === undefined || checkpoint.epoch < last.epoch || isNewer(checkpoint, last)) set(checkpoint);
    },
    current: () => last?.position,
    unmovedFor: () => performance.now() - movedAt,
    reached(position, timeoutMs, signal) {
      if (shows(position)) return Promise.resolve(true);
      if (timeoutMs <= 0 || signal?.aborted) return Promise.resolve(false);
      return new Promise((resolve) => {
        const settle = (reached: boolean) => {
          clearTimeout(timer);
          signal?.removeEventListener('abort', giveUp);
          waiters.delete(waiter);
          resolve(reached);
        };
        const giveUp = () => settle(false);
        const timer = setTimeout(giveUp, timeoutMs);
        const waiter = { position, resolve: () => settle(true) };
        signal?.addEventListener('abort', giveUp, { once: true });
        waiters.add(waiter);
      });
    },
  };

  function set(checkpoint: Checkpoint): void {
    last = checkpoint;
    movedAt = performance.now();
    for (const waiter of waiters) {
      if (shows(waiter.position)) waiter.resolve();
    }
  }

  function shows(position: Position): boolean {
    return last?.position !== undefined && comparePositions(position, last.position) <= 0;
  }
}

function isNewer({ epoch, position }: Checkpoint, than: Checkpoint): boolean {
  if (epoch !== than.epoch) return epoch > than.epoch;
  if (position === undefined) return false;
  return than.position === undefined || comparePositions(position, than.position) > 0;
}

/** Negative when `a` stands before `b` in the log, 0 when they are the same place, positive when after it. */
export function comparePositions(a: Position, b: Position): number {
  if (a.commit !== b.commit) return a.commit < b.commit ? -1 : 1;
  if (a.prepare !== b.prepare) return a.prepare < b.prepare ? -1 : 1;
  return 0;
}
