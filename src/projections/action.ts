import type { Context } from '../context.ts';
import type { EventLog } from '../events/event-log.ts';

/** Something one may do with the read model while the service runs: `npm run projections -- <name>`. */
export interface Action {
  /** What stands behind the name of the action on the command line; empty when nothing does. */
  readonly takes: string;
  readonly help: string;
  /** @throws Error with a message for people; the process then ends with 1 */
  readonly run: (context: Context, eventLog: EventLog, words: readonly string[]) => Promise<void>;
}
