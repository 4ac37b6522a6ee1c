import type { preHandlerAsyncHookHandler } from 'fastify';
import { z } from 'zod';
import type { RegistryEvent } from '../events/catalogue.ts';
import type { EventLog } from '../events/event-log.ts';
import { FactoryId, GatewayId, OrganizationId } from '../events/ids.ts';
import { answerNotModified } from '../http/conditional-get.ts';
import { entityTagOf, formatEntityTag } from '../http/entity-tag.ts';
import { awaitMinPosition, type ReadModelReaches } from '../http/read-your-writes.ts';
import type { HttpServer } from '../http/server.ts';
import type { Pool } from '../infrastructure/postgres.ts';
import { FactoriesQuery, findFactory, listFactories, ShownFactory } from './factories.ts';
import { findGateway, GatewaysQuery, listGateways, ShownGateway } from './gateways.ts';
import { History, HistoryQuery, readHistory } from './history.ts';
import { factories, gateways, type Kind, organizations, type Subject } from './life.ts';
import { describedId, getOperation, historyOperation, listOperation, neverWas, notFound } from './operations.ts';
import { findOrganization, listOrganizations, OrganizationsQuery, ShownOrganization } from './organizations.ts';
import { pageOf } from './pagination.ts';
import { findPast, momentOf, OneQuery, PastGateway } from './past.ts';

export interface QueryRouteOptions {
  readonly pool: Pool;
  readonly log: EventLog;
  readonly readModelReaches: ReadModelReaches;
}

/** The routes that read: of each resource a list, a single one, as it is or as it was, and its history. */
export function queryRoutes(app: HttpServer, { pool, log, readModelReaches }: QueryRouteOptions): void {
  const preHandler = awaitMinPosition(readModelReaches);
  const list = { preHandler, serializerCompiler };
  const one = { preHandler: unlessPast(preHandler), onSend: answerNotModified, serializerCompiler };

  app.get(
    '/api/organizations',
    { ...list, schema: schemaOfList('organization', OrganizationsQuery, ShownOrganization) },
    (request) => listOrganizations(pool, request.query),
  );

  app.get(
    '/api/organizations/:id',
    { ...one, schema: schemaOfOne('organization', OrganizationId, ShownOrganization) },
    async ({ params: { id }, query }, reply) => {
      const past = await pastOf(organizations, id, query);
      if (past !== undefined) return reply.header('ETag', etag(past.revision)).send(past.resource);
      const found = await findOrganization(pool, id, { includeDeleted: query.include_deleted });
      if (found === undefined) throw notFound('organization');
      return reply.header('ETag', etag(found.revision)).send(found.organization);
    },
  );

  app.get(
    '/api/organizations/:id/history',
    { schema: schemaOfHistory('organization', OrganizationId, ShownOrganization) },
    ({ params, query }) => historyOf(organizations, params.id, query),
  );

  app.get('/api/factories', { ...list, schema: schemaOfList('factory', FactoriesQuery, ShownFactory) }, (request) =>
    listFactories(pool, request.query),
  );

  app.get(
    '/api/factories/:id',
    { ...one, schema: schemaOfOne('factory', FactoryId, ShownFactory) },
    async ({ params: { id }, query }, reply) => {
      const past = await pastOf(factories, id, query);
      if (past !== undefined) return reply.header('ETag', etag(past.revision)).send(past.resource);
      const found = await findFactory(pool, id, { includeDeleted: query.include_deleted });
      if (found === undefined) throw notFound('factory');
      return reply.header('ETag', etag(found.revision)).send(found.factory);
    },
  );

  app.get(
    '/api/factories/:id/history',
    { schema: schemaOfHistory('factory', FactoryId, ShownFactory) },
    ({ params, query }) => historyOf(factories, params.id, query),
  );

  app.get('/api/gateways', { ...list, schema: schemaOfList('gateway', GatewaysQuery, ShownGateway) }, (request) =>
    listGateways(pool, request.query),
  );

  app.get(
    '/api/gateways/:id',
    { ...one, schema: schemaOfOne('gateway', GatewayId, ShownGateway, z.union([ShownGateway, PastGateway])) },
    async ({ params: { id }, query }, reply) => {
      const past = await pastOf(gateways, id, query);
      if (past !== undefined) return reply.header('ETag', etag(past.revision)).send(past.resource);
      const found = await findGateway(pool, id, { includeDeleted: query.include_deleted });
      if (found === undefined) throw notFound('gateway');
      return reply.header('ETag', etag(found.revision, found.mark)).send(found.gateway);
    },
  );

  app.get(
    '/api/gateways/:id/history',
    { schema: schemaOfHistory('gateway', GatewayId, ShownGateway) },
    ({ params, query }) => historyOf(gateways, params.id, query),
  );

  async function pastOf<Event extends RegistryEvent, Resource extends object>(
    subject: Subject<Event, Resource>,
    id: string,
    query: OneQuery,
  ) {
    const moment = momentOf(query);
    if (moment === undefined) return undefined;
    const past = await findPast(log, subject, id, moment, { includeDeleted: query.include_deleted });
    if (past.status === 'absent') throw notFound(subject.kind, past.because);
    return past;
  }

  async function historyOf<Event extends RegistryEvent, Resource extends object>(
    subject: Subject<Event, Resource>,
    id: string,
    query: HistoryQuery,
  ): Promise<History> {
    const history = await readHistory(log, subject, id, query);
    if (history === undefined) throw notFound(subject.kind, neverWas(subject.kind));
    return history;
  }
}

// What was is in the log, wherever the tables are.
function unlessPast(preHandler: preHandlerAsyncHookHandler): preHandlerAsyncHookHandler {
  return async function (request, reply) {
    if (momentOf(request.query as OneQuery) === undefined) await preHandler.call(this, request, reply);
  };
}

// What queries find is checked row by row against the schema of the answer, which leaves out what is not in it. To check
// it once more on its way out would take longer than all the rest of a list.
const serializerCompiler = () => JSON.stringify;

function schemaOfList<Query extends z.ZodType, Item extends z.ZodType>(kind: Kind, query: Query, item: Item) {
  return { querystring: query, response: { 200: pageOf(item) }, operation: listOperation(kind, item) };
}

/** @param answer what the present and the past of it may be, if that is not the same */
function schemaOfOne<Id extends z.ZodType, Item extends z.ZodType, Answer extends z.ZodType = Item>(
  kind: Kind,
  id: Id,
  item: Item,
  answer: Answer | Item = item,
) {
  return {
    params: z.strictObject({ id: describedId(kind, id, item) }),
    querystring: OneQuery,
    response: { 200: answer, 304: z.undefined() },
    operation: getOperation(kind, item),
  };
}

function schemaOfHistory<Id extends z.ZodType>(kind: Kind, id: Id, item: z.ZodType) {
  return {
    params: z.strictObject({ id: describedId(kind, id, item) }),
    querystring: HistoryQuery,
    response: { 200: History },
    operation: historyOperation(kind, item),
  };
}

function etag(revision: bigint, observed?: string): string {
  return formatEntityTag(entityTagOf(revision, observed));
}
