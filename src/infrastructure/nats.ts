// NATS behind the `Bus` port, and its connection. The connection is made in the background and kept for ever: commands
// do not need NATS, so the service starts and serves while NATS is away. What needs it meanwhile gets `BusUnavailable`
// at once: the client library would drop what is sent before its last try to connect without a word, and send the rest
// after it, when its time may be over.
import { EventEmitter, once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { type ConnectionOptions, connect, Events, type NatsConnection, type Status } from 'nats';
import type { Logger } from 'pino';
import type { RequestBus } from '../credentials/requests.ts';
import type { HeartbeatBus } from '../presence/heartbeats.ts';
import { type Bus, BusUnavailable } from '../publishing/bus.ts';
import { pauseFor } from './lifecycle.ts';
import { type NatsAddress, readNatsAddress } from './nats-address.ts';
import { answerMs, type NatsLink } from './nats-api.ts';
import { listenTo } from './nats-listening.ts';
import { serveRequests } from './nats-service.ts';
import { createStream } from './nats-streams.ts';

export interface NatsOptions {
  /** One or more addresses, separated by commas: `nats://[user:password@]host:port`. */
  readonly url: string;
  /** What the server's monitoring calls this connection. */
  readonly name: string;
  readonly logger: Logger;
}

/** A message on its way, be it stored in the end or not. */
export interface Sent {
  readonly subject: string;
  readonly body: string;
  /** By what JetStream knows it when it is sent again; empty when it has nothing of the kind. */
  readonly messageId: string;
}

export interface Nats extends Bus, RequestBus, HeartbeatBus {
  isConnected(): boolean;
  /** What is sent on a subject (`*` and `>` are wildcards) from now on, until the signal aborts. */
  listen(subject: string, signal: AbortSignal): AsyncIterable<Sent>;
  /** Sends what is still to be sent, for at most two seconds, and disconnects. */
  close(): Promise<void>;
}

const retryMs = 500;
const drainMs = 2_000;

/**
 * Starts to connect, and connects again whenever the connection is lost, until it is closed.
 *
 * @throws Error when the address is malformed; the message does not repeat it, as it may hold a password
 */
export function connectNats({ url, name, logger }: NatsOptions): Nats {
  const address = readNatsAddress(url);
  const servers = address.servers.join(', ');
  const closing = new AbortController();
  const link: NatsLink = { live, losses: new Set() };
  const connections = new EventEmitter<{ made: [] }>();
  let connection: NatsConnection | undefined;
  let connected = false;
  /** What kind of error NATS has reported last on this connection. */
  let reported: string | undefined;
  const kept = keepConnected();

  return {
    stream: (settings) => createStream(settings, link),
    isConnected: () => connected,
    async connected(patience, signal) {
      if (connected) return;
      await once(connections, 'made', { signal: AbortSignal.any([signal, AbortSignal.timeout(patience)]) }).catch(
        (cause) => {
          if (!signal.aborted) throw new BusUnavailable(`there is no connection to NATS at ${servers}`, { cause });
        },
      );
    },
    async *listen(subject, signal) {
      const subscription = live().subscribe(subject);
      signal.addEventListener('abort', () => subscription.unsubscribe(), { once: true });
      for await (const message of subscription) {
        const messageId = message.headers?.get('Nats-Msg-Id') ?? '';
        yield { subject: message.subject, body: message.string(), messageId };
      }
    },
    listenTo: (subject, heard) => listenTo(link, subject, heard),
    async serve(service, answer, signal, serving) {
      await serveRequests({ link, logger }, service, answer, signal, serving);
    },
    async close() {
      closing.abort();
      if (connected) await Promise.race([connection?.drain(), delay(drainMs, undefined, { ref: false })]);
      await connection?.close();
      await kept;
    },
  };

  function live(): NatsConnection {
    if (connection === undefined || !connected)
      throw new BusUnavailable(`there is no connection to NATS at ${servers}`);
    return connection;
  }

  // Not the library's `waitOnFirstConnect`: nothing could end that wait when the service stops.
  async function keepConnected(): Promise<void> {
    let failures = 0;
    while (!closing.signal.aborted) {
      try {
        const made = await connect(optionsOf(address, name));
        if (closing.signal.aborted) return await made.close();
        failures = 0;
        await keep(made);
      } catch (error) {
        failures += 1;
        const reason = error instanceof Error ? error.message : String(error);
        if (failures === 1) logger.warn({ servers, reason }, 'NATS cannot be reached; trying on');
        logger.debug({ servers, err: error }, 'no connection to NATS');
      }
      await pauseFor(retryMs, closing.signal);
    }
  }

  /** Resolves when the connection is closed for good, by us or by the library. */
  async function keep(made: NatsConnection): Promise<void> {
    connection = made;
    nowConnected('connected to NATS');
    const reason = await Promise.race([made.closed(), watch(made)]);
    lose('closed');
    if (reason instanceof Error) throw reason;
  }

  async function watch(made: NatsConnection): Promise<void> {
    for await (const status of made.status()) take(status);
  }

  function take({ type, data, permissionContext }: Status): void {
    if (type === Events.Disconnect) {
      logger.warn({ servers }, 'the connection to NATS is lost; reconnecting');
      lose('lost');
    } else if (type === Events.Reconnect) {
      nowConnected('connected to NATS again');
    } else if (type === Events.Error) {
      // NATS refuses each message by itself: the first one says what is wrong.
      const kind = `${data} ${permissionContext?.operation}`;
      const level = kind === reported ? 'debug' : 'error';
      reported = kind;
      logger[level]({ servers, error: data, permission: permissionContext }, 'NATS reports an error');
    } else {
      logger.debug({ servers, type, data }, 'NATS connection status');
    }
  }

  function nowConnected(message: string): void {
    connected = true;
    reported = undefined;
    logger.info({ servers }, message);
    connections.emit('made');
  }

  function lose(how: string): void {
    connected = false;
    for (const lost of link.losses) lost(new BusUnavailable(`the connection to NATS at ${servers} was ${how}`));
  }
}

function optionsOf({ servers, tls, credentials }: NatsAddress, name: string): ConnectionOptions {
  return {
    servers: [...servers],
    name,
    maxReconnectAttempts: -1,
    ignoreAuthErrorAbort: true,
    reconnectTimeWait: retryMs,
    timeout: answerMs,
    // A peer that is gone without a word is noticed within half a minute, not within the default six.
    pingInterval: 10_000,
    ...(tls ? { tls: {} } : {}),
    ...credentials,
  };
}
