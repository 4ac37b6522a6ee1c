import type { z } from 'zod';

/** What the data of an event was before its newest version, as parsed JSON. */
type StoredData = Readonly<Record<string, unknown>>;

/**
 * One entry of the catalogue.
 *
 * `upcasters` holds for each older version the function that turns its data into the next version's,
 * so that decoding version 1 of an event at version 3 runs `upcasters[1]`, then `upcasters[2]`.
 */
export interface EventDefinition<Data extends z.ZodType = z.ZodType> {
  /** When it happens, in a sentence: `docs/events.md` has it. */
  readonly happens: string;
  readonly version: number;
  readonly data: Data;
  readonly upcasters: Readonly<Record<number, (data: StoredData) => StoredData>>;
}

/** Declares an event at its first version. */
export function firstVersion<Data extends z.ZodType>(happens: string, data: Data): EventDefinition<Data> {
  return { happens, version: 1, data, upcasters: {} };
}

/** Declares an event that has had other shapes: `upcasters` has a step from each version before this one. */
export function laterVersion<Data extends z.ZodType>(
  happens: string,
  data: Data,
  upcasters: EventDefinition['upcasters'],
): EventDefinition<Data> {
  return { happens, version: Object.keys(upcasters).length + 1, data, upcasters };
}

/** The union of the events that a table of definitions declares: `{ type, data }`. */
export type EventsOf<Definitions extends Readonly<Record<string, EventDefinition>>> = {
  [Type in keyof Definitions & string]: {
    readonly type: Type;
    readonly data: Readonly<z.output<Definitions[Type]['data']>>;
  };
}[keyof Definitions & string];
