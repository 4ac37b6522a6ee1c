// A way to the event store that takes its time now and then, so that what was read is old when it is acted upon.
import { setTimeout as pause } from 'node:timers/promises';
import type { EventLog } from '../../src/events/event-log.ts';
import type { Random } from './random.ts';

/** The same log, of which every other append arrives up to so many milliseconds late. */
export function slow(log: EventLog, random: Random, milliseconds: number): EventLog {
  return {
    ...log,
    async append(...appended) {
      if (random.below(2) === 0) await pause(random.below(milliseconds));
      return log.append(...appended);
    },
  };
}
