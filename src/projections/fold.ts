// What events make of the rows: folded, so that a row is written once for any number of them.
import type { Recorded } from '../events/codec.ts';
import { factories } from './factories.ts';
import { gatewayPresence } from './gateway-presence.ts';
import { gateways } from './gateways.ts';
import { organizations } from './organizations.ts';
import type { Patch, Projection } from './projection.ts';

/** The tables, in the order of their foreign keys. */
export const projections: readonly Projection[] = [
  organizations,
  factories,
  gateways,
  gatewayPresence,
] as readonly Projection[];

/** What is to become of one row. */
export interface RowChange {
  readonly id: string;
  readonly patch: Patch;
  /** Whether the event that makes the row is among the events, so that the patch has every column. */
  readonly creates: boolean;
  /** The first event for which there has to be a row already, if there is one. */
  readonly needsRow: Recorded | undefined;
  /** The last of the events. */
  readonly last: Recorded;
}

/** The changes of one table, at most one a row, in the order of the first event of each. */
export interface TableChanges {
  readonly projection: Projection;
  readonly rows: readonly RowChange[];
}

const projectionOf: ReadonlyMap<string, Projection> = new Map(
  projections.flatMap((projection) =>
    Object.keys(projection.changes).map((type): [string, Projection] => [type, projection]),
  ),
);

/** Whether the read model takes events of this type. */
export function isProjected(type: string): boolean {
  return projectionOf.has(type);
}

/** Events folded row by row, in the order in which they are added. */
export interface Fold {
  add(event: Recorded): void;
  /** How many rows have changes. */
  size(): number;
  /** The changes, of each table that has any, in the order of the foreign keys. */
  changes(): readonly TableChanges[];
}

/** A fold of no events yet. */
export function createFold(): Fold {
  const tables = new Map(projections.map((projection) => [projection, new Map<string, RowChange>()]));

  return {
    add(event) {
      const projection = projectionFor(event);
      const rows = tables.get(projection);
      rows?.set(event.data.id, changed(rows.get(event.data.id), projection, event));
    },
    size: () => [...tables.values()].reduce((total, rows) => total + rows.size, 0),
    changes: () =>
      [...tables]
        .filter(([, rows]) => rows.size > 0)
        .map(([projection, rows]) => ({ projection, rows: [...rows.values()] })),
  };
}

/**
 * The changes that events make, each entry to be written by one statement, in this order. Rows that give up what they
 * alone may hold are written before rows that take it. An event that changes what its row holds does both, and is
 * therefore written by itself.
 */
export function changesOf(events: readonly Recorded[]): readonly TableChanges[] {
  return segmentsOf(events).flatMap((segment) => {
    const fold = createFold();
    for (const event of segment) fold.add(event);
    return fold.changes().flatMap(inPhases);
  });
}

function changed(before: RowChange | undefined, projection: Projection, event: Recorded): RowChange {
  const change = projection.changes[event.type] as (event: Recorded) => Patch;
  const isOptional = projection.rowOptional?.includes(event.type) ?? false;
  const creates = makesRow(projection, event) || (before?.creates ?? false);
  return {
    id: event.data.id,
    patch: { ...before?.patch, ...change(event) },
    creates,
    needsRow: before?.needsRow ?? (isOptional || creates ? undefined : event),
    last: event,
  };
}

function makesRow({ creating }: Projection, { type }: Recorded): boolean {
  return creating === undefined || creating === type;
}

function segmentsOf(events: readonly Recorded[]): readonly (readonly Recorded[])[] {
  const segments: Recorded[][] = [[]];
  for (const event of events) {
    if (changesWhatIsHeld(event)) segments.push([event], []);
    else segments.at(-1)?.push(event);
  }
  return segments.filter((segment) => segment.length > 0);
}

function changesWhatIsHeld(event: Recorded): boolean {
  const { held, changes, creating } = projectionFor(event);
  if (held === undefined || event.type === creating) return false;
  return held in (changes[event.type] as (event: Recorded) => Patch)(event);
}

function inPhases({ projection, rows }: TableChanges): readonly TableChanges[] {
  if (projection.held === undefined) return [{ projection, rows }];
  const leave = rows.filter(({ patch }) => typeof patch.deleted_at === 'string');
  const stay = rows.filter(({ patch }) => typeof patch.deleted_at !== 'string');
  return [leave, stay].filter((phase) => phase.length > 0).map((phase) => ({ projection, rows: phase }));
}

function projectionFor({ type }: Recorded): Projection {
  const projection = projectionOf.get(type);
  if (projection === undefined) throw new Error(`no projection takes events of type ${type}`);
  return projection;
}
