// A server that was joined ends with its owner. Who wants to stay up starts it anew then, on the same port, so that all
// that knows its URL finds it again.
import { setTimeout as delay } from 'node:timers/promises';
import { isOwned, joinOrStart, type ServerKind, type UsedServer } from './join-or-start.ts';
import { once } from './once.ts';

/** How often a look is taken whether the owner is there still, in milliseconds: about as long as clients take to come back. */
const pauseMs = 500;

/**
 * A joined server that is started here when its owner lets go of it. `died` then tells of its end here, or why it could
 * not be started: another program has its port by then, say.
 */
export function takingOver(
  kind: ServerKind,
  dataDir: string,
  joined: UsedServer,
  log: (message: string) => void,
): UsedServer {
  const stopping = new AbortController();
  let used = joined;
  const watching = watch();
  return {
    ...joined,
    died: watching.then((failure) => failure ?? used.died),
    stop: once(async () => {
      stopping.abort();
      await watching;
      await used.stop();
    }),
  };

  /** Ends when the server is ours, when it cannot be, or when nobody wants it any more. */
  async function watch(): Promise<Error | undefined> {
    const { signal } = stopping;
    try {
      while (!used.owned) {
        await delay(pauseMs, undefined, { signal });
        if (isOwned(kind, dataDir)) continue;
        log(`${kind.title}: the command that ran it has ended; it is started here`);
        used = await joinOrStart(kind, dataDir, joined.port, log);
      }
      return undefined;
    } catch (error) {
      if (signal.aborted) return undefined;
      return error instanceof Error ? error : new Error(String(error));
    }
  }
}
