// How the service's long-running parts live: each is a loop that runs until it is told to stop. A loop that
// fails says so, waits with capped, jittered back-off and starts again from where its own checkpoint says.
import { setTimeout as delay } from 'node:timers/promises';
import type { Logger } from 'pino';

export interface LoopHealth {
  readonly name: string;
  readonly status: 'starting' | 'running' | 'failing' | 'stopped';
  /** What made it fail last; only while it is failing. */
  readonly error?: string;
}

export interface Loop {
  health(): LoopHealth;
  /** Resolves when the loop has ended; calling it again waits for the same end. */
  stop(): Promise<void>;
}

export interface LoopOptions {
  readonly name: string;
  readonly logger: Logger;
  /**
   * One life of the loop: works until `signal` aborts, then returns; throws when it cannot go on. It calls
   * `alive` once it does its work, which ends the back-off.
   */
  readonly run: (signal: AbortSignal, alive: () => void) => Promise<void>;
  /** Back-off in milliseconds: the first pause, and the longest. */
  readonly backoff?: { readonly first: number; readonly longest: number };
}

const defaultBackoff = { first: 100, longest: 5_000 };

/** Starts a loop that is restarted, with back-off, for as long as it is not stopped. */
export function startLoop({ name, logger, run, backoff = defaultBackoff }: LoopOptions): Loop {
  const stopping = new AbortController();
  let health: LoopHealth = { name, status: 'starting' };
  let failures = 0;

  const alive = () => {
    if (health.status === 'failing') logger.info({ loop: name }, `${name} works again`);
    failures = 0;
    health = { name, status: 'running' };
  };

  const ended = live();
  return {
    health: () => health,
    stop: () => {
      stopping.abort();
      return ended;
    },
  };

  async function live(): Promise<void> {
    while (!stopping.signal.aborted) {
      await liveOnce();
    }
    health = { name, status: 'stopped' };
  }

  async function liveOnce(): Promise<void> {
    try {
      await run(stopping.signal, alive);
      if (!stopping.signal.aborted) throw new Error(`${name} ended without being told to`);
    } catch (error) {
      if (stopping.signal.aborted) return;
      const pause = jittered(Math.min(backoff.longest, backoff.first * 2 ** failures));
      failures += 1;
      const reason = reasonOf(error);
      // A stack once; then a line each time, so that an hour without a store does not bury the rest of the log.
      if (health.error === reason) logger.warn({ loop: name, pause }, `${name} failed again (${reason})`);
      else logger.error({ loop: name, err: error, pause }, `${name} failed and starts again in ${pause} ms`);
      health = { name, status: 'failing', error: reason };
      await pauseFor(pause, stopping.signal);
    }
  }
}

/** An error may come without a message, as Node's AggregateError of a refused connection does: then its name has to do. */
function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message || error.name : String(error);
}

function jittered(milliseconds: number): number {
  return Math.round(milliseconds * (0.5 + Math.random() / 2));
}

/** Waits for an end, so long at most; tells whether it has come. What comes later is nobody's business. */
export async function endsWithin(milliseconds: number, ended: Promise<unknown>): Promise<boolean> {
  const waiting = new AbortController();
  try {
    return await Promise.race([ended.then(() => true), pauseFor(milliseconds, waiting.signal).then(() => false)]);
  } finally {
    waiting.abort();
  }
}

/** Waits for some milliseconds, or until the signal aborts. */
export async function pauseFor(milliseconds: number, signal: AbortSignal): Promise<void> {
  await delay(milliseconds, undefined, { signal }).catch((error: unknown) => {
    if (!signal.aborted) throw error;
  });
}
