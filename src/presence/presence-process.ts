// The presence of gateways as a part of the service that runs: one active instance hears all heartbeats, the others stand by.
import type { GatewayId } from '../events/ids.ts';
import { whileActive } from '../infrastructure/active-instance.ts';
import { type Loop, type LoopHealth, type LoopOptions, startLoop } from '../infrastructure/lifecycle.ts';
import { type LifeOptions, live } from './life.ts';

export interface PresenceOptions extends LifeOptions {
  readonly databaseUrl: string;
  readonly backoff?: LoopOptions['backoff'];
}

const name = 'presence';

/** In so many milliseconds the last heartbeats of 50,000 gateways are noted when it is told to end. */
const goodbye = 4_000;

export interface PresenceHealth extends Omit<LoopHealth, 'status'> {
  /** `degraded`: it works, but there are gateways of whose presence the log cannot be read. */
  readonly status: LoopHealth['status'] | 'degraded';
  /** How many; only while it is degraded. */
  readonly parked?: number;
}

export interface Presence extends Omit<Loop, 'health'> {
  health(): PresenceHealth;
}

/** Starts to hear heartbeats, or to stand by as long as another instance does so on the same database. */
export function startPresence(options: PresenceOptions): Presence {
  const { databaseUrl, logger, backoff } = options;
  const unreadable = new Set<GatewayId>();
  let hasFailed = false;
  const loop = startLoop({
    name,
    logger,
    run: (signal, alive) =>
      whileActive(
        { name, databaseUrl, logger, signal, alive, hasFailed, pipeline: true, goodbye },
        async (connection, lost) => {
          // Until it has ticked it counts as failed: else what always fails would never be seen to.
          hasFailed = true;
          try {
            await live(options, connection, unreadable, AbortSignal.any([signal, lost]), () => {
              hasFailed = false;
              alive();
            });
          } finally {
            unreadable.clear();
          }
          if (!signal.aborted) lost.throwIfAborted();
        },
      ),
    ...(backoff && { backoff }),
  });
  const health = (): PresenceHealth => {
    const told = loop.health();
    if (told.status !== 'running' || unreadable.size === 0) return told;
    return { ...told, status: 'degraded', parked: unreadable.size };
  };
  return { ...loop, health };
}
