// The contract runs against the embedded server, one for each file, or against EVENTSTORE_URL: stream names are unique
// to the run and nothing is read from before it, so a server full of data will do.

import { randomUUID } from 'node:crypto';
import {
  type AllStreamResolvedEvent,
  type AllStreamSubscription,
  EventStoreDBClient,
  type JSONEventType,
  jsonEvent,
  type ResolvedEvent,
  type StreamingRead,
  type StreamSubscription,
} from '@eventstore/db-client';
import { afterAll, beforeAll } from 'vitest';
import { type EventStoreServer, startEventStore } from '../../embedded/event-store/server.ts';

export type Numbered = JSONEventType<'Numbered', { n: number }>;

export const { EVENTSTORE_URL: externalUrl } = process.env;

/** Per-call credentials make the client use Append instead of BatchAppend. */
export const appendPaths = [
  { path: 'BatchAppend', via: {} },
  { path: 'Append', via: { credentials: { username: 'admin', password: 'changeit' } } },
] as const;

export function useEventStore() {
  let server: EventStoreServer | undefined;
  let connected: EventStoreDBClient | undefined;

  beforeAll(async () => {
    server = externalUrl ? undefined : await startEventStore({ file: ':memory:' });
    connected = EventStoreDBClient.connectionString(url());
  });

  afterAll(async () => {
    await connected?.dispose();
    await server?.stop();
  });

  function url(): string {
    const found = externalUrl ?? server?.url;
    if (!found) throw new Error('The event store is not running yet.');
    return found;
  }

  return {
    url,
    get client(): EventStoreDBClient {
      if (!connected) throw new Error('The client is not connected yet.');
      return connected;
    },
  };
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
