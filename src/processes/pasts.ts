// What is known of the pasts of parents. It is read from the parent's stream when it is asked for, and then kept up to date by
// the events that flow by, for as many parents as there is room for.
import { LRUCache } from 'lru-cache';
import { factoryStream } from '../domain/factory.ts';
import { organizationStream } from '../domain/organization.ts';
import { decode } from '../events/codec.ts';
import type { EventLog, StoredEvent } from '../events/event-log.ts';
import type { Parent } from '../queries/children.ts';
import { evolve, noPast, type ParentEvent, type Past, parentEvents } from './cascade.ts';

export interface Pasts {
  /** At least what the log has told so far. Throws EventLogUnavailable, UndecodableEvent. */
  of(parent: Parent): Promise<Past>;
  /** What the log holds now. Throws the same. */
  readAnew(parent: Parent): Promise<Past>;
  /** Takes note of an event of the parent. */
  note(parent: Parent, event: ParentEvent): void;
}

export function createPasts(log: EventLog, most = 10_000): Pasts {
  const known = new LRUCache<string, Past>({ max: most });

  const readAnew = async (parent: Parent) => {
    const stream = streamOf(parent);
    const past = pastIn(await log.read(stream));
    known.set(stream, past);
    return past;
  };
  return {
    of: async (parent) => known.get(streamOf(parent)) ?? readAnew(parent),
    readAnew,
    note(parent, event) {
      const stream = streamOf(parent);
      const past = known.get(stream);
      if (past !== undefined) known.set(stream, evolve(past, event));
    },
  };
}

function streamOf(parent: Parent): string {
  return parent.kind === 'organization' ? organizationStream(parent.id) : factoryStream(parent.id);
}

function pastIn(events: readonly StoredEvent[]): Past {
  return events
    .filter(({ type }) => parentEvents.some((known) => known === type))
    .map((event) => decode(event) as ParentEvent)
    .reduce(evolve, noPast);
}
