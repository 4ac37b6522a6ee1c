import { z } from 'zod';
import { FactoryId, GatewayId, OrganizationId } from '../events/ids.ts';
import { ApiError } from '../http/errors.ts';
import { awaitMinPosition, type ReadModelReaches } from '../http/read-your-writes.ts';
import type { HttpServer } from '../http/server.ts';
import type { Pool } from '../infrastructure/postgres.ts';
import { FactoriesQuery, findFactory, listFactories, ShownFactory } from './factories.ts';
import { findGateway, GatewaysQuery, listGateways, ShownGateway } from './gateways.ts';
import { describedId, getOperation, type Kind, listOperation } from './operations.ts';
import { findOrganization, listOrganizations, OrganizationsQuery, ShownOrganization } from './organizations.ts';
import { includeDeleted, pageOf } from './pagination.ts';

export interface QueryRouteOptions {
  readonly pool: Pool;
  readonly readModelReaches: ReadModelReaches;
}

/** The routes that read: a list and a single one of each resource. */
export function queryRoutes(app: HttpServer, { pool, readModelReaches }: QueryRouteOptions): void {
  const preHandler = awaitMinPosition(readModelReaches);

  app.get(
    '/api/organizations',
    { preHandler, serializerCompiler, schema: schemaOfList('organization', OrganizationsQuery, ShownOrganization) },
    (request) => listOrganizations(pool, request.query),
  );

  app.get(
    '/api/organizations/:id',
    { preHandler, serializerCompiler, schema: schemaOfOne('organization', OrganizationId, ShownOrganization) },
    async (request, reply) => {
      const found = await findOrganization(pool, request.params.id, { includeDeleted: request.query.include_deleted });
      if (found === undefined)
        throw new ApiError('ORGANIZATION_NOT_FOUND', 'There is no such organization, or it is deleted.');
      return reply.header('ETag', etag(found.revision)).send(found.organization);
    },
  );

  app.get(
    '/api/factories',
    { preHandler, serializerCompiler, schema: schemaOfList('factory', FactoriesQuery, ShownFactory) },
    (request) => listFactories(pool, request.query),
  );

  app.get(
    '/api/factories/:id',
    { preHandler, serializerCompiler, schema: schemaOfOne('factory', FactoryId, ShownFactory) },
    async (request, reply) => {
      const found = await findFactory(pool, request.params.id, { includeDeleted: request.query.include_deleted });
      if (found === undefined) throw new ApiError('FACTORY_NOT_FOUND', 'There is no such factory, or it is deleted.');
      return reply.header('ETag', etag(found.revision)).send(found.factory);
    },
  );

  app.get(
    '/api/gateways',
    { preHandler, serializerCompiler, schema: schemaOfList('gateway', GatewaysQuery, ShownGateway) },
    (request) => listGateways(pool, request.query),
  );

  app.get(
    '/api/gateways/:id',
    { preHandler, serializerCompiler, schema: schemaOfOne('gateway', GatewayId, ShownGateway) },
    async (request, reply) => {
      const found = await findGateway(pool, request.params.id, { includeDeleted: request.query.include_deleted });
      if (found === undefined) throw new ApiError('GATEWAY_NOT_FOUND', 'There is no such gateway, or it is deleted.');
      return reply.header('ETag', etag(found.revision, found.gateway.last_seen_at)).send(found.gateway);
    },
  );
}

// What queries find is checked row by row against the schema of the answer, which leaves out what is not in it. To check
// it once more on its way out would take longer than all the rest of a list.
const serializerCompiler = () => JSON.stringify;

function schemaOfList<Query extends z.ZodType, Item extends z.ZodType>(kind: Kind, query: Query, item: Item) {
  return { querystring: query, response: { 200: pageOf(item) }, operation: listOperation(kind, item) };
}

function schemaOfOne<Id extends z.ZodType, Item extends z.ZodType>(kind: Kind, id: Id, item: Item) {
  return {
    params: z.strictObject({ id: describedId(kind, id, item) }),
    querystring: z.strictObject({ include_deleted: includeDeleted }),
    response: { 200: item },
    operation: getOperation(kind, item),
  };
}

// What is observed changes without an event, and with it the answer.
function etag(revision: bigint, observedAt: string | null = null): string {
  return observedAt === null ? `"${revision}"` : `"${revision}.${Date.parse(observedAt)}"`;
}
