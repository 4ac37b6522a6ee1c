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
  readonly table: string;
  readonly statement: string;
  readonly rowOptional: boolean;
}

const steps: ReadonlyMap<string, Step> = new Map(
  [organizations, factories, gateways].flatMap(({ table, statements, rowOptional = [] }) =>
    Object.entries<string>(statements).map(([type, statement]): [string, Step] => [
      type,
      { table, statement, rowOptional: rowOptional.some((optional) => optional === type) },
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
  const { rowCount } = await client.query({
    name: type,
    text: `
      WITH event AS (
        SELECT * FROM unnest($1::uuid[], $2::jsonb[], $3::timestamptz[], $4::bigint[])
          AS event (id, data, occurred_at, revision)
      ) ${step.statement}`,
    values: [
      run.map((event) => event.data.id),
      run.map((event) => JSON.stringify(event.data)),
      run.map((event) => event.metadata.occurredAt),
      run.map((event) => event.revision),
    ],
  });
  if (rowCount !== run.length && !step.rowOptional) await refuseMissing(client, step.table, run);
}

// What was not written has been seen already, or has no row.
async function refuseMissing(client: pg.Client, table: string, run: readonly Recorded[]): Promise<void> {
  const { rows } = await client.query<{ index: number }>(
    `SELECT (place - 1)::int AS index
     FROM unnest($1::uuid[], $2::bigint[]) WITH ORDINALITY AS event (id, revision, place)
     WHERE NOT EXISTS (SELECT FROM ${table} AS seen WHERE seen.id = event.id AND stream_revision >= revision)
     ORDER BY place LIMIT 1`,
    [run.map((event) => event.data.id), run.map((event) => event.revision)],
  );
  const missing = rows[0] && run[rows[0].index];
  if (missing === undefined) return;
  const { type, revision, stream } = missing;
  throw new RowMissing(`${type} at revision ${revision} of ${stream} has no row to change in ${table}`);
}

function changesDeviceId(event: Recorded): boolean {
  return event.type === 'GatewayUpdated' && event.data.gatewayId !== undefined;
}
