import { z } from 'zod';
import { FactoryId, GatewayId, OrganizationId } from '../events/ids.ts';
import { ApiError, ErrorResponse } from '../http/errors.ts';
import type { HttpServer } from '../http/server.ts';
import type { Pool } from '../infrastructure/postgres.ts';
import { FactoryResource } from '../resources/factory.ts';
import { GatewayResource } from '../resources/gateway.ts';
import { OrganizationResource } from '../resources/organization.ts';
import { FactoriesQuery, findFactory, listFactories } from './factories.ts';
import { findGateway, GatewaysQuery, listGateways } from './gateways.ts';
import { findOrganization, listOrganizations, OrganizationsQuery } from './organizations.ts';
import { pageOf } from './pagination.ts';

export interface QueryRouteOptions {
  readonly pool: Pool;
}

/** The routes that read: a list and a single one of each resource. */
export function queryRoutes(app: HttpServer, { pool }: QueryRouteOptions): void {
  app.get(
    '/api/organizations',
    { schema: schemaOfList('ListOrganizations', OrganizationsQuery, OrganizationResource) },
    (request) => listOrganizations(pool, request.query),
  );

  app.get(
    '/api/organizations/:id',
    { schema: schemaOfOne('GetOrganization', OrganizationId, OrganizationResource) },
    async (request, reply) => {
      const found = await findOrganization(pool, request.params.id);
      if (found === undefined)
        throw new ApiError('ORGANIZATION_NOT_FOUND', 'There is no such organization, or it is deleted.');
      return reply.header('ETag', etag(found.revision)).send(found.organization);
    },
  );

  app.get('/api/factories', { schema: schemaOfList('ListFactories', FactoriesQuery, FactoryResource) }, (request) =>
    listFactories(pool, request.query),
  );

  app.get(
    '/api/factories/:id',
    { schema: schemaOfOne('GetFactory', FactoryId, FactoryResource) },
    async (request, reply) => {
      const found = await findFactory(pool, request.params.id);
      if (found === undefined) throw new ApiError('FACTORY_NOT_FOUND', 'There is no such factory, or it is deleted.');
      return reply.header('ETag', etag(found.revision)).send(found.factory);
    },
  );

  app.get('/api/gateways', { schema: schemaOfList('ListGateways', GatewaysQuery, GatewayResource) }, (request) =>
    listGateways(pool, request.query),
  );

  app.get(
    '/api/gateways/:id',
    { schema: schemaOfOne('GetGateway', GatewayId, GatewayResource) },
    async (request, reply) => {
      const found = await findGateway(pool, request.params.id);
      if (found === undefined) throw new ApiError('GATEWAY_NOT_FOUND', 'There is no such gateway, or it is deleted.');
      return reply.header('ETag', etag(found.revision, found.gateway.last_seen_at)).send(found.gateway);
    },
  );
}

function schemaOfList<Query extends z.ZodType, Item extends z.ZodType>(operationId: string, query: Query, item: Item) {
  return {
    operationId,
    querystring: query,
    response: { 200: pageOf(item), 400: ErrorResponse, 500: ErrorResponse, 503: ErrorResponse },
  };
}

function schemaOfOne<Id extends z.ZodType, Item extends z.ZodType>(operationId: string, id: Id, item: Item) {
  return {
    operationId,
    params: z.strictObject({ id }),
    querystring: z.strictObject({}),
    response: { 200: item, 400: ErrorResponse, 404: ErrorResponse, 500: ErrorResponse, 503: ErrorResponse },
  };
}

// What is observed changes without an event, and with it the answer.
function etag(revision: bigint, observedAt: string | null = null): string {
  return observedAt === null ? `"${revision}"` : `"${revision}.${Date.parse(observedAt)}"`;
}
