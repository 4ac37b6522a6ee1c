// What is measured of an event store, with the client that the product uses.

import {
  type AllStreamResolvedEvent,
  END,
  type EventStoreDBClient,
  jsonEvent,
  NO_STREAM,
  type ReadPosition,
  START,
} from '@eventstore/db-client';
import { benchmarkEvent, benchmarkStream } from './event-store-events.ts';

export interface Load {
  /** How long to go on; what has begun by then is finished and counts. */
  readonly seconds: number;
  /** How many events one read or subscription is to get. */
  readonly eventsPerRead: number;
  readonly eventBytes: number;
}

/** How many events went through, and in what time. */
export interface Sample {
  readonly events: number;
  readonly seconds: number;
}

export interface Measure {
  readonly title: string;
  readonly kind: 'append' | 'append-64' | 'read' | 'subscribe';
  /** `nearEnd` is the position from which on there are as many events as one read is to get, unless more were appended. */
  run(client: EventStoreDBClient, load: Load, nearEnd: ReadPosition): Promise<Sample>;
}

/** In the order in which they are run: what reads comes before what makes the log longer. */
export const measures: readonly Measure[] = [
  { title: 'read $all from the start', kind: 'read', run: (client, load) => readFrom(START, client, load) },
  { title: 'read $all near its end', kind: 'read', run: (client, load, nearEnd) => readFrom(nearEnd, client, load) },
  { title: 'catch-up subscription', kind: 'subscribe', run: subscribe },
  { title: 'append, 1 in flight', kind: 'append', run: (client, load) => append(client, load, 1) },
  { title: 'append, 64 in flight', kind: 'append-64', run: (client, load) => append(client, load, 64) },
];

/** Single events, each the first of its stream, with so many appends on their way at any time. */
export async function append(client: EventStoreDBClient, load: Load, inFlight: number): Promise<Sample> {
  const start = performance.now();
  const elapsed = () => (performance.now() - start) / 1_000;
  let events = 0;
  async function appendOneByOne(): Promise<void> {
    while (elapsed() < load.seconds) {
      const event = jsonEvent(benchmarkEvent(load.eventBytes));
      await client.appendToStream(benchmarkStream(), event, { expectedRevision: NO_STREAM });
      events += 1;
    }
  }
  await Promise.all(Array.from({ length: inFlight }, appendOneByOne));
  return { events, seconds: elapsed() };
}

/** A catch-up subscription to $all from a position until it is live; tells at times how far it got. */
export function catchUp(
  client: EventStoreDBClient,
  from: ReadPosition,
  onProgress?: (events: number) => void,
): Promise<number> {
  const subscription = client.subscribeToAll({ fromPosition: from });
  let events = 0;
  return new Promise<number>((resolve, reject) => {
    subscription.on('data', () => {
      events += 1;
      if (events % 100_000 === 0) onProgress?.(events);
    });
    subscription.once('error', reject);
    subscription.once('caughtUp', () => subscription.unsubscribe().then(() => resolve(events), reject));
  });
}

function readFrom(from: ReadPosition, client: EventStoreDBClient, load: Load): Promise<Sample> {
  return repeat(load, () => read(client, load, from));
}

function subscribe(client: EventStoreDBClient, load: Load, nearEnd: ReadPosition): Promise<Sample> {
  return repeat(load, () => catchUp(client, nearEnd));
}

function read(client: EventStoreDBClient, load: Load, fromPosition: ReadPosition): Promise<number> {
  const reading = client.readAll({ fromPosition, maxCount: load.eventsPerRead });
  let events = 0;
  return new Promise((resolve, reject) => {
    reading.on('data', () => {
      events += 1;
    });
    reading.once('error', reject);
    reading.once('end', () => resolve(events));
  });
}

/** The position from which on there are now as many events as a read is to get. */
export async function nearEndOf(client: EventStoreDBClient, load: Load): Promise<ReadPosition> {
  const reading = client.readAll({ direction: 'backwards', fromPosition: END, maxCount: load.eventsPerRead });
  let last: AllStreamResolvedEvent | undefined;
  for await (const event of reading) last = event;
  return last?.event?.position ?? START;
}

async function repeat({ seconds, eventsPerRead }: Load, work: () => Promise<number>): Promise<Sample> {
  const start = performance.now();
  let events = 0;
  do {
    const read = await work();
    if (read < eventsPerRead - 1)
      throw new Error(`Only ${read} of ${eventsPerRead} events came: the log or a read of it is wrong.`);
    events += read;
  } while (performance.now() - start < seconds * 1_000);
  return { events, seconds: (performance.now() - start) / 1_000 };
}
