// What is wrong with the tables, in sentences; none when all is well. The rows are compared with a plain fold of the
// log, one event after the other; and each transaction that the audit has seen must have written what the events say
// that lie between the checkpoint as it found it and as it left it: nothing else, nothing less, and nothing twice.
import type { Recorded } from '../../src/events/codec.ts';
import type { Position } from '../../src/events/event-log.ts';
import { comparePositions } from '../../src/projections/progress.ts';
import { type FactoryResource, foldFactory } from '../../src/resources/factory.ts';
import { foldGateway, type RecordedGateway } from '../../src/resources/gateway.ts';
import { foldOrganization, type OrganizationResource } from '../../src/resources/organization.ts';
import type { Audit, Move, Write } from './audit.ts';

/** A row with the columns of its table; times as ISO strings, stream_revision as bigint. */
export type Row = Readonly<Record<string, unknown>>;

/** Rows by table and id: `gateways 0194c000-…`. */
export type Rows = ReadonlyMap<string, Row>;

type Resource = OrganizationResource | FactoryResource | RecordedGateway;
type Fold = (resource: Resource | undefined, event: Recorded) => Resource | undefined;

const kinds: Readonly<Record<string, { readonly table: string; readonly fold: Fold }>> = {
  organization: { table: 'organizations', fold: foldOrganization as Fold },
  factory: { table: 'factories', fold: foldFactory as Fold },
  gateway: { table: 'gateways', fold: foldGateway as Fold },
};

/** The kind of aggregate that a stream is about, if there is a table of it. */
export function kindOf(stream: string) {
  return kinds[stream.slice(0, stream.indexOf('-'))];
}

/** What the tables must hold after events, in the order of the log. */
export function rowsAfter(events: readonly Recorded[]): Rows {
  const rows = new Map<string, Row>();
  for (const event of events) {
    const key = keyOf(event);
    const row = rowAfter(rows.get(key), event);
    if (row) rows.set(key, row);
  }
  return rows;
}

function rowAfter(row: Row | undefined, event: Recorded): Row | undefined {
  const resource = kindOf(event.stream)?.fold(row as Resource | undefined, event);
  if (resource === undefined) return undefined;
  const isPassword = 'passwordEncrypted' in event.data;
  return {
    ...resource,
    // Nobody sends heartbeats here.
    ...(event.stream.startsWith('gateway-') && { last_seen_at: null }),
    ...(isPassword && { password_encrypted: event.data.passwordEncrypted }),
    deleted_at: deletedAt(row?.deleted_at ?? null, event),
    stream_revision: event.revision,
  };
}

function deletedAt(before: unknown, { type, metadata: { occurredAt } }: Recorded): unknown {
  if (type.endsWith('SoftDeleted')) return occurredAt;
  return type.endsWith('Restored') ? null : before;
}

/** Where the rows are not what the events say. */
export function differences(events: readonly Recorded[], rows: Rows): readonly string[] {
  const expected = rowsAfter(events);
  return [...new Set([...expected.keys(), ...rows.keys()])].flatMap((key) => {
    const [wanted, found] = [expected.get(key), rows.get(key)];
    if (wanted === undefined) return [`${key} is there, and no event made it`];
    if (found === undefined) return [`${key} is not there`];
    return [...new Set([...Object.keys(wanted), ...Object.keys(found)])].flatMap((column) => {
      const [should, is] = [json(wanted[column]), json(found[column])];
      return should === is ? [] : [`${key}: ${column} is ${is} and not ${should}`];
    });
  });
}

/** Where the history of the rows is not that of the log. */
export function irregularities(events: readonly Recorded[], { writes, moves }: Audit): readonly string[] {
  return [...wrongMoves(moves), ...wrongWrites(writes), ...wrongTransactions(events, writes, moves)];
}

/** The checkpoint only rises, and within an epoch; the epoch rises by one, without moving the checkpoint. */
function wrongMoves(moves: readonly Move[]): readonly string[] {
  return moves.flatMap(({ transaction, before, after }, index) => {
    const previous = moves[index - 1]?.after ?? { epoch: 0n, position: undefined };
    const rises = compare(after.position, before.position);
    const isMove = after.epoch === before.epoch && rises > 0;
    const isTakeover = after.epoch === before.epoch + 1n && rises === 0;
    const isNext = before.epoch === previous.epoch && compare(before.position, previous.position) === 0;
    if (isNext && (isMove || isTakeover)) return [];
    return [`transaction ${transaction} moved the checkpoint from ${json(before)} to ${json(after)}`];
  });
}

/** No row shows an event twice, or goes back. */
function wrongWrites(writes: readonly Write[]): readonly string[] {
  const last = new Map<string, bigint>();
  return writes.flatMap((write) => {
    const { transaction, table, id, operation, before, revision } = write;
    const previous = last.get(`${table} ${id}`);
    if (revision !== undefined) last.set(`${table} ${id}`, revision);
    if (before === previous && revision !== undefined && revision > (previous ?? -1n)) return [];
    return [`transaction ${transaction}: ${operation} of ${table} ${id} from revision ${before} to ${revision}`];
  });
}

/** A transaction writes the rows of the events that it moves the checkpoint past, up to the last of them. */
function wrongTransactions(
  events: readonly Recorded[],
  writes: readonly Write[],
  moves: readonly Move[],
): readonly string[] {
  const written = Map.groupBy(writes, ({ transaction }) => transaction);
  const exists = new Set<string>();
  let next = 0;
  const wrong = moves.flatMap(({ transaction, after: { position } }) => {
    const expected = new Map<string, bigint>();
    for (let event = events[next]; event && compare(event.position, position) <= 0; event = events[++next]) {
      const key = keyOf(event);
      if (event.type.endsWith('Created')) exists.add(key);
      if (exists.has(key)) expected.set(key, event.revision);
    }
    const found = new Map(written.get(transaction)?.map(({ table, id, revision }) => [`${table} ${id}`, revision]));
    written.delete(transaction);
    return [...new Set([...expected.keys(), ...found.keys()])].flatMap((key) => {
      const [wanted, actual] = [expected.get(key), found.get(key)];
      if (wanted === actual) return [];
      return [`transaction ${transaction} wrote revision ${actual} of ${key}, where its events end with ${wanted}`];
    });
  });
  return [...wrong, ...[...written.keys()].map((key) => `transaction ${key} wrote rows and moved no checkpoint`)];
}

function keyOf({ stream, data }: Recorded): string {
  return `${kindOf(stream)?.table} ${data.id}`;
}

function compare(a: Position | undefined, b: Position | undefined): number {
  if (a === undefined || b === undefined) return Number(a !== undefined) - Number(b !== undefined);
  return comparePositions(a, b);
}

/** Keys in order, because a jsonb column has an order of its own. */
function json(value: unknown): string {
  return JSON.stringify(value, (_, inner) => {
    if (typeof inner === 'bigint') return `${inner}`;
    if (typeof inner !== 'object' || inner === null || Array.isArray(inner)) return inner;
    return Object.fromEntries(Object.entries(inner).toSorted(([a], [b]) => (a < b ? -1 : 1)));
  });
}
