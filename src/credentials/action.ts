import type { Context, OpenLog, Server } from '../context.ts';

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
