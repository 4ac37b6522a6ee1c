import type { RegistryEvent } from '../events/catalogue.ts';

/**
 * A table of the read model, and how each event type changes it.
 *
 * A statement takes many events at once, each of another aggregate: it reads them from the relation
 * `event (id, data, occurred_at, revision)`. It leaves alone a row that has seen its event already, and stands in a CTE
 * to which `RETURNING` is added.
 */
export interface Projection<Event extends RegistryEvent = RegistryEvent> {
  /** Its rows tell by `stream_revision` which event of their stream they have seen last. */
  readonly table: string;
  readonly statements: { readonly [Type in Event['type']]: string };
  /** Types whose events need not find a row. */
  readonly rowOptional?: readonly Event['type'][];
}
