// EventStoreDB behind the `EventLog` port. What the client leaves open is closed here: an append or a read that
// is never answered ends after `answerWithin`, and everything that means "not there now" is one error.

import {
  CancelledError,
  DeadlineExceededError,
  END,
  EventStoreDBClient,
  type EventType,
  jsonEvent,
  NotLeaderError,
  type RecordedEvent,
  START,
  StreamNotFoundError,
  streamNameFilter,
  TimeoutError,
  UnavailableError,
  UnknownError,
  WrongExpectedVersionError,
} from '@eventstore/db-client';
import shared from '@eventstore/db-client/generated/shared_pb.js';
import streamsGrpc from '@eventstore/db-client/generated/streams_grpc_pb.js';
import streams from '@eventstore/db-client/generated/streams_pb.js';
import { type CallOptions, type ClientReadableStream, type Metadata, status } from '@grpc/grpc-js';
import {
  type AppendOutcome,
  type EventLog,
  EventLogUnavailable,
  type EventToAppend,
  type ExpectedRevision,
  type LogItem,
  type Position,
  type StoredEvent,
  type SubscriptionOptions,
} from '../events/event-log.ts';
import { eventOfResponse } from './read-response.ts';

export interface EventStoreOptions {
  /** An EventStoreDB connection string: `esdb://host:2113?tls=false`. */
  readonly url: string;
  /** Milliseconds after which an append, a read or a subscription without an answer counts as unavailable. Default 10,000. */
  readonly answerWithin?: number;
}

export interface EventStore extends EventLog {
  /** Cancels what is still open. */
  close(): Promise<void>;
}

/**
 * Connects lazily: nothing is sent before the first call.
 *
 * @throws Error when the connection string is malformed; the message does not repeat it, as it may hold a password
 */
export function connectEventStore({ url, answerWithin = 10_000 }: EventStoreOptions): EventStore {
  let client = createClient(url);
  const replaced: EventStoreDBClient[] = [];

  return {
    read: (stream, from = 0n) => collect(client.readStream(stream, { fromRevision: from }), stream, answerWithin),
    readLast: async (stream) => {
      const reading = client.readStream(stream, { fromRevision: END, direction: 'backwards', maxCount: 1 });
      return (await collect(reading, stream, answerWithin)).at(0);
    },
    head: async () => {
      const reading = client.readAll({ fromPosition: END, direction: 'backwards', maxCount: 1 });
      return (await collect(reading, '$all', answerWithin)).at(0)?.position;
    },
    reaches: async (position) => {
      const reading = client.readAll({ fromPosition: position, direction: 'backwards', maxCount: 1 });
      try {
        await collect(reading, '$all', answerWithin);
        return true;
      } catch (error) {
        // A position beyond the end, or one at which nothing begins.
        if (error instanceof UnknownError) return false;
        throw error;
      }
    },
    append: async (stream, expected, events) => {
      const used = client;
      try {
        return await append(used, stream, expected, events, answerWithin);
      } catch (error) {
        // Before an append the client asks what the server can do; whether that failed it remembers for ever.
        if ((isRawCallError(error) || isDiscoveryFailure(error)) && client === used) {
          replaced.push(used);
          client = createClient(url);
        }
        throw asUnavailable(error);
      }
    },
    subscribe: (options) => subscribe(client, options, answerWithin),
    readAll: (options) => readAll(client, options, answerWithin),
    close: async () => {
      await Promise.all([client, ...replaced].map((each) => each.dispose()));
    },
  };
}

function createClient(url: string): EventStoreDBClient {
  try {
    return EventStoreDBClient.connectionString(url);
  } catch {
    throw new Error('EVENTSTORE_URL is not an EventStoreDB connection string such as esdb://localhost:2113?tls=false');
  }
}

async function append(
  client: EventStoreDBClient,
  stream: string,
  expected: ExpectedRevision,
  events: readonly EventToAppend[],
  answerWithin: number,
): Promise<AppendOutcome> {
  // Without a limit of our own a server that froze would leave the promise pending for ever.
  const appending = client.appendToStream(stream, events.map(toEventData), { expectedRevision: expected });
  try {
    const { nextExpectedRevision, position } = await within(answerWithin, appending, `append to ${stream}`);
    if (position === undefined) throw new Error(`the event store told no position for the append to ${stream}`);
    return { status: 'appended', revision: nextExpectedRevision, position };
  } catch (error) {
    if (error instanceof WrongExpectedVersionError) return { status: 'conflict' };
    throw error;
  }
}

function toEventData({ id, type, data, metadata }: EventToAppend) {
  return jsonEvent({ id, type, data: data as Record<string, unknown>, metadata: metadata as Record<string, unknown> });
}

async function collect(
  reading: ReturnType<EventStoreDBClient['readStream' | 'readAll']>,
  stream: string,
  answerWithin: number,
): Promise<StoredEvent[]> {
  const events: StoredEvent[] = [];
  const timer = setTimeout(() => {
    reading.destroy(new EventLogUnavailable(`the event store did not answer a read of ${stream} in time`));
    // Or the call stays open, and takes one of the few that a connection may have at a time.
    reading.cancel().catch(() => undefined);
  }, answerWithin);
  try {
    for await (const { event } of reading) {
      if (event !== undefined) events.push(toStoredEvent(event));
    }
    return events;
  } catch (error) {
    if (error instanceof StreamNotFoundError) return [];
    throw asUnavailable(error);
  } finally {
    clearTimeout(timer);
  }
}

async function* subscribe(
  client: EventStoreDBClient,
  { streamPrefixes, after, signal, maxBatch = 500 }: SubscriptionOptions,
  answerWithin: number,
): AsyncGenerator<readonly LogItem[]> {
  if (signal.aborted) return;
  const arrived = createSignal();
  let checkpoint: Position | undefined;
  let caughtUp = false;
  let ended: unknown;
  const end = (reason: unknown) => {
    ended ??= reason;
    arrived.notify();
  };
  const onAbort = () => end('aborted');

  const filter = streamNameFilter({
    prefixes: [...streamPrefixes],
    checkpointInterval: 32,
    checkpointReached: async (_, position) => {
      // 24.10.4 and earlier tell 2^64-1 when nothing matched before going live.
      if (position.commit >= 2n ** 63n) return;
      checkpoint = position;
      arrived.notify();
    },
  });
  const fromPosition = after === 'start' ? START : after;
  const subscription = client.subscribeToAll({ fromPosition, filter }, { highWaterMark: maxBatch });
  subscription.on('readable', arrived.notify);
  subscription.on('caughtUp', () => {
    caughtUp = true;
    arrived.notify();
  });
  subscription.on('error', (error) => end(asUnavailable(error)));
  subscription.on('end', () => end(new EventLogUnavailable('the event store ended the subscription')));
  signal.addEventListener('abort', onAbort);
  // Silence is what a quiet log sounds like, but only after the server has confirmed the subscription.
  const unconfirmed = setTimeout(() => {
    end(new EventLogUnavailable(`the event store did not confirm a subscription within ${answerWithin} ms`));
  }, answerWithin);
  subscription.once('confirmation', () => clearTimeout(unconfirmed));

  try {
    let last: Position | undefined;
    while (ended === undefined) {
      const items = takeEvents(subscription, maxBatch);
      last = items.at(-1)?.event.position ?? last;
      if (items.length === maxBatch) {
        yield items;
        continue;
      }
      // All that arrived before these were told has been taken now, so that they stand where they belong.
      const marks: LogItem[] = [];
      if (checkpoint !== undefined && (last === undefined || checkpoint.commit > last.commit)) {
        marks.push({ kind: 'checkpoint', position: checkpoint });
      }
      if (caughtUp) marks.push({ kind: 'caught-up' });
      checkpoint = undefined;
      caughtUp = false;
      if (items.length + marks.length > 0) yield [...items, ...marks];
      else await arrived.wait();
    }
    if (ended !== 'aborted') throw ended;
  } finally {
    clearTimeout(unconfirmed);
    signal.removeEventListener('abort', onAbort);
    // While the client is still connecting this promise is pending; there is nothing to wait for either way.
    subscription.unsubscribe().catch(end);
  }
}

async function* readAll(
  client: EventStoreDBClient,
  { streamPrefixes, after, signal, maxBatch = 1_000 }: SubscriptionOptions,
  answerWithin: number,
): AsyncGenerator<readonly StoredEvent[]> {
  if (signal.aborted) return;
  const arrived = createSignal();
  let batch: StoredEvent[] = [];
  let isDue = false;
  let ended: unknown;
  const end = (reason: unknown) => {
    ended ??= reason;
    arrived.notify();
  };
  const onAbort = () => end('aborted');
  signal.addEventListener('abort', onAbort);
  let reading: ClientReadableStream<Buffer> | undefined;
  try {
    reading = await within(answerWithin, startReading(client, streamPrefixes, after), 'a read of $all');
    const stream = reading;
    stream.on('data', (bytes: Buffer) => {
      try {
        const event = eventOfResponse(bytes);
        // A read begins with the event at the position, a subscription after it.
        if (event === undefined || isSame(event.position, after)) return;
        batch.push(event);
      } catch (error) {
        end(error);
      }
      if (batch.length >= maxBatch) stream.pause();
      // What arrives in one turn of the event loop goes together: the server can send on while it is being worked on.
      if (isDue) return;
      isDue = true;
      setImmediate(() => {
        isDue = false;
        arrived.notify();
      });
    });
    stream.on('error', (error) => end(asUnavailable(error)));
    stream.on('end', () => end('end'));
    while (ended === undefined) {
      await arrived.wait();
      if (batch.length === 0 || ended === 'aborted') continue;
      const taken = batch;
      batch = [];
      stream.resume();
      yield taken;
    }
    if (ended === 'end' && batch.length > 0) yield batch;
    if (ended !== 'end' && ended !== 'aborted') throw ended;
  } catch (error) {
    throw asUnavailable(error);
  } finally {
    signal.removeEventListener('abort', onAbort);
    reading?.cancel();
  }
}

function isSame(position: Position, after: Position | 'start'): boolean {
  return after !== 'start' && position.commit === after.commit && position.prepare === after.prepare;
}

/** What a client keeps for its own methods: the way to the leader, its credentials, and a look at how calls end. */
interface Calls {
  GRPCStreamCreator<T>(
    service: unknown,
    name: string,
    call: (service: InstanceType<typeof streamsGrpc.StreamsClient>) => T,
  ): () => Promise<T>;
  callArguments(options: object, callOptions: CallOptions): [Metadata, CallOptions];
}

/**
 * The client can filter a subscription but not a read, and decodes what it reads at length; hence a call of our own, over
 * the client's connection. The filter lets the server pass over the streams that no table is made of.
 */
function startReading(
  client: EventStoreDBClient,
  streamPrefixes: readonly string[],
  after: Position | 'start',
): Promise<ClientReadableStream<Buffer>> {
  const calls = client as unknown as Calls;
  const request = new streams.ReadReq().setOptions(bulkReadOptions(streamPrefixes, after));
  const start = calls.GRPCStreamCreator(streamsGrpc.StreamsClient, 'readAll', (service) =>
    service.makeServerStreamRequest(
      '/event_store.client.streams.Streams/Read',
      (message: InstanceType<typeof streams.ReadReq>) => Buffer.from(message.serializeBinary()),
      (bytes: Buffer) => bytes,
      request,
      ...calls.callArguments({}, { deadline: Number.POSITIVE_INFINITY }),
    ),
  );
  return start();
}

function bulkReadOptions(streamPrefixes: readonly string[], after: Position | 'start') {
  const { Options } = streams.ReadReq;
  const all = new Options.AllOptions();
  if (after === 'start') {
    all.setStart(new shared.Empty());
  } else {
    const position = new Options.Position();
    all.setPosition(position.setCommitPosition(`${after.commit}`).setPreparePosition(`${after.prepare}`));
  }
  const filter = new Options.FilterOptions();
  filter.setStreamIdentifier(new Options.FilterOptions.Expression().setPrefixList([...streamPrefixes]));
  // How many records the server looks at before it hands on what it has found.
  filter.setMax(1_000).setCheckpointintervalmultiplier(1);
  return new Options()
    .setAll(all)
    .setFilter(filter)
    .setCount(`${Number.MAX_SAFE_INTEGER}`)
    .setReadDirection(Options.ReadDirection.FORWARDS)
    .setUuidOption(new Options.UUIDOption().setString(new shared.Empty()));
}

function takeEvents(subscription: { read(): unknown }, most: number): Extract<LogItem, { kind: 'event' }>[] {
  const items: Extract<LogItem, { kind: 'event' }>[] = [];
  while (items.length < most) {
    const resolved = subscription.read() as { event?: RecordedEvent } | null;
    if (resolved === null) break;
    if (resolved.event !== undefined) items.push({ kind: 'event', event: toStoredEvent(resolved.event) });
  }
  return items;
}

function toStoredEvent({
  streamId,
  revision,
  position,
  id,
  type,
  data,
  metadata,
}: RecordedEvent<EventType>): StoredEvent {
  if (position === undefined) {
    throw new Error('the event store tells no positions: version 22.6 or later is needed');
  }
  return { stream: streamId, revision, position, id, type, data, metadata };
}

/** Something to wait for: `wait` resolves at the next `notify`, or at once when it came since the last wait. */
function createSignal() {
  let notified = false;
  let resume: (() => void) | undefined;
  return {
    notify: () => {
      notified = true;
      resume?.();
    },
    wait: async () => {
      if (!notified) await new Promise<void>((resolve) => (resume = resolve));
      notified = false;
      resume = undefined;
    },
  };
}

async function within<T>(milliseconds: number, promise: Promise<T>, what: string): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () => reject(new EventLogUnavailable(`the event store did not answer within ${milliseconds} ms: ${what}`)),
      milliseconds,
    );
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

function asUnavailable(error: unknown): unknown {
  return isAway(error) ? new EventLogUnavailable(`the event store is away: ${error.message}`, { cause: error }) : error;
}

function isAway(error: unknown): error is Error {
  return (
    error instanceof UnavailableError ||
    error instanceof CancelledError ||
    error instanceof DeadlineExceededError ||
    error instanceof TimeoutError ||
    error instanceof NotLeaderError ||
    (isRawCallError(error) && awayCodes.has(error.code)) ||
    isTornConnection(error) ||
    isDiscoveryFailure(error)
  );
}

const awayCodes: ReadonlySet<number> = new Set([status.UNAVAILABLE, status.CANCELLED, status.DEADLINE_EXCEEDED]);

/** An error as gRPC made it, which the client converts in most places and lets through in some. */
function isRawCallError(error: unknown): error is Error & { readonly code: number } {
  return error instanceof Error && 'code' in error && 'details' in error && 'metadata' in error && !('type' in error);
}

/** gRPC knows two system errors of a socket; for any other it blames itself when a connection breaks. */
function isTornConnection(error: unknown): error is Error {
  if (!(error instanceof Error) || !('code' in error)) return false;
  return error.code === status.INTERNAL && error.message.includes('Received RST_STREAM');
}

/** No node of a cluster could be found. The client has no class for it. */
function isDiscoveryFailure(error: unknown): error is Error {
  return error instanceof Error && /^Failed to discover after \d+ attempts\.$/.test(error.message);
}

/**
 * Whether an unhandled rejection is the client's own: when the call that carries batched appends ends, for whatever
 * reason, while an append waits for room to write, the client rejects the append, as it should, and once more a promise
 * that nobody holds; and so it does when a call breaks while it looks for a node of the cluster and finds none.
 */
export function isStrayRejection(error: unknown): boolean {
  return isRawCallError(error) || isDiscoveryFailure(error);
}
