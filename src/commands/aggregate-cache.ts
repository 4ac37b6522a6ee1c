// Aggregates as they were folded last, so that a command need not read a whole stream again. What is remembered may be
// stale, and is never taken for more: the expected revision of an append tells, and whatever is not appended is judged
// on what the log says now.
import { LRUCache } from 'lru-cache';
import type { RegistryEvent } from '../events/catalogue.ts';
import type { EventLog } from '../events/event-log.ts';
import type { Aggregate } from './aggregate.ts';
import { type Loaded, load } from './load.ts';
import { createParents, type Parents } from './parents.ts';

export interface AggregateCache {
  /** What was last known here of a stream; somebody else may have appended to it since. */
  get(stream: string): Loaded<unknown, unknown> | undefined;
  /** Remembers an aggregate, unless something newer of it is remembered. */
  put(stream: string, loaded: Loaded<unknown, unknown>): void;
  /**
   * Shares a reading of a stream among all who ask before it begins: each gets what the stream held after it had asked.
   */
  share(stream: string, read: () => Promise<Loaded<unknown, unknown>>): Promise<Loaded<unknown, unknown>>;
  readonly parents: Parents;
}

/** A cache that holds about so many bytes at most. What was used least recently goes first. */
export function createAggregateCache(bytes: number, parents = createParents()): AggregateCache {
  const remembered = new LRUCache<string, Loaded<unknown, unknown>>({ maxSize: bytes, sizeCalculation: sizeOf });
  const flights = new Map<string, Flight>();

  return {
    parents,
    get: (stream) => remembered.get(stream),
    put(stream, loaded) {
      if (loaded.last === undefined) return;
      parents.note(loaded.last.position);
      const known = remembered.peek(stream);
      if (known?.last && known.last.revision >= loaded.last.revision) return;
      remembered.set(stream, loaded);
    },
    share(stream, read) {
      const flight = flights.get(stream);
      if (flight === undefined) return depart(stream, read);
      // The one that is under way may have read what it reads before this was asked.
      flight.next ??= flight.arrived.then(() => depart(stream, read));
      return flight.next;
    },
  };

  function depart(stream: string, read: () => Promise<Loaded<unknown, unknown>>) {
    const reading = read();
    const flight: Flight = { arrived: reading.then(arrive, arrive), next: undefined };
    flights.set(stream, flight);
    return reading;

    function arrive() {
      if (flight.next === undefined) flights.delete(stream);
    }
  }
}

interface Flight {
  readonly arrived: Promise<void>;
  next: Promise<Loaded<unknown, unknown>> | undefined;
}

/**
 * An aggregate as its stream tells it now, reading only what is newer than what is remembered.
 *
 * @throws what `load` throws
 */
export async function current<Id extends string, Command, State, Event extends RegistryEvent, Resource>(
  log: EventLog,
  cache: AggregateCache | undefined,
  aggregate: Aggregate<Id, Command, State, Event, Resource>,
  id: Id,
): Promise<Loaded<State, Resource>> {
  if (cache === undefined) return load(log, aggregate, id);
  const stream = aggregate.stream(id);
  const loaded = await cache.share(stream, async () => {
    const newer = await load(log, aggregate, id, remembered(cache, aggregate, id));
    cache.put(stream, newer);
    return newer;
  });
  return loaded as Loaded<State, Resource>;
}

/** The same of an organization or a factory, by a reading that all share who ask for any of them. */
export async function currentParent<Id extends string, Command, State, Event extends RegistryEvent, Resource>(
  log: EventLog,
  cache: AggregateCache | undefined,
  aggregate: Aggregate<Id, Command, State, Event, Resource>,
  id: Id,
): Promise<Loaded<State, Resource>> {
  if (cache === undefined) return load(log, aggregate, id);
  const stream = aggregate.stream(id);
  const loaded = await cache.parents.current(
    log,
    stream,
    () => cache.get(stream),
    () => current(log, cache, aggregate, id),
  );
  return loaded as Loaded<State, Resource>;
}

/** What is remembered of an aggregate: of its stream nobody else remembers anything. */
export function remembered<Id extends string, Command, State, Event extends RegistryEvent, Resource>(
  cache: AggregateCache | undefined,
  aggregate: Aggregate<Id, Command, State, Event, Resource>,
  id: Id,
): Loaded<State, Resource> | undefined {
  return cache?.get(aggregate.stream(id)) as Loaded<State, Resource> | undefined;
}

// State and resource hold the same fields, most of them shared; an event of the past is an object with two ids.
function sizeOf({ resource, last }: Loaded<unknown, unknown>): number {
  return 1_024 + 2 * bytesOf(resource) + 300 * Number((last?.revision ?? 0n) + 1n);
}

/** About what a value of JSON takes in memory, rather more than less: an empty object is three characters, and 56 bytes. */
function bytesOf(value: unknown): number {
  if (typeof value === 'string') return 32 + 2 * value.length;
  if (typeof value !== 'object' || value === null) return 16;
  let bytes = 64;
  for (const [key, inner] of Object.entries(value)) bytes += 40 + 2 * key.length + bytesOf(inner);
  return bytes;
}
