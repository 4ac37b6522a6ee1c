// Group commit: writes that arrive in one turn of the event loop are decided one after the other, committed in one
// transaction and answered after it, so that many writers share one sync of the disk.

import { setImmediate } from 'node:timers';
import type { Log, WriteEvent } from './log.ts';

/** Decides what to write, given what the writes before it have written, and writes it. */
type Write<Outcome> = (write: WriteEvent) => Outcome;

interface Pending<Outcome> extends Pick<PromiseWithResolvers<Outcome>, 'resolve' | 'reject'> {
  readonly write: Write<Outcome>;
}

const writesPerCommit = 1_024;

/**
 * The one way to write to a log. `committed` is called after each commit, once its writers have their answers under way,
 * `failed` after one that failed.
 */
export function commitQueueOn<Outcome>(log: Log, committed: () => void, failed: () => void) {
  let queue: Pending<Outcome>[] = [];
  let scheduled = false;
  let closed = false;

  /** Resolves when the write is durable. Rejects, with nothing written, when the commit fails or the queue is closed. */
  function submit(write: Write<Outcome>): Promise<Outcome> {
    return new Promise((resolve, reject) => {
      if (closed) return reject(new Error('The event store is shutting down.'));
      queue.push({ write, resolve, reject });
      schedule();
    });
  }

  function schedule(): void {
    if (scheduled) return;
    scheduled = true;
    setImmediate(commitPending);
  }

  function commitPending(): void {
    scheduled = false;
    const group = queue.slice(0, writesPerCommit);
    queue = queue.slice(writesPerCommit);
    if (group.length === 0) return;
    if (queue.length > 0) schedule();
    const outcomes: Outcome[] = [];
    try {
      log.transact((write) => {
        for (const pending of group) outcomes.push(pending.write(write));
      });
    } catch (error) {
      failed();
      for (const { reject } of group) reject(error);
      return;
    }
    for (const [index, { resolve }] of group.entries()) resolve(outcomes[index] as Outcome);
    committed();
  }

  /** Commits what waits. */
  function flush(): void {
    while (queue.length > 0) commitPending();
  }

  /** Commits what waits and refuses what comes. */
  function close(): void {
    closed = true;
    flush();
  }

  return { submit, flush, close };
}
