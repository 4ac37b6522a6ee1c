import type { RegistryEvent } from './catalogue.ts';
import { definitions } from './catalogue.ts';
import type { EventDefinition } from './definition.ts';
import type { EventToAppend, Position, StoredEvent } from './event-log.ts';
import { EventMetadata } from './metadata.ts';

/** An event of this version's shape, with its place in the log. */
export type Recorded<Event extends RegistryEvent = RegistryEvent> = Event & {
  readonly stream: string;
  readonly revision: bigint;
  readonly position: Position;
  readonly id: string;
  readonly metadata: EventMetadata;
};

/** A stored event that this version cannot read, though it has to: its shape is not what its version promises, or its type unknown. */
export class UndecodableEvent extends Error {
  override readonly name = 'UndecodableEvent';
}

/**
 * Makes an event ready to be appended.
 *
 * @param metadata all of the metadata but `schemaVersion`, which the catalogue knows
 * @throws z.ZodError when the data has not the shape of the catalogue: a bug in the caller
 */
export function encode(
  id: string,
  event: RegistryEvent,
  metadata: Omit<EventMetadata, 'schemaVersion'>,
): EventToAppend {
  const { version, data } = definitionOf(event.type);
  return {
    id,
    type: event.type,
    data: data.parse(event.data) as object,
    metadata: { ...metadata, schemaVersion: version },
  };
}

/**
 * Reads a stored event in the shape of this version, whatever version wrote it.
 *
 * @returns undefined when its type is unknown to this version
 * @throws UndecodableEvent when its data or metadata is not what its version promises
 */
export function decode(stored: StoredEvent): Recorded | undefined {
  const definition = definitions.get(stored.type);
  if (definition === undefined) return undefined;
  try {
    const metadata = EventMetadata.parse(stored.metadata);
    const data = definition.data.parse(upcast(definition, metadata.schemaVersion, stored.data));
    const { stream, revision, position, id } = stored;
    return { type: stored.type, data, stream, revision, position, id, metadata } as Recorded;
  } catch (cause) {
    throw new UndecodableEvent(`${stored.type} at revision ${stored.revision} of ${stored.stream} cannot be decoded`, {
      cause,
    });
  }
}

/**
 * Reads a stored event that must not be passed over, because what follows from it would be half the story.
 *
 * @throws UndecodableEvent as `decode`, and when its type is unknown to this version
 */
export function decodeKnown(stored: StoredEvent): Recorded {
  const event = decode(stored);
  if (event !== undefined) return event;
  const { type, revision, stream } = stored;
  throw new UndecodableEvent(
    `${type} at revision ${revision} of ${stream} is of a type that this version does not know`,
  );
}

/**
 * Brings data from the version that wrote it to the newest one.
 *
 * @throws Error when it was written by a newer version than this one knows, or a step is missing
 */
export function upcast(definition: EventDefinition, version: number, data: unknown): unknown {
  if (version > definition.version) {
    throw new Error(`version ${version} is newer than ${definition.version}, the newest known here`);
  }
  let current = data;
  for (let from = version; from < definition.version; from++) {
    const step = definition.upcasters[from];
    if (step === undefined) throw new Error(`there is no upcaster from version ${from}`);
    current = step(current as Readonly<Record<string, unknown>>);
  }
  return current;
}

function definitionOf(type: RegistryEvent['type']): EventDefinition {
  const definition = definitions.get(type);
  if (definition === undefined) throw new Error(`the catalogue has no event ${type}`);
  return definition;
}
