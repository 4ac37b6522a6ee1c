import type { RegistryEvent } from '../events/catalogue.ts';
import { decodeKnown, type Recorded } from '../events/codec.ts';
import type { EventLog, ExpectedRevision, Position, StoredEvent } from '../events/event-log.ts';
import type { Aggregate } from './aggregate.ts';

/** An aggregate as its stream tells it. */
export interface Loaded<State, Resource> {
  readonly state: State;
  /** Undefined as long as it was never created. */
  readonly resource: Resource | undefined;
  /** Where the stream stood: what the next append expects. */
  readonly revision: ExpectedRevision;
  /** Undefined while there is no event. */
  readonly last: LastEvent | undefined;
}

/** The last event of a stream, and with it those before: what the stream has had already. */
export interface LastEvent {
  readonly id: string;
  readonly commandId: string;
  readonly revision: bigint;
  readonly position: Position;
  /** ISO-8601 UTC. */
  readonly occurredAt: string;
  readonly before: LastEvent | undefined;
}

/** An aggregate of which nothing has happened. */
export function nothingLoaded<Id extends string, Command, State, Event extends RegistryEvent, Resource>({
  decider,
}: Aggregate<Id, Command, State, Event, Resource>): Loaded<State, Resource> {
  return { state: decider.initial, resource: undefined, revision: 'no_stream', last: undefined };
}

/**
 * Reads an aggregate's stream and folds it.
 *
 * @param known what it was folded to before: then only what is newer is read
 * @throws EventLogUnavailable
 * @throws UndecodableEvent when the stream holds an event that this version cannot read: it must not decide on half the story
 */
export async function load<Id extends string, Command, State, Event extends RegistryEvent, Resource>(
  log: EventLog,
  aggregate: Aggregate<Id, Command, State, Event, Resource>,
  id: Id,
  known: Loaded<State, Resource> = nothingLoaded(aggregate),
): Promise<Loaded<State, Resource>> {
  const from = known.revision === 'no_stream' ? 0n : known.revision + 1n;
  return evolveStored(aggregate, known, await log.read(aggregate.stream(id), from));
}

/** Reads an aggregate's stream up to a revision and no further, and folds it. Throws what `load` throws. */
export async function loadUpTo<Id extends string, Command, State, Event extends RegistryEvent, Resource>(
  log: EventLog,
  aggregate: Aggregate<Id, Command, State, Event, Resource>,
  id: Id,
  revision: bigint,
): Promise<Loaded<State, Resource>> {
  return evolveStored(aggregate, nothingLoaded(aggregate), await log.read(aggregate.stream(id), 0n, revision));
}

/** The aggregate after more events, as the log holds them. Throws UndecodableEvent when this version cannot read one. */
export function evolveStored<Id extends string, Command, State, Event extends RegistryEvent, Resource>(
  aggregate: Aggregate<Id, Command, State, Event, Resource>,
  before: Loaded<State, Resource>,
  stored: readonly StoredEvent[],
): Loaded<State, Resource> {
  return stored.reduce(
    (loaded, event) => evolveLoaded(aggregate, loaded, decodeKnown(event) as Recorded<Event>),
    before,
  );
}

/** The newest event that fits, looked for from the last one back. */
export function findEvent(last: LastEvent | undefined, fits: (event: LastEvent) => boolean): LastEvent | undefined {
  for (let event = last; event !== undefined; event = event.before) {
    if (fits(event)) return event;
  }
  return undefined;
}

function evolveLoaded<Id extends string, Command, State, Event extends RegistryEvent, Resource>(
  aggregate: Aggregate<Id, Command, State, Event, Resource>,
  { state, resource, last: before }: Loaded<State, Resource>,
  event: Recorded<Event>,
): Loaded<State, Resource> {
  const { id, revision, position, metadata } = event;
  const { commandId, occurredAt } = metadata;
  return {
    state: aggregate.decider.evolve(state, event),
    resource: aggregate.fold(resource, event),
    revision,
    last: { id, commandId, revision, position, occurredAt, before },
  };
}
