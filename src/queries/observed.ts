// What is observed of a gateway, for the answers to commands: these need no tables, and do without it while there are none.
import { pauseFor } from '../infrastructure/lifecycle.ts';
import { isUnavailable, type Pool } from '../infrastructure/postgres.ts';
import type { Observed } from '../resources/gateway.ts';
import { findObserved } from './gateways.ts';

/**
 * Looks it up, and waits for so many milliseconds at most. What it makes resolves with undefined when the tables are away or
 * do not answer in time.
 */
export function createObserver(pool: Pool, patience: number): (gateway: string) => Promise<Observed | undefined> {
  return async (gateway) => {
    const answered = new AbortController();
    try {
      const tooLate = pauseFor(patience, answered.signal).then(() => undefined);
      return await Promise.race([foundOrAway(gateway), tooLate]);
    } finally {
      answered.abort();
    }
  };

  async function foundOrAway(gateway: string): Promise<Observed | undefined> {
    try {
      return await findObserved(pool, gateway);
    } catch (error) {
      if (isUnavailable(error)) return undefined;
      throw error;
    }
  }
}
