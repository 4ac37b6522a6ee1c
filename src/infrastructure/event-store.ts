// EventStoreDB behind the `EventLog` port. What the client leaves open is closed here: an append or a read that
// is never answered ends after `answerWithin`, and everything that means "not there now" is one error.

import {
  END,
  EventStoreDBClient,
  type EventType,
  eventTypeFilter,
  jsonEvent,
  type RecordedEvent,
  START,
  StreamNotFoundError,
  streamNameFilter,
  UnknownError,
  WrongExpectedVersionError,
} from '@eventstore/db-client';
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
import { readInBulk } from './event-store-bulk-read.ts';
import { asPortError, isDiscoveryFailure, isRawCallError } from './event-store-errors.ts';
import { createSignal, deadline, type Patience, within } from './event-store-waiting.ts';

export interface EventStoreOptions {
  /** An EventStoreDB connection string: `esdb://host:2113?tls=false`. */
  readonly url: string;
  /** Milliseconds after which an append, a read or a subscription without an answer counts as unavailable. Default 10,000. */
  readonly answerWithin?: number;
  /** When it aborts, whatever is waited for, then or later, is unavailable. A subscription has a signal of its own. */
  readonly impatience?: AbortSignal;
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
export function connectEventStore({ url, answerWithin = 10_000, impatience }: EventStoreOptions): EventStore {
  const closing = new AbortController();
  const patience: Patience = {
    milliseconds: answerWithin,
    over: AbortSignal.any([closing.signal, ...(impatience ? [impatience] : [])]),
  };
  let client = createClient(url);
  const replaced: EventStoreDBClient[] = [];

  return {
    read: async (stream, from = 0n, upTo) => {
      if (upTo === undefined) return collect(client.readStream(stream, { fromRevision: from }), stream, patience);
      if (upTo < from) return [];
      const reading = client.readStream(stream, { fromRevision: from, maxCount: upTo - from + 1n });
      // Of a stream whose beginning has been scavenged, the count begins later.
      return (await collect(reading, stream, patience)).filter(({ revision }) => revision <= upTo);
    },
    readLast: async (stream) => {
      const reading = client.readStream(stream, { fromRevision: END, direction: 'backwards', maxCount: 1 });
      return (await collect(reading, stream, patience)).at(0);
    },
    head: async () => {
      const reading = client.readAll({ fromPosition: END, direction: 'backwards', maxCount: 1 });
      return (await collect(reading, '$all', patience)).at(0)?.position;
    },
    reaches: async (position) => {
      const reading = client.readAll({ fromPosition: position, direction: 'backwards', maxCount: 1 });
      try {
        await collect(reading, '$all', patience);
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
        return await append(used, stream, expected, events, patience);
      } catch (error) {
        // Before an append the client asks what the server can do; whether that failed it remembers for ever.
        if ((isRawCallError(error) || isDiscoveryFailure(error)) && client === used) {
          replaced.push(used);
          client = createClient(url);
        }
        throw asPortError(error);
      }
    },
    subscribe: (options) => subscribe(client, options, answerWithin),
    readAll: (options) => readInBulk(client, options, patience),
    close: async () => {
      closing.abort();
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
  patience: Patience,
): Promise<AppendOutcome> {
  // Without a limit of our own a server that froze would leave the promise pending for ever.
  const appending = client.appendToStream(stream, events.map(toEventData), { expectedRevision: expected });
  try {
    const { nextExpectedRevision, position } = await within(patience, appending, `append to ${stream}`);
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
  patience: Patience,
): Promise<StoredEvent[]> {
  const events: StoredEvent[] = [];
  using _deadline = deadline(patience, `a read of ${stream}`, (error) => {
    reading.destroy(error);
    // Or the call stays open, and takes one of the few that a connection may have at a time.
    reading.cancel().catch(() => undefined);
  });
  try {
    for await (const { event } of reading) {
      if (event !== undefined) events.push(toStoredEvent(event));
    }
    return events;
  } catch (error) {
    if (error instanceof StreamNotFoundError) return [];
    throw asPortError(error);
  }
}

async function* subscribe(
  client: EventStoreDBClient,
  { streamPrefixes, types, after, signal, maxBatch = 500 }: SubscriptionOptions,
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

  const checkpoints = {
    checkpointInterval: 32,
    checkpointReached: async (_: unknown, position: Position) => {
      // 24.10.4 and earlier tell 2^64-1 when nothing matched before going live.
      if (position.commit >= 2n ** 63n) return;
      checkpoint = position;
      arrived.notify();
    },
  };
  const filter = streamPrefixes
    ? streamNameFilter({ prefixes: [...streamPrefixes], ...checkpoints })
    : eventTypeFilter({ prefixes: [...types], ...checkpoints });
  const fromPosition = after === 'start' ? START : after;
  const subscription = client.subscribeToAll({ fromPosition, filter }, { highWaterMark: maxBatch });
  // What arrives in one turn of the event loop goes together: who passes it on can pass it on together.
  let isDue = false;
  subscription.on('readable', () => {
    if (isDue) return;
    isDue = true;
    setImmediate(() => {
      isDue = false;
      arrived.notify();
    });
  });
  subscription.on('caughtUp', () => {
    caughtUp = true;
    arrived.notify();
  });
  subscription.on('error', (error) => end(asPortError(error)));
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
    throw new Error('the event store tells no positions: version 23.10 or later is needed');
  }
  return { stream: streamId, revision, position, id, type, data, metadata };
}
