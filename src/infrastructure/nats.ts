// NATS behind the `Bus` port, and its connection. The connection is made in the background and kept for ever: commands
// do not need NATS, so the service starts and serves while NATS is away. What needs it meanwhile gets `BusUnavailable`
// at once: the client library would hold messages back and send them after the reconnect, when their time is over.
import { EventEmitter, once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import {
  type ConnectionOptions,
  connect,
  createInbox,
  DiscardPolicy,
  ErrorCode,
  Events,
  type JetStreamManager,
  type Msg,
  MsgHdrsImpl,
  type NatsConnection,
  NatsError,
  nanos,
  RetentionPolicy,
  type Status,
  StorageType,
  type StreamInfo,
} from 'nats';
import type { Logger } from 'pino';
import type { RequestBus } from '../credentials/requests.ts';
import {
  type Bus,
  type BusStream,
  BusUnavailable,
  type Channel,
  type ChannelListener,
  type Message,
  MessageTooLarge,
  type Reply,
  type StoredMessage,
  StreamDiffers,
  type StreamSettings,
} from '../publishing/bus.ts';
import { pauseFor } from './lifecycle.ts';
import { type NatsAddress, readNatsAddress } from './nats-address.ts';
import { serveRequests } from './nats-service.ts';

export interface NatsOptions {
  /** One or more addresses, separated by commas: `nats://[user:password@]host:port`. */
  readonly url: string;
  /** What the server's monitoring calls this connection. */
  readonly name: string;
  readonly logger: Logger;
}

export interface Nats extends Bus, RequestBus {
  isConnected(): boolean;
  /** What is sent on a subject (`*` and `>` are wildcards) from now on, until the signal aborts. */
  listen(subject: string, signal: AbortSignal): AsyncIterable<{ readonly subject: string; readonly body: string }>;
  /** Sends what is still to be sent, for at most two seconds, and disconnects. */
  close(): Promise<void>;
}

const retryMs = 500;
const answerMs = 3_000;
const drainMs = 2_000;

// Error codes of the JetStream API.
const noSuchMessage = 10037;
const noSuchStream = 10059;
const wrongLastMessageId = 10070;
const wrongLastSequence = 10071;

/**
 * Starts to connect, and connects again whenever the connection is lost, until it is closed.
 *
 * @throws Error when the address is malformed; the message does not repeat it, as it may hold a password
 */
export function connectNats({ url, name, logger }: NatsOptions): Nats {
  const address = readNatsAddress(url);
  const servers = address.servers.join(', ');
  const closing = new AbortController();
  const losses = new Set<(error: Error) => void>();
  const connections = new EventEmitter<{ made: [] }>();
  let connection: NatsConnection | undefined;
  let connected = false;
  const kept = keepConnected();

  return {
    stream: (settings) => createStream(settings, live, losses),
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
      for await (const message of subscription) yield { subject: message.subject, body: message.string() };
    },
    async serve(service, answer, signal, serving) {
      await serveRequests({ connection: live(), logger }, service, answer, signal, serving);
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
        logger[failures === 1 ? 'warn' : 'debug']({ err: error, servers }, 'NATS cannot be reached; trying on');
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

  function take({ type, data }: Status): void {
    if (type === Events.Disconnect) {
      logger.warn({ servers }, 'the connection to NATS is lost; reconnecting');
      lose('lost');
    } else if (type === Events.Reconnect) {
      nowConnected('connected to NATS again');
    } else if (type === Events.Error) {
      logger.error({ servers, error: data }, 'NATS reports an error');
    } else {
      logger.debug({ servers, type, data }, 'NATS connection status');
    }
  }

  function nowConnected(message: string): void {
    connected = true;
    logger.info({ servers }, message);
    connections.emit('made');
  }

  function lose(how: string): void {
    connected = false;
    for (const lost of losses) lost(new BusUnavailable(`the connection to NATS at ${servers} was ${how}`));
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

function createStream(
  settings: StreamSettings,
  live: () => NatsConnection,
  losses: Set<(error: Error) => void>,
): BusStream {
  const { name } = settings;
  return {
    ensure: async () => checkSettings(settings, await findOrCreate(settings, live)),
    bounds: async () => {
      const { state } = await ask(live, (manager) => manager.streams.info(name));
      // A stream from which everything was deleted keeps its last sequence, and so do we.
      return { first: state.messages === 0 ? state.last_seq + 1 : state.first_seq, last: state.last_seq };
    },
    message: (sequence) => findMessage(name, { seq: sequence }, live, [noSuchMessage]),
    last: (subject) => findMessage(name, { last_by_subj: subject }, live, [noSuchMessage, noSuchStream]),
    contents: () => readContents(name, live, losses),
    openChannel: (listener) => openChannel(live(), listener, losses),
  };
}

async function findMessage(
  name: string,
  query: { readonly seq: number } | { readonly last_by_subj: string },
  live: () => NatsConnection,
  absent: readonly number[],
): Promise<StoredMessage | undefined> {
  try {
    const found = await ask(live, (manager) => manager.streams.getMessage(name, query));
    return { sequence: found.seq, subject: found.subject, headers: readHeaders(found.header), body: found.string() };
  } catch (error) {
    if (absent.some((code) => code === errorCode(error))) return undefined;
    throw error;
  }
}

async function* readContents(
  name: string,
  live: () => NatsConnection,
  losses: Set<(error: Error) => void>,
): AsyncGenerator<StoredMessage> {
  const { state } = await ask(live, (manager) => manager.streams.info(name));
  if (state.messages === 0) return;
  const consumer = await live().jetstream({ timeout: answerMs }).consumers.get(name);
  const reading = await consumer.consume({ max_messages: 2_000 });
  // The consumer itself would wait for ever until the connection is back.
  const lost = (error: Error) => reading.stop(error);
  losses.add(lost);
  try {
    for await (const message of reading) {
      const { seq: sequence, subject, headers } = message;
      yield { sequence, subject, headers: readHeaders(headers ?? []), body: message.string() };
      // The last one may have been replaced meanwhile, by one that stands behind it.
      if (sequence >= state.last_seq || message.info.pending === 0) return;
    }
  } finally {
    losses.delete(lost);
    reading.stop();
  }
}

function openChannel(nats: NatsConnection, listener: ChannelListener, losses: Set<(error: Error) => void>): Channel {
  const inbox = createInbox();
  const replies = nats.subscribe(`${inbox}.*`, {
    callback: (error, reply) => {
      if (error) return listener.lost(error);
      listener.replied(Number(reply.subject.slice(inbox.length + 1)), readReply(reply));
    },
  });
  const lost = (error: Error) => listener.lost(error);
  losses.add(lost);
  return {
    send(number, { subject, headers, body }: Message) {
      try {
        nats.publish(subject, body, { reply: `${inbox}.${number}`, headers: toNatsHeaders(headers) });
      } catch (cause) {
        const tooLarge = cause instanceof NatsError && cause.code === ErrorCode.MaxPayloadExceeded;
        const Refusal = tooLarge ? MessageTooLarge : Error;
        throw new Refusal(`NATS cannot take the message ${subject}: ${String(cause)}`, { cause });
      }
    },
    close() {
      losses.delete(lost);
      if (!nats.isClosed() && !replies.isClosed()) replies.unsubscribe();
    },
  };
}

function readReply(reply: Msg): Reply {
  // The server's own answer when no stream takes the subject: it has been deleted, or JetStream is not up yet.
  if (reply.headers?.hasError) return { kind: 'refused', reason: `no stream takes it (${reply.headers.status})` };
  const { error, seq, duplicate } = parseAnswer(reply.string());
  const { err_code: code, description = 'no reason given' } = error ?? {};
  if (code === wrongLastSequence || code === wrongLastMessageId) return { kind: 'fenced', reason: description };
  if (error !== undefined || seq === undefined) return { kind: 'refused', reason: description };
  return { kind: duplicate ? 'duplicate' : 'stored', sequence: seq };
}

interface Answer {
  readonly error?: { readonly err_code?: number; readonly description?: string };
  readonly seq?: number;
  readonly duplicate?: boolean;
}

function parseAnswer(text: string): Answer {
  try {
    return JSON.parse(text) as Answer;
  } catch {
    // Thrown in the library's callback, it would end its reading of the connection.
    return { error: { description: 'an answer that is no JSON' } };
  }
}

async function findOrCreate(settings: StreamSettings, live: () => NatsConnection): Promise<StreamInfo> {
  try {
    return await ask(live, (manager) => manager.streams.info(settings.name));
  } catch (error) {
    if (errorCode(error) !== noSuchStream) throw error;
    return await ask(live, (manager) => manager.streams.add(configOf(settings)));
  }
}

const logSettings = { discard: DiscardPolicy.Old, max_msgs_per_subject: -1 };

// As a client creates a key-value bucket: whoever comes first creates it, be it we or a client that watches.
const bucketSettings = {
  discard: DiscardPolicy.New,
  max_msgs_per_subject: 1,
  allow_rollup_hdrs: true,
  allow_direct: true,
};

function configOf({ name, subjects, maxBytes, keeps }: StreamSettings) {
  return {
    name,
    subjects: [...subjects],
    storage: StorageType.File,
    retention: RetentionPolicy.Limits,
    ...(keeps === 'bucket' ? bucketSettings : logSettings),
    max_age: 0,
    max_msgs: -1,
    max_msg_size: -1,
    max_bytes: maxBytes,
    duplicate_window: nanos(120_000),
  };
}

function checkSettings(settings: StreamSettings, { config }: StreamInfo): void {
  const wanted = configOf(settings);
  const differences = (Object.keys(wanted) as (keyof typeof wanted)[])
    .map((key) => ({ key, is: JSON.stringify(config[key]), must: JSON.stringify(wanted[key]) }))
    .filter(({ is, must }) => is !== must);
  if (differences.length === 0) return;
  const told = differences.map(({ key, is, must }) => `${key} is ${is} and must be ${must}`).join('; ');
  const remedy = differences.some(({ key }) => key === 'max_bytes') ? `. ${remedyOfBound(settings)}` : '';
  throw new StreamDiffers(`the NATS stream ${settings.name} has other settings than ours: ${told}${remedy}`);
}

function remedyOfBound({ name, maxBytes, maxBytesVariable }: StreamSettings): string {
  const edit = `nats stream edit ${name} --max-bytes=${maxBytes}`;
  const variable = maxBytesVariable === undefined ? '' : `, or correct ${maxBytesVariable}`;
  return `Change the bound of the stream (${edit})${variable}`;
}

/** Asks the JetStream API; what means "not there now" becomes `BusUnavailable`. */
async function ask<T>(live: () => NatsConnection, question: (manager: JetStreamManager) => Promise<T>): Promise<T> {
  try {
    return await question(await live().jetstreamManager({ checkAPI: false, timeout: answerMs }));
  } catch (error) {
    if (!(error instanceof NatsError) || error.api_error !== undefined) throw error;
    const what = error.code === '503' ? 'NATS has no JetStream, or not yet' : 'NATS does not answer';
    throw new BusUnavailable(`${what} (${error.code})`, { cause: error });
  }
}

function errorCode(error: unknown): number | undefined {
  return error instanceof NatsError ? error.api_error?.err_code : undefined;
}

function readHeaders(headers: StoredMessageHeaders): StoredMessage['headers'] {
  return Object.fromEntries([...headers].flatMap(([name, [value]]) => (value === undefined ? [] : [[name, value]])));
}

type StoredMessageHeaders = Iterable<readonly [string, readonly string[]]>;

/** The contract of `Message` promises printable ASCII, so nothing is validated here, as `append` would do. */
function toNatsHeaders(headers: Message['headers']) {
  return MsgHdrsImpl.fromRecord(Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, [value]])));
}
