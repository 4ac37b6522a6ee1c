// Turns events into rows: which projection takes which event, and how many events one statement takes.
import type pg from 'pg';
import type { Recorded } from '../events/codec.ts';
import { factories } from './factories.ts';
import { gateways } from './gateways.ts';
import { organizations } from './organizations.ts';

/** An event that has no row to change: the read model and the log do not fit together. */
export class RowMissing extends Error {
  override readonly name = 'RowMissing';
}

interface Step {
  readonly text: string;
  readonly rowOptional: boolean;
}

const steps: ReadonlyMap<string, Step> = new Map(
  [organizations, factories, gateways].flatMap(({ table, statements, rowOptional = [] }) =>
    Object.entries<string>(statements).map(([type, statement]): [string, Step] => [
      type,
      { text: withMissing(table, statement), rowOptional: rowOptional.some((optional) => optional === type) },
    ]),
  ),
);

/** Whether the read model takes events of this type. */
export function isProjected(type: string): boolean {
  return steps.has(type);
}

/**
 * Cuts events into runs that one statement can take: neighbours of one type, each of another aggregate. Their order
 * within the statement is Postgres's own, so an event that gives up one device id for another starts a run.
 */
export function runsOf(events: readonly Recorded[]): readonly (readonly Recorded[])[] {
  const runs: { readonly events: Recorded[]; readonly ids: Set<string> }[] = [];
  for (const event of events) {
    const run = runs.at(-1);
    const joins = run?.events[0]?.type === event.type && !run.ids.has(event.data.id) && !changesDeviceId(event);
    if (run !== undefined && joins) {
      run.events.push(event);
      run.ids.add(event.data.id);
    } else {
      runs.push({ events: [event], ids: new Set([event.data.id]) });
    }
  }
  return runs.map((run) => run.events);
}

/**
 * Applies a run of events, within the transaction that is open on `client`.
 *
 * @throws RowMissing when an event finds no row to change
 */
export async function applyRun(client: pg.Client, run: readonly Recorded[]): Promise<void> {
  const type = run[0]?.type ?? '';
  const step = steps.get(type);
  if (step === undefined) throw new Error(`no projection takes events of type ${type}`);
  const { rows } = await client.query<{ index: number }>({
    name: type,
    text: step.text,
    values: [
      run.map((event) => event.data.id),
      run.map((event) => JSON.stringify(event.data)),
      run.map((event) => event.metadata.occurredAt),
      run.map((event) => event.revision),
    ],
  });
  const missing = rows[0] && run[rows[0].index];
  if (missing === undefined || step.rowOptional) return;
  const { revision, stream } = missing;
  throw new RowMissing(`${type} at revision ${revision} of ${stream} has no row to change`);
}

// The statement itself tells what it has not written although nobody has seen it: a question asked later would be
// answered by the statements that were sent behind it.
function withMissing(table: string, statement: string): string {
  return `
    WITH event AS (
      SELECT * FROM unnest($1::uuid[], $2::jsonb[], $3::timestamptz[], $4::bigint[]) WITH ORDINALITY
        AS event (id, data, occurred_at, revision, place)
    ), written AS (
      ${statement}
      RETURNING ${table}.id
    )
    SELECT (place - 1)::int AS index FROM event
    WHERE id NOT IN (SELECT id FROM written)
      AND coalesce((SELECT stream_revision FROM ${table} AS seen WHERE seen.id = event.id), -1) < revision
    ORDER BY place LIMIT 1`;
}

function changesDeviceId(event: Recorded): boolean {
  return event.type === 'GatewayUpdated' && event.data.gatewayId !== undefined;
}
