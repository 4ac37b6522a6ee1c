import type { Context, Server } from '../context.ts';
import type { EventLog } from '../events/event-log.ts';

/** Something an operator does for connectors: `npm run credentials -- <name>`. */
export interface Action {
  readonly help: string;
  /** Most need none. */
  readonly servers: readonly Server[];
  /**
   * @param words what stands behind the name
   * @throws Error with a message for people; the process then ends with 1
   */
  readonly run: (words: readonly string[], context: Context, openLog: OpenLog) => Promise<void>;
}

/** Connects to the event store, for an action that needs it. */
export type OpenLog = () => EventLog & AsyncDisposable;
