// The servers of one data directory, each by itself: joined when another process runs it, else started and owned.
import { mkdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { eventStoreAnswers, startEventStoreProcess } from './event-store-process.ts';
import { joinOrStart, type ServerKind, type UsedServer } from './join-or-start.ts';
import { natsAnswers, startNats } from './nats.ts';
import { postgresAnswers, startPostgres } from './postgres.ts';
import { takingOver } from './take-over.ts';

export type Server = 'eventStore' | 'postgres' | 'nats';

export interface StackOptions {
  readonly dataDir: string;
  readonly servers: readonly Server[];
  /** Ports that must be used; a server without one gets the port of its last run when free, else any free one. */
  readonly ports?: Partial<Readonly<Record<Server, number>>>;
  /** Whether a joined server is started here when its owner ends. Without it, it goes away for good. */
  readonly takesOver?: boolean;
  readonly log: (message: string) => void;
}

export interface Stack {
  /** The URL of each server that was asked for. */
  readonly urls: Readonly<Partial<Record<Server, string>>>;
  /** Those that this process started at first, and stops. */
  readonly owned: readonly Server[];
  /**
   * Rejects, naming the server, when one that this process started ends without stop(), or one that it was to take over
   * cannot be started; never resolves.
   */
  readonly failure: Promise<never>;
  /** Stops what this process started, in reverse order; leaves what it joined. */
  stop(): Promise<void>;
}

const kinds: Readonly<Record<Server, ServerKind>> = {
  eventStore: {
    name: 'event-store',
    title: 'The event store',
    start: startEventStoreProcess,
    answers: ({ port }) => eventStoreAnswers(port),
  },
  postgres: {
    name: 'postgres',
    title: 'Postgres',
    start: startPostgres,
    answers: ({ url, instance }) => postgresAnswers(url, instance),
  },
  nats: {
    name: 'nats',
    title: 'NATS',
    start: startNats,
    answers: ({ port, instance }) => natsAnswers(port, instance),
  },
};

/**
 * Joins or starts the servers on a data directory. A joined server goes away when its owner stops it: connections to it
 * break, as with a server that runs elsewhere, and `failure` says nothing. Who takes over starts it on the same port a
 * moment later. Rejects with a message for people when a server cannot be had; what it had started by then is stopped.
 */
export async function useStack(options: StackOptions): Promise<Stack> {
  makeFolders(resolve(options.dataDir));
  const attempts = await Promise.allSettled(options.servers.map((server) => use(server, options)));
  const used = attempts.flatMap((attempt) => (attempt.status === 'fulfilled' ? [attempt.value] : []));
  const failed = attempts.find((attempt) => attempt.status === 'rejected');
  if (failed) {
    await stopAll(used);
    throw failed.reason;
  }
  return {
    urls: Object.fromEntries(options.servers.map((server, index) => [server, used[index]?.url])),
    owned: options.servers.filter((_, index) => used[index]?.owned),
    failure: failureOf(used),
    stop: () => stopAll(used),
  };
}

async function use(server: Server, { dataDir, ports, takesOver = false, log }: StackOptions): Promise<UsedServer> {
  const [kind, folder] = [kinds[server], resolve(dataDir)];
  const used = await joinOrStart(kind, folder, ports?.[server], log);
  return takesOver && !used.owned ? takingOver(kind, folder, used, log) : used;
}

function makeFolders(dataDir: string): void {
  try {
    // Nobody else's business: the log holds addresses and sealed passwords.
    mkdirSync(dataDir, { recursive: true, mode: 0o700 });
    mkdirSync(join(dataDir, 'run'), { recursive: true });
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new Error(
      `Cannot write to the data directory ${dataDir} (${reason}). Change its owner, or name another one in DATA_DIR.`,
      { cause: error },
    );
  }
}

function failureOf(servers: readonly UsedServer[]): Promise<never> {
  const failure = Promise.race(servers.map((server) => server.died)).then((error) => {
    throw error;
  });
  // Whoever does not listen does not want to be ended by it.
  failure.catch(() => undefined);
  return failure;
}

async function stopAll(servers: readonly UsedServer[]): Promise<void> {
  for (const server of servers.toReversed()) await server.stop();
}
