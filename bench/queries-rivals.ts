// Services that are as small as they can be, and answer as the registry does: with its statements, on slonik or on pg.

import Fastify, { type FastifyInstance } from 'fastify';
import pg from 'pg';
import { createPool, type Interceptor, SchemaValidationError, sql } from 'slonik';
import { z } from 'zod';
import { ShownGateway } from '../src/queries/gateways.ts';
import { type FoundRow, oneOf, pageOf, type Statement, statementsOfService } from './queries-statements.ts';

export interface RivalOptions {
  readonly databaseUrl: string;
  readonly connections: number;
}

/** What answers a statement with its rows. */
type Ask = (statement: Statement, row: 'one' | 'list') => Promise<readonly FoundRow[]>;

/** Rows as pg parses them: what is a Date becomes the same text in JSON. */
export function pgService({ databaseUrl, connections }: RivalOptions): Promise<FastifyInstance> {
  const pool = new pg.Pool({ connectionString: databaseUrl, max: connections });
  return serviceThat(async ({ text, values, name }) => {
    const { rows } = await pool.query<FoundRow>({ text, values: [...values], ...(name !== undefined && { name }) });
    return rows;
  });
}

/**
 * As slonik comes, with rows that are checked as its README says. It forgets what was prepared whenever it resets a
 * connection, and then fails: here nothing is.
 */
export async function slonikService({ databaseUrl, connections }: RivalOptions): Promise<FastifyInstance> {
  const pool = await createPool(databaseUrl, {
    maxPoolSize: connections,
    interceptors: [resultParser],
    typeParsers: [
      { name: 'timestamptz', parse: (text) => new Date(text).toISOString() },
      { name: 'int8', parse: Number },
    ],
  });
  const parsers = {
    one: ShownGateway.extend({ stream_revision: z.number(), presence_revision: z.number().nullable() }),
    list: ShownGateway.extend({ total: z.int(), sort_key: z.string() }),
  };
  const query = sql.type(z.object({}))`SELECT`;
  return serviceThat(async ({ text, values }, row) =>
    pool.any({ ...query, parser: parsers[row], sql: text, values: values as typeof query.values }),
  );
}

async function serviceThat(ask: Ask): Promise<FastifyInstance> {
  const statements = await statementsOfService();
  const server = Fastify();
  server.get<{ Params: { id: string } }>('/api/gateways/:id', async ({ params }) => {
    const [row] = await ask(statements.one(params.id), 'one');
    if (row === undefined) throw new Error('There is no such gateway.');
    return oneOf(row);
  });
  server.get<{ Querystring: { factory_id?: string } }>('/api/gateways', async ({ query: { factory_id } }) => {
    if (factory_id === undefined) return pageOf(await ask(statements.newest, 'list'), 20, {});
    return pageOf(await ask(statements.ofFactory(factory_id), 'list'), 20, { factory_id });
  });
  return server;
}

const resultParser: Interceptor = {
  name: 'result-parser',
  transformRow({ resultParser: parser }, query, row) {
    const result = parser?.['~standard'].validate(row);
    if (result === undefined || result instanceof Promise) return row;
    if (result.issues) throw new SchemaValidationError(query, row, result.issues);
    return result.value as typeof row;
  },
};
