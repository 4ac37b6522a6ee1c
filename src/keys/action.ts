import type { Context, OpenLog, Server } from '../context.ts';

/** Something one may do with encryption keys: `npm run keys -- <name>`. */
export interface Action {
  readonly help: string;
  readonly servers: readonly Server[];
  /** @throws Error with a message for people; the process then ends with 1 */
  readonly run: (context: Context, openLog: OpenLog) => Promise<void>;
}
