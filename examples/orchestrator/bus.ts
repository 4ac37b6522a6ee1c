// The connection to NATS, and heartbeats through it.
import { setTimeout as delay } from 'node:timers/promises';
import { type ConnectionOptions, connect, Events, type NatsConnection } from 'nats';
import { type Gateway, sendHeartbeat } from '../../client/src/index.ts';

export interface Bus extends AsyncDisposable {
  readonly nats: NatsConnection;
  /** Says that a gateway is alive, if NATS can be reached just now. */
  sendBeat(gateway: Gateway): void;
}

const retryMs = 500;
/** How long a server may take to answer: one that hangs takes a connection and says nothing. */
const answerMs = 5_000;
const drainMs = 2_000;

/**
 * Connects, however long that takes, and stays connected until it is disposed of; undefined when the signal aborts before.
 *
 * @param url one or more addresses, separated by commas: `nats://[user:password@]host[:port]`, or `tls://…`
 * @param tell is told, in words without secrets, when the connection comes and goes
 * @throws Error when the address is malformed; the message does not repeat it, as it may hold a password
 */
export async function connectBus(
  url: string,
  tell: (line: string) => void,
  signal: AbortSignal,
): Promise<Bus | undefined> {
  const nats = await connectPatiently(connectionOptionsOf(url), tell, signal);
  return nats && busOf(nats, tell);
}

function busOf(nats: NatsConnection, tell: (line: string) => void): Bus {
  let connected = true;
  // It has no end: the library ends the connection, but not what it tells of it.
  void watch();
  return {
    nats,
    sendBeat(gateway) {
      // The library would drop it, or send it when NATS is back. By then nobody knows whether the gateway is there.
      if (connected) sendHeartbeat(nats, gateway);
    },
    async [Symbol.asyncDispose]() {
      connected = false;
      await Promise.race([nats.drain().catch(() => undefined), delay(drainMs, undefined, { ref: false })]);
      await nats.close();
    },
  };

  async function watch(): Promise<void> {
    const told = new Set<string>();
    for await (const { type, data } of nats.status()) {
      if (type === Events.Disconnect || type === Events.Reconnect) {
        connected = type === Events.Reconnect;
        tell(connected ? 'NATS is back' : 'NATS is away');
      } else if (type === Events.Error && !told.has(String(data))) {
        // Where it may not publish heartbeats it would hear of it with each of them.
        told.add(String(data));
        tell(`NATS refuses something: ${data}`);
      }
    }
  }
}

// Not the library's `waitOnFirstConnect`: nothing could end that wait.
async function connectPatiently(
  options: ConnectionOptions,
  tell: (line: string) => void,
  signal: AbortSignal,
): Promise<NatsConnection | undefined> {
  for (let failures = 0; !signal.aborted; failures += 1) {
    try {
      return await connect(options);
    } catch (error) {
      if (failures === 0) tell(`NATS cannot be reached (${error instanceof Error ? error.message : error}); trying on`);
      await delay(retryMs, undefined, { signal }).catch(() => undefined);
    }
  }
  return undefined;
}

// The library takes no user from an address.
function connectionOptionsOf(url: string): ConnectionOptions {
  const urls = url.split(',').map((part) => URL.parse(part.trim()));
  const [first] = urls;
  if (!first || urls.some((one) => one === null || !/^(nats|tls):$/.test(one.protocol) || one.hostname === '')) {
    throw new Error('The address of NATS is none such as nats://localhost:4222 or nats://user:password@host:4222.');
  }
  const { username, password, protocol } = first;
  return {
    servers: urls.map((one) => `${one?.hostname}:${one?.port || 4222}`),
    name: 'orchestrator',
    maxReconnectAttempts: -1,
    reconnectTimeWait: retryMs,
    timeout: answerMs,
    ...(username !== '' && credentialsOf(decodeURIComponent(username), decodeURIComponent(password))),
    ...(protocol === 'tls:' && { tls: {} }),
  };
}

function credentialsOf(user: string, pass: string): ConnectionOptions {
  return pass === '' ? { token: user } : { user, pass };
}
