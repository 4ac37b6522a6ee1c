// Fills a new read model from the whole log.
import type { Logger } from 'pino';
import type { EventLog, Position } from '../events/event-log.ts';
import { createProgress } from './progress.ts';
import { project } from './projector.ts';

export interface RebuildOptions {
  /** A migrated database that no projector works on. */
  readonly databaseUrl: string;
  readonly eventLog: EventLog;
  readonly logger: Logger;
  /** Ends the rebuild before its time: it then returns with what it has written. */
  readonly signal: AbortSignal;
  /** Told after every commit. */
  readonly onProgress: (rebuilt: Rebuilt) => void;
}

/** What the tables show by now. */
export interface Rebuilt {
  readonly events: number;
  /** Undefined before the first commit. */
  readonly position: Position | undefined;
}

/**
 * Writes everything that the log holds into the tables, and returns when it has reached the live end.
 *
 * @throws whatever stops the projector: unlike a service, it does not wait for things to mend
 */
export async function rebuild({ databaseUrl, eventLog, logger, signal, onProgress }: RebuildOptions): Promise<Rebuilt> {
  const complete = new AbortController();
  let rebuilt: Rebuilt = { events: 0, position: undefined };
  await project(
    { databaseUrl, eventLog, progress: createProgress(), logger },
    {
      signal: AbortSignal.any([signal, complete.signal]),
      standingBy: () => {
        throw new Error('A projector works on the database that is to be filled.');
      },
      committed: ({ events, unknown, position, caughtUp }) => {
        rebuilt = {
          events: rebuilt.events + events.length + unknown.length,
          position: position ?? rebuilt.position,
        };
        onProgress(rebuilt);
        if (caughtUp) complete.abort();
      },
    },
  );
  return rebuilt;
}
