// An event store as a process, with a file of its own: it can be killed, and started again on its port and file.
import { join } from 'node:path';
import { type AllStreamResolvedEvent, BACKWARDS, END, EventStoreDBClient } from '@eventstore/db-client';
import { type Spawned, spawned } from '../../embedded/event-store/spawned.ts';
import type { StoredEvent } from '../../src/events/event-log.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

export interface EventStoreProcess extends AsyncDisposable {
  readonly url: string;
  /** kill -9, and the same again on its port and file. */
  restart(): Promise<void>;
}

export async function startEventStoreProcess(): Promise<EventStoreProcess> {
  await using starting = new AsyncDisposableStack();
  const folder = starting.use(await temporaryFolder());
  const args = ['--file', join(folder.path, 'events.db'), '--stop-with-parent'];
  let server: Spawned = spawned(args);
  starting.defer(() => server.kill());
  const url = await server.ready;

  const running = starting.move();
  return {
    url,
    async restart() {
      await server.kill();
      server = spawned([...args, '--port', new URL(url).port]);
      await server.ready;
    },
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  };
}

/** The events of streams of certain names, as nobody's filter but ours sees them. */
export async function readEvents(url: string, isWanted: (stream: string) => boolean): Promise<readonly StoredEvent[]> {
  const client = EventStoreDBClient.connectionString(url);
  const events: StoredEvent[] = [];
  try {
    for await (const { event } of client.readAll()) {
      if (event !== undefined && isWanted(event.streamId)) events.push(storedEvent(event));
    }
  } finally {
    await client.dispose();
  }
  return events;
}

/** The last of them; undefined when there is none. */
export async function lastEvent(url: string, isWanted: (stream: string) => boolean): Promise<StoredEvent | undefined> {
  const client = EventStoreDBClient.connectionString(url);
  try {
    for await (const { event } of client.readAll({ direction: BACKWARDS, fromPosition: END })) {
      if (event !== undefined && isWanted(event.streamId)) return storedEvent(event);
    }
    return undefined;
  } finally {
    await client.dispose();
  }
}

function storedEvent(event: NonNullable<AllStreamResolvedEvent['event']>): StoredEvent {
  return { ...event, stream: event.streamId } as StoredEvent;
}
