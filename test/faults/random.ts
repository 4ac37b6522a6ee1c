// How often, and at which moments. KILLS=50 makes it long; SEED=<seed of a failure> chooses the same moments again.
import { randomInt } from 'node:crypto';

const { KILLS, SEED } = process.env;

/** The form for every day, beside which other tests run. */
export const isShort = KILLS === undefined;

export const kills = Number(KILLS ?? 3);
/** How often a server is restarted, which takes longer. */
export const restarts = Math.max(3, Math.round(kills / 5));

export const seed = SEED === undefined ? randomInt(2 ** 31) : Number(SEED);

/** Gives a failure the numbers that repeat it. */
export async function sayingTheSeed(test: () => Promise<void>): Promise<void> {
  try {
    await test();
  } catch (error) {
    if (error instanceof Error) error.message += `\nAgain with SEED=${seed} KILLS=${kills}`;
    throw error;
  }
}

export interface Random {
  /** A whole number from 0 to `below` - 1. */
  below(below: number): number;
  /** One of them, if there are any. */
  of<T>(items: readonly T[]): T | undefined;
}

/** Numbers that are the same for the same seed (mulberry32). */
export function randomNumbers(from: number): Random {
  let state = from;
  const below = (limit: number) => Math.floor(next() * limit);
  return { below, of: (items) => items[below(items.length)] };

  function next(): number {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  }
}
