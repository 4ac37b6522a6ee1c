// The statements that the service sends to answer its queries, taken from the service itself, and what is answered: for
// services that do the same with less around it.

import { FactoryId, GatewayId } from '../src/events/ids.ts';
import type { Pool } from '../src/infrastructure/postgres.ts';
import { encodeCursor } from '../src/queries/cursor.ts';
import { findGateway, GatewaysQuery, listGateways } from '../src/queries/gateways.ts';
import { factoryId, gatewayId } from './queries-data.ts';

export interface Statement {
  readonly text: string;
  readonly values: readonly unknown[];
  /** Under which name it is prepared, if it is. */
  readonly name?: string;
}

export interface Statements {
  one(id: string): Statement;
  newest: Statement;
  ofFactory(id: string): Statement;
}

export interface FoundRow {
  readonly id?: string | null;
  readonly total?: number;
  readonly sort_key?: string | null;
  readonly [column: string]: unknown;
}

/** The order in which the lists are asked for. */
export const sort = '-created_at';

/** What the service sends. */
export async function statementsOfService(): Promise<Statements> {
  const [gateway, factory] = [gatewayId(1), factoryId(1)];
  const list = (query: object) => sentBy((pool) => listGateways(pool, GatewaysQuery.parse({ sort, ...query })));
  const one = await sentBy((pool) => findGateway(pool, GatewayId.parse(gateway)));
  const ofFactory = await list({ factory_id: FactoryId.parse(factory) });
  return {
    one: (id) => withValue(one, gateway, id),
    newest: await list({}),
    ofFactory: (id) => withValue(ofFactory, factory, id),
  };
}

/** What the service answers for the row of a gateway. */
export function oneOf({ deleted_at: _, stream_revision: __, presence_revision: ___, ...gateway }: FoundRow): FoundRow {
  return gateway;
}

/** What the service answers for the rows of a list, of which there is one more than the page has. */
export function pageOf(rows: readonly FoundRow[], limit: number, filters: object): object {
  const found = rows.filter(({ id }) => id !== null);
  const data = found.slice(0, limit).map(({ total: _, sort_key: __, ...gateway }) => gateway);
  const last = found[data.length - 1];
  const hasNext = found.length > limit;
  const pagination = { total: rows[0]?.total, limit, offset: 0, hasNext, hasPrev: false };
  if (!hasNext || last === undefined) return { data, pagination };
  const list = JSON.stringify(['gateways', sort, false, Object.entries(filters)]);
  const place = { key: String(last.sort_key), id: String(last.id), offset: data.length };
  return { data, pagination: { ...pagination, nextCursor: encodeCursor(place, list) } };
}

function withValue(statement: Statement, value: unknown, replacement: unknown): Statement {
  return { ...statement, values: statement.values.map((given) => (given === value ? replacement : given)) };
}

async function sentBy(ask: (pool: Pool) => Promise<unknown>): Promise<Statement> {
  const sent: Statement[] = [];
  const note: Pool['any'] = async ({ sql, values, name }) => {
    sent.push({ text: sql.replaceAll('$slonik_', '$'), values, ...(name !== undefined && { name }) });
    return [];
  };
  await ask({
    any: note,
    maybeOne: async (query) => (await note(query))[0],
    end: async () => undefined,
  });
  const [statement] = sent;
  if (statement === undefined) throw new Error('The service has sent no statement.');
  return statement;
}
