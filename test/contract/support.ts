// The contract runs against the embedded server, one for each file, or against EVENTSTORE_URL: stream names are unique
// to the run and nothing is read from before it, so a server full of data will do.

import { randomUUID } from 'node:crypto';
import {
  type AllStreamResolvedEvent,
  type AllStreamSubscription,
  binaryEvent,
  EventStoreDBClient,
  type JSONEventType,
  jsonEvent,
  MaxAppendSizeExceededError,
  type ResolvedEvent,
  type StreamingRead,
  type StreamSubscription,
} from '@eventstore/db-client';
import type { SupportedMethods } from '@eventstore/db-client/generated/serverfeatures_pb.js';
import { afterAll, beforeAll, type TestContext } from 'vitest';
import { type EventStoreServer, startEventStore } from '../../embedded/event-store/server.ts';
import { addressOf, answerOf, none, type RawClients, rawClients } from './raw.ts';

export type Numbered = JSONEventType<'Numbered', { n: number }>;

const { EVENTSTORE_URL: externalUrl } = process.env;

const admin = { username: 'admin', password: 'changeit' };

/** Per-call credentials make the client use Append instead of BatchAppend. */
export const appendPaths = [
  { path: 'BatchAppend', via: {} },
  { path: 'Append', via: { credentials: (externalUrl && addressOf(externalUrl).user) || admin } },
] as const;

/**
 * Marks a rule that another server may keep otherwise, rightly: there it is skipped, and the report says why.
 */
export function embeddedOnly(context: TestContext, reason: string): void {
  context.skip(externalUrl !== undefined, `not on every server: ${reason}`);
}

export function useEventStore() {
  let server: EventStoreServer | undefined;
  let connected: EventStoreDBClient | undefined;
  let bare: RawClients | undefined;

  beforeAll(async () => {
    server = externalUrl ? undefined : await startEventStore({ file: ':memory:' });
    connected = EventStoreDBClient.connectionString(url());
    bare = rawClients(url());
  });

  afterAll(async () => {
    bare?.close();
    await connected?.dispose();
    await server?.stop();
  });

  function url(option = ''): string {
    const found = externalUrl ?? server?.url;
    if (!found) throw new Error('The event store is not running yet.');
    return option === '' ? found : `${found}${found.includes('?') ? '&' : '?'}${option}`;
  }

  return {
    url,
    get client(): EventStoreDBClient {
      if (!connected) throw new Error('The client is not connected yet.');
      return connected;
    },
    get raw(): RawClients {
      if (!bare) throw new Error('The client is not connected yet.');
      return bare;
    },
  };
}

/** Marks a rule that servers before a version do not keep: there it is skipped, and the report says why. */
export async function since(version: string, context: TestContext, raw: RawClients, reason: string): Promise<void> {
  if (!externalUrl) return;
  const { answer } = await answerOf<SupportedMethods>((done) => raw.features.getSupportedMethods(none(), done));
  const actual = answer?.getEventStoreServerVersion() ?? '';
  const isOlder = actual.localeCompare(version, undefined, { numeric: true }) < 0;
  context.skip(isOlder, `not before ${version}, and this is ${actual}: ${reason}`);
}

/** For rules about the default limit of 1 MiB: elsewhere it may be configured, and is 256 MiB from 25.1 on. */
export async function refusesOneMebibyte(context: TestContext, client: EventStoreDBClient): Promise<void> {
  if (!externalUrl) return;
  const event = binaryEvent({ type: 'bytes', data: new Uint8Array(1_048_577) });
  const refusal = await client.appendToStream(aStream(), [event]).catch((error: unknown) => error);
  const isDefault = refusal instanceof MaxAppendSizeExceededError && refusal.maxAppendSize === 1_048_576;
  context.skip(!isDefault, 'not on every server: this one has another size limit than the default of 1 MiB');
}

export function aStream(category = 'contract'): string {
  return `${category}-${randomUUID()}`;
}

export function numbered(n: number, id: string = randomUUID()) {
  return jsonEvent<Numbered>({ id, type: 'Numbered', data: { n } });
}

export function numberedUpTo(count: number) {
  return Array.from({ length: count }, (_, n) => numbered(n));
}

export async function read<T>(events: StreamingRead<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const event of events) all.push(event);
  return all;
}

export function revisionsOf(events: readonly ResolvedEvent[]): (bigint | undefined)[] {
  return events.map(({ event }) => event?.revision);
}

export function numbersOf(events: readonly ResolvedEvent[]): unknown[] {
  return events.map(({ event }) => (event?.data as { n?: number } | undefined)?.n);
}

export function idsOf(events: readonly ResolvedEvent[]): (string | undefined)[] {
  return events.map(({ event }) => event?.id);
}

/** Collects what a subscription delivers; `until` waits for a condition on it. */
export function follow<T extends AllStreamResolvedEvent | ResolvedEvent>(
  subscription: T extends AllStreamResolvedEvent ? AllStreamSubscription : StreamSubscription,
) {
  const seen = {
    events: [] as ResolvedEvent[],
    caughtUp: 0,
    log: [] as string[],
    error: undefined as Error | undefined,
  };
  const waiting = new Set<() => void>();
  const changed = () => {
    for (const check of waiting) check();
  };
  subscription
    .on('data', (resolved: ResolvedEvent) => {
      seen.events.push(resolved);
      seen.log.push(`${(resolved.event?.data as { n?: number } | undefined)?.n}`);
      changed();
    })
    .on('caughtUp', () => {
      seen.caughtUp += 1;
      seen.log.push('caught up');
      changed();
    })
    .on('error', (error: Error) => {
      seen.error ??= error;
      changed();
    });

  function until(condition: (state: typeof seen) => boolean): Promise<typeof seen> {
    return new Promise((resolve) => {
      const check = () => {
        if (!condition(seen)) return;
        waiting.delete(check);
        resolve(seen);
      };
      waiting.add(check);
      check();
    });
  }

  return { seen, until, stop: () => subscription.unsubscribe() };
}
