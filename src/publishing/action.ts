import type { Context } from '../context.ts';
import type { EventLog } from '../events/event-log.ts';
import type { Bus } from './bus.ts';

/** Something one may do with what is published: `npm run publishing -- <name>`. */
export interface Action {
  readonly help: string;
  /** @throws Error with a message for people; the process then ends with 1 */
  readonly run: (context: Context, log: EventLog, bus: Bus) => Promise<void>;
}
