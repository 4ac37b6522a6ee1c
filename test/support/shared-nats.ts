// A nats-server and a client of it that all specs of one `describe` share.
import { afterAll, beforeAll } from 'vitest';
import { type NatsClient, natsClient } from './nats-client.ts';
import { type NatsProcess, startNatsProcess } from './nats-process.ts';

export interface SharedNats {
  /** The server; there is none before the first spec begins. */
  readonly nats: NatsProcess;
  readonly client: NatsClient;
}

/**
 * Starts both before the specs of the `describe` that calls it, and stops them after the last.
 *
 * @param file the nats-server to run
 */
export function sharedNats(file: string): SharedNats {
  const running = new AsyncDisposableStack();
  let started: SharedNats | undefined;

  beforeAll(async () => {
    const nats = running.use(await startNatsProcess(file));
    started = { nats, client: running.use(await natsClient(nats.url)) };
  });
  afterAll(() => running.disposeAsync());

  function both(): SharedNats {
    if (started === undefined) throw new Error('NATS runs only while a spec does');
    return started;
  }

  return {
    get nats() {
      return both().nats;
    },
    get client() {
      return both().client;
    },
  };
}
