// One service that answers queries, as a process of its own: the registry's, with all that it has around its queries; or one
// as small as it can be that answers the same with the same statements, on slonik or on pg.

import { openSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import type { FastifyInstance } from 'fastify';
import pino from 'pino';
import { createHttpServer } from '../src/http/server.ts';
import { connectEventStore } from '../src/infrastructure/event-store.ts';
import { createLogger } from '../src/infrastructure/logger.ts';
import { createPool, isUnavailable } from '../src/infrastructure/postgres.ts';
import { queryRoutes } from '../src/queries/routes.ts';
import { pgService, slonikService } from './queries-rivals.ts';

export type Way = 'registry' | 'slonik' | 'pg';

const connections = 10;
const [way = '', databaseUrl = ''] = process.argv.slice(2);

process.on('SIGINT', () => undefined);
process.on('disconnect', () => process.exit());

const app = await serviceOf(way as Way);
await app.listen({ host: '127.0.0.1', port: 0 });
process.on('message', () => process.send?.(process.cpuUsage()));
process.send?.(`http://127.0.0.1:${(app.server.address() as AddressInfo).port}`);

async function serviceOf(kind: Way): Promise<FastifyInstance> {
  if (kind === 'registry') return await registry();
  return kind === 'slonik' ? slonikService({ databaseUrl, connections }) : pgService({ databaseUrl, connections });
}

/** With its log, of which each request is a line. */
async function registry(): Promise<FastifyInstance> {
  const destination = pino.destination({ dest: openSync('/dev/null', 'w'), sync: true });
  const logger = await createLogger({ level: 'info', format: 'json', destination });
  const server = await createHttpServer({ logger, corsOrigins: [], isUnavailable });
  const pool = createPool({ databaseUrl, logger, poolMax: connections });
  // No query that is measured asks it, so that it never connects.
  const log = connectEventStore({ url: 'esdb://127.0.0.1:2113?tls=false' });
  queryRoutes(server, { pool, log, readModelReaches: async () => true });
  return server as unknown as FastifyInstance;
}
