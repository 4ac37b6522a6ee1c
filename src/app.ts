// The composition root: what the service is made of, in the order in which it starts. It stops in reverse, the loops at
// the same time.
import type { Logger } from 'pino';
import { createApi } from './api.ts';
import { createAggregateCache } from './commands/aggregate-cache.ts';
import type { CommandDependencies } from './commands/handler.ts';
import { createIdempotencyKeys } from './commands/idempotency.ts';
import { type CredentialServiceOptions, startCredentialService } from './credentials/service.ts';
import { EventLogUnavailable } from './events/event-log.ts';
import type { GatewayId } from './events/ids.ts';
import { listen } from './http/listen.ts';
import { createEncryption } from './infrastructure/encryption.ts';
import { connectEventStore } from './infrastructure/event-store.ts';
import { idempotencySecretsOf, type KeyRing } from './infrastructure/key-ring.ts';
import { endsWithin } from './infrastructure/lifecycle.ts';
import { connectNats } from './infrastructure/nats.ts';
import { createPool, isUnavailable } from './infrastructure/postgres.ts';
import { refuseWrongKey, tellOfClosedPasswords } from './keys/at-start.ts';
import { startPresence } from './presence/presence-process.ts';
import { startCascade } from './processes/cascade-process.ts';
import { startListener } from './projections/announcements.ts';
import { createProgress } from './projections/progress.ts';
import { startProjector } from './projections/projector.ts';
import { createReadiness } from './projections/readiness.ts';
import { startMirror } from './publishing/mirror.ts';
import { startPublisher } from './publishing/publisher.ts';
import { hasActiveChildren } from './queries/children.ts';
import { findGatewayPassword } from './queries/gateways.ts';
import { createObserver } from './queries/observed.ts';

export interface AppOptions {
  readonly host: string;
  readonly port: number;
  readonly eventStoreUrl: string;
  readonly databaseUrl: string;
  readonly databasePool: { readonly min: number; readonly max: number };
  readonly natsUrl: string;
  readonly natsStreamMaxBytes?: number | undefined;
  readonly encryptionKeys: KeyRing;
  /** Whose tokens let connectors read passwords, and how often; left out, nobody is answered. */
  readonly credentials?: Pick<CredentialServiceOptions, 'verifyingKeys' | 'rates'> | undefined;
  readonly corsOrigins: readonly string[];
  readonly version: string;
  readonly logger: Logger;
}

export interface App extends AsyncDisposable {
  /** Where it listens: `http://127.0.0.1:3000`. */
  readonly url: string;
  /**
   * The password of a gateway in plain text, as the read model knows it; undefined when there is no such gateway. It
   * is for use inside the process and reaches no route.
   *
   * @throws DecryptionError when it was altered or sealed with a key that is not in the ring
   */
  gatewayPassword(id: GatewayId): Promise<string | undefined>;
}

/** Some ten thousand gateways of ordinary size. */
const aggregateCacheBytes = 64 * 1024 * 1024;

/** Long enough for a slow command, short enough that a dead one does not keep a device id for long. In milliseconds. */
const reservationGrace = 10_000;

/** So long the answer to a command waits for what is observed of its gateway, in milliseconds. */
const observationPatience = 1_000;

/** So long requests and loops are waited for when the service stops; then the stores are given up. In milliseconds. */
const stopGrace = 2_000;

/** And so long everything: `docker stop` kills after ten seconds. */
const longestStop = 6_000;

/**
 * Starts the service and returns when it answers requests.
 *
 * @throws CannotListen, or Error when the first key is not the one that its id was given to; a store that is away is no
 * error
 */
export async function startApp(options: AppOptions): Promise<App> {
  const { logger } = options;
  await using starting = new AsyncDisposableStack();

  const encryption = createEncryption(options.encryptionKeys);
  const impatience = new AbortController();
  const eventStore = starting.adopt(
    connectEventStore({ url: options.eventStoreUrl, impatience: impatience.signal }),
    (store) => store.close(),
  );
  const pool = starting.adopt(
    createPool({
      databaseUrl: options.databaseUrl,
      logger,
      poolMin: options.databasePool.min,
      poolMax: options.databasePool.max,
      impatience: impatience.signal,
    }),
    (connections) => connections.end(),
  );
  const look = { pool, ring: options.encryptionKeys, logger };
  await refuseWrongKey(look);
  void tellOfClosedPasswords(look);
  const nats = starting.adopt(connectNats({ url: options.natsUrl, name: 'gateway-registry', logger }), (connection) =>
    connection.close(),
  );

  const progress = createProgress();
  const projector = starting.adopt(
    startProjector({ databaseUrl: options.databaseUrl, eventLog: eventStore, progress, logger }),
    (loop) => loop.stop(),
  );
  // The positions of a projector in another process; those of this one are announced without a detour.
  const listener = starting.adopt(startListener({ databaseUrl: options.databaseUrl, progress, logger }), (loop) =>
    loop.stop(),
  );
  const readModelReaches = progress.reached;
  const commands: CommandDependencies = {
    log: eventStore,
    cache: createAggregateCache(aggregateCacheBytes),
    sealPassword: encryption.seal,
    hasActiveChildren: (kind, id) => hasActiveChildren({ pool, log: eventStore, readModelReaches }, kind, id),
    now: () => new Date(),
    reservationGrace,
  };
  const { databaseUrl } = options;
  const cascade = starting.adopt(
    startCascade({ databaseUrl, log: eventStore, pool, readModelReaches, commands, logger }),
    (loop) => loop.stop(),
  );
  const publisher = starting.adopt(
    startPublisher({ log: eventStore, bus: nats, logger, maxBytes: options.natsStreamMaxBytes }),
    (loop) => loop.stop(),
  );
  const presence = starting.adopt(startPresence({ databaseUrl, log: eventStore, bus: nats, logger }), (loop) =>
    loop.stop(),
  );
  const mirror = starting.adopt(startMirror({ log: eventStore, bus: nats, logger }), (loop) => loop.stop());
  const credentials = [options.credentials ?? []].flat().map(({ verifyingKeys, rates }) =>
    starting.adopt(
      startCredentialService({
        log: eventStore,
        bus: nats,
        openPassword: encryption.open,
        verifyingKeys,
        rates,
        version: options.version,
        now: () => new Date(),
        logger,
      }),
      (loop) => loop.stop(),
    ),
  );

  const loops = [projector, listener, cascade, publisher, mirror, presence, ...credentials];
  // Each is waited for by itself, but told at the same time.
  starting.defer(() => {
    for (const loop of loops) void loop.stop();
  });

  const { server } = await createApi({
    logger,
    corsOrigins: options.corsOrigins,
    isUnavailable: (error) => error instanceof EventLogUnavailable || isUnavailable(error),
    version: options.version,
    parts: () => loops.map((loop) => loop.health()),
    readiness: createReadiness({ pool, eventLog: eventStore, progress, logger }),
    readModelReaches,
    commands: {
      dependencies: commands,
      idempotencyKeys: createIdempotencyKeys(idempotencySecretsOf(options.encryptionKeys)),
      // Nobody logs in: whoever reaches the registry reads all of it.
      mayRead: () => true,
      observationsOf: createObserver(pool, observationPatience),
    },
    queries: { pool, log: eventStore },
  });
  starting.adopt(server, () => server.close());
  const { host, port } = options;
  const url = await listen((address) => server.listen(address), { host, port });

  const running = starting.move();
  return {
    url,
    gatewayPassword: async (id) => {
      const found = await findGatewayPassword(pool, id);
      return found && encryption.open(found.passwordEncrypted, id);
    },
    async [Symbol.asyncDispose]() {
      const timers = [
        setTimeout(() => impatience.abort(), stopGrace),
        // A little later, so that who waited for a store is told.
        setTimeout(() => server.server.closeAllConnections(), stopGrace + 500),
      ];
      const hasEnded = await endsWithin(longestStop, running.disposeAsync());
      timers.forEach(clearTimeout);
      if (hasEnded) return;
      const late = loops.flatMap((loop) => (loop.health().status === 'stopped' ? [] : [loop.health().name]));
      logger.error({ late }, `not everything has ended within ${longestStop} ms; not waiting for it`);
    },
  };
}
