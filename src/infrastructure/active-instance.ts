// What one instance does while others stand by: it holds an advisory lock, on the connection that it works on. Who stands by is
// well; but who has just failed as the active one is well as a standby only when another one has been active for a while, or
// instances that all fail would take turns and never look ill.
import type { Logger } from 'pino';
import { advisoryLock, type KeptSession } from './advisory-lock.ts';
import { type Connection, connect } from './postgres.ts';

export interface ActiveInstanceOptions {
  /** Of the part, and of its lock. */
  readonly name: string;
  readonly databaseUrl: string;
  readonly logger: Logger;
  /** Ends it, whether it works or stands by. */
  readonly signal: AbortSignal;
  /** Told that it does what it should: as a standby here, else by the work itself. */
  readonly alive: () => void;
  /** Whether it has failed as the active one. */
  readonly hasFailed: boolean;
  /** How long another one has to be active, in milliseconds, until who has failed is well as a standby. Default 10,000. */
  readonly provenMs?: number;
  /** Sends queries without waiting for the answers to earlier ones. */
  readonly pipeline?: boolean;
  /** How long the work may go on when `signal` has aborted, in milliseconds; two seconds unless it is given. */
  readonly goodbye?: number;
}

/**
 * Waits for its turn, however long that takes, and then works; returns when the work does, or when `signal` aborts first.
 *
 * @param work done on a session that holds the lock; `lost` aborts when it holds it no more
 * @throws what the work throws, and what `isUnavailable` tells apart
 */
export async function whileActive(
  {
    name,
    databaseUrl,
    logger,
    signal,
    alive,
    hasFailed,
    provenMs = 10_000,
    pipeline = false,
    goodbye,
  }: ActiveInstanceOptions,
  work: (connection: Connection, lost: AbortSignal) => Promise<void>,
): Promise<void> {
  await using connection = await connect({
    databaseUrl,
    name: `registry ${name}`,
    pipeline,
    timeoutMs: 15_000,
    signal,
    ...(goodbye !== undefined && { goodbye }),
  });
  using session = await takeTurn();
  if (session !== undefined) await work(connection, session.lost);

  async function takeTurn(): Promise<KeptSession | undefined> {
    using waiting = new DisposableStack();
    const standingBy = () => {
      logger.info(`another ${name} is active; standing by`);
      if (hasFailed) waiting.use(aliveLater(alive, provenMs));
      else alive();
    };
    return await advisoryLock(name).take(connection, { databaseUrl, signal, standingBy });
  }
}

function aliveLater(alive: () => void, milliseconds: number): Disposable {
  const timer = setTimeout(alive, milliseconds);
  return { [Symbol.dispose]: () => clearTimeout(timer) };
}
