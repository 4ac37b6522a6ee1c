// Events folded for a bulk load: rows that are made here are kept as the lines that COPY takes, which needs a third of the
// memory of objects and leaves the garbage collector nothing to walk through.
import type { Recorded } from '../events/codec.ts';
import { copyField } from './copy.ts';
import { createFold, projections, type TableChanges } from './fold.ts';
import type { Patch, Projection } from './projection.ts';

export interface Lines {
  readonly projection: Projection;
  /** A table and its columns, as COPY takes them. */
  readonly into: string;
  readonly lines: Iterable<string>;
}

export interface BulkFold {
  add(event: Recorded): void;
  /** About how many bytes it holds. */
  readonly size: number;
  /** Whole rows, of each table that has any, in the order of the foreign keys; what is taken is no longer held. */
  rows(): readonly Lines[];
  /** Changes of rows that were made before. */
  changes(): readonly TableChanges[];
}

interface Table {
  readonly projection: Projection;
  readonly columns: ReadonlyMap<string, number>;
  readonly rows: Map<string, string>;
}

/** What a row and a change need beside the text itself. */
const overheadOfRow = 150;
const sizeOfChange = 2_500;

/** A fold of no events yet. */
export function createBulkFold(): BulkFold {
  const tables = projections.map(tableOf);
  const tableOfType = new Map(
    tables.flatMap((table) => Object.keys(table.projection.changes).map((type): [string, Table] => [type, table])),
  );
  const later = createFold();
  let bytes = 0;

  return {
    add(event) {
      const table = tableOfType.get(event.type);
      if (table === undefined) throw new Error(`no projection takes events of type ${event.type}`);
      const { id } = event.data;
      const line = table.rows.get(id);
      // Of a row that any event makes, an earlier event may have made it in a fold before this one.
      const { creating } = table.projection;
      const made = creating === undefined ? event.revision === 0n : event.type === creating;
      if (line === undefined && !made) return later.add(event);
      const patch = (table.projection.changes[event.type] as (event: Recorded) => Patch)(event);
      const changed = changedLine(table, line ?? newLine(table, id), patch, event.revision);
      bytes += changed.length - (line === undefined ? -overheadOfRow : line.length);
      table.rows.set(id, changed);
    },
    get size() {
      return bytes + later.size() * sizeOfChange;
    },
    rows: () =>
      tables
        .filter(({ rows }) => rows.size > 0)
        .map(({ projection, columns, rows }) => ({
          projection,
          into: `${projection.table} (${[...columns.keys()].join(', ')})`,
          lines: takenFrom(rows),
        })),
    changes: later.changes,
  };
}

function* takenFrom(rows: Map<string, string>): Generator<string> {
  for (const [id, line] of rows) {
    rows.delete(id);
    yield line;
  }
}

function tableOf(projection: Projection): Table {
  const columns = ['id', ...projection.columns, 'stream_revision'];
  return { projection, columns: new Map(columns.map((column, index) => [column, index])), rows: new Map() };
}

function newLine({ columns }: Table, id: string): string {
  return [copyField(id), ...Array(columns.size - 1).fill('\\N')].join('\t');
}

function changedLine({ columns }: Table, line: string, patch: Patch, revision: bigint): string {
  const fields = line.split('\t');
  for (const column in patch) {
    const index = columns.get(column);
    if (index === undefined) throw new Error(`${column} is none of the columns that events set`);
    fields[index] = copyField(patch[column] ?? null);
  }
  fields[fields.length - 1] = `${revision}`;
  return fields.join('\t');
}
