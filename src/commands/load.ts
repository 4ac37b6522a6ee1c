import type { RegistryEvent } from '../events/catalogue.ts';
import { decode, type Recorded } from '../events/codec.ts';
import type { EventLog, ExpectedRevision, Position } from '../events/event-log.ts';
import type { Aggregate } from './aggregate.ts';

/** An aggregate as its stream tells it. */
export interface Loaded<State, Resource> {
  readonly state: State;
  /** Undefined as long as it was never created. */
  readonly resource: Resource | undefined;
  /** Where the stream stood: what the next append expects. */
  readonly revision: ExpectedRevision;
  /** The last event's position and time; undefined while there is none. */
  readonly last: { readonly position: Position; readonly occurredAt: string } | undefined;
}

/**
 * Reads an aggregate's stream and folds it.
 *
 * @throws EventLogUnavailable
 * @throws Error when the stream holds an event that this version does not know: it must not decide on half the story
 */
export async function load<Id extends string, Command, State, Event extends RegistryEvent, Resource>(
  log: EventLog,
  aggregate: Aggregate<Id, Command, State, Event, Resource>,
  id: Id,
): Promise<Loaded<State, Resource>> {
  const nothing: Loaded<State, Resource> = {
    state: aggregate.decider.initial,
    resource: undefined,
    revision: 'no_stream',
    last: undefined,
  };
  const stored = await log.read(aggregate.stream(id));
  return stored.reduce((loaded, event) => {
    const decoded = decode(event);
    if (decoded === undefined)
      throw new Error(`${event.stream} holds a ${event.type}, which this version does not know`);
    return evolveLoaded(aggregate, loaded, decoded as Recorded<Event>);
  }, nothing);
}

/** The aggregate after one more event. */
export function evolveLoaded<Id extends string, Command, State, Event extends RegistryEvent, Resource>(
  aggregate: Aggregate<Id, Command, State, Event, Resource>,
  { state, resource }: Loaded<State, Resource>,
  event: Recorded<Event>,
): Loaded<State, Resource> {
  return {
    state: aggregate.decider.evolve(state, event),
    resource: aggregate.fold(resource, event),
    revision: event.revision,
    last: { position: event.position, occurredAt: event.metadata.occurredAt },
  };
}
