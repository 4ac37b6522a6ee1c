import type { RegistryEvent } from '../events/catalogue.ts';
import type { Recorded } from '../events/codec.ts';

/** Columns and what they are set to: text, a time as ISO-8601, a JSON object, or null. */
export type Patch = Readonly<Record<string, string | object | null>>;

/**
 * A table of the read model, and which columns each event type sets. The row of an event has its `data.id`; what it sets
 * depends on nothing but the event, so that a row is written once for many events.
 */
export interface Projection<Event extends RegistryEvent = RegistryEvent> {
  /** Its rows tell by `stream_revision` which event of their stream they have seen last. */
  readonly table: string;
  /** Every column that events set. An event that makes a row sets each of them. */
  readonly columns: readonly string[];
  readonly changes: { readonly [Type in Event['type']]: (event: Recorded<Event & { readonly type: Type }>) => Patch };
  /** The type whose event makes the row; left out where any event does, because each says all there is to know. */
  readonly creating?: Event['type'];
  /** Types whose events need not find a row. */
  readonly rowOptional?: readonly Event['type'][];
  /** The column whose value one row alone may have, as long as that row is not deleted. */
  readonly held?: string;
}
