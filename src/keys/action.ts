import type { Context, Server } from '../context.ts';
import type { EventLog } from '../events/event-log.ts';

/** Something one may do with encryption keys: `npm run keys -- <name>`. */
export interface Action {
  readonly help: string;
  readonly servers: readonly Server[];
  /** @throws Error with a message for people; the process then ends with 1 */
  readonly run: (context: Context, openLog: OpenLog) => Promise<void>;
}

/** Connects to the event store, for an action that needs it. */
export type OpenLog = () => EventLog & AsyncDisposable;
