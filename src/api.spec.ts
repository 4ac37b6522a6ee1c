import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { FastifyInstance, InjectOptions, RouteOptions } from 'fastify';
import { pino } from 'pino';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { z } from 'zod';
import {
  aDevice,
  aFactory,
  aGateway,
  anOrganization,
  anotherDevice,
  anotherFactory,
  anotherGateway,
  anotherOrganization,
  anotherReservation,
  factoryCreated,
  factorySoftDeleted,
  gatewayCreated,
  gatewayIdReserved,
  gatewayMoved,
  gatewayPasswordChanged,
  gatewaySoftDeleted,
  gatewayUpdated,
  now,
  organizationCreated,
  organizationSoftDeleted,
  storedInOrder,
} from '../test/support/examples.ts';
import { memoryLog } from '../test/support/memory-log.ts';
import { type Api, createApi } from './api.ts';
import { createIdempotencyKeys } from './commands/idempotency.ts';
import type { RegistryEvent } from './events/catalogue.ts';
import { type EventLog, EventLogUnavailable } from './events/event-log.ts';
import { type ErrorCode, type ErrorDetail, ErrorResponse, statusOfCode } from './http/errors.ts';
import type { StoresReadiness } from './http/health.ts';
import type { Pool } from './infrastructure/postgres.ts';
import { exampleFactory, exampleGateway, exampleOrganization } from './resources/examples.ts';
import { nothingObserved } from './resources/gateway.ts';

interface Answer {
  readonly $ref?: string;
  readonly description: string;
  readonly headers?: Readonly<Record<string, object>>;
  readonly content?: { readonly 'application/json': { readonly example?: object; readonly examples?: Examples } };
}

type Examples = Readonly<Record<string, { readonly value: ErrorResponse }>>;

interface Described {
  readonly path: string;
  readonly method: string;
  readonly operation: {
    readonly operationId: string;
    readonly requestBody?: { readonly content: { readonly 'application/json': { readonly example: object } } };
    readonly responses: Readonly<Record<string, Answer>>;
  };
}

/** What the API stands on; a spec may take a leg away. */
let log: EventLog;
let pool: Pool;
let isCurrent: boolean;
let readiness: StoresReadiness;
let api: Api;
let routes: RouteOptions[];

beforeAll(async () => {
  routes = [];
  const seeRoutes = (message: unknown) => {
    (message as { fastify: FastifyInstance }).fastify.addHook('onRoute', (route) => void routes.push(route));
  };
  subscribe('fastify.initialization', seeRoutes);
  const inFront: EventLog = {
    read: (...read) => log.read(...read),
    readLast: (...read) => log.readLast(...read),
    append: (...append) => log.append(...append),
    head: () => log.head(),
    reaches: (position) => log.reaches(position),
    subscribe: (options) => log.subscribe(options),
    readAll: (options) => log.readAll(options),
  };
  api = await createApi({
    logger: pino({ level: 'silent' }),
    corsOrigins: [],
    isUnavailable: (error) => error instanceof EventLogUnavailable,
    version: '1.2.3',
    parts: () => [{ name: 'projector', status: 'running' }],
    readiness: async () => readiness,
    readModelReaches: async () => isCurrent,
    commands: {
      dependencies: {
        log: inFront,
        sealPassword: () => 'sealed',
        now: () => new Date(now),
        hasActiveChildren: async () => true,
        reservationGrace: 10_000,
      },
      idempotencyKeys: createIdempotencyKeys([Buffer.from('a secret')]),
      mayRead: () => true,
      observationsOf: async () => nothingObserved,
    },
    queries: {
      log: inFront,
      pool: { ...emptyPool, any: (query) => pool.any(query), maybeOne: (query) => pool.maybeOne(query) },
    },
  });
  await api.server.ready();
  unsubscribe('fastify.initialization', seeRoutes);
});

afterAll(() => api?.server.close());

beforeEach(() => {
  log = memoryLog();
  pool = emptyPool;
  isCurrent = true;
  readiness = { postgres: 'reachable', eventStore: 'reachable', readModel: aReadModel };
});

describe('the document', () => {
  it('is served as JSON', async () => {
    const answer = await api.server.inject('/api/openapi.json');
    expect(answer.headers['content-type']).toBe('application/json; charset=utf-8');
    expect(answer.json()).toEqual(api.document());
    expect(answer.json()).toMatchObject({ openapi: '3.1.1', info: { version: '1.2.3' } });
  });

  it('has every route but those of its own page, and no other', () => {
    const registered = routes
      .filter(({ method, url }) => method !== 'HEAD' && method !== 'OPTIONS' && !/^\/(docs.*)?$/.test(url))
      .map(({ method, url }) => `${method} ${url.replace(/:(\w+)/g, '{$1}')}`);
    const described = operations().map(({ method, path }) => `${method} ${path}`);
    expect(described.sort()).toEqual(registered.sort());
  });

  it('has the statuses of each route, and no other', () => {
    for (const { method, path, operation } of operations()) {
      const { schema } = routeOf(method, path);
      expect(Object.keys(operation.responses), path).toEqual(Object.keys(schema?.response as object));
    }
  });

  it('has an example of every error', () => {
    const shown = operations().flatMap(({ operation }) =>
      Object.keys(operation.responses).flatMap((status) => Object.keys(examplesOf(operation, status))),
    );
    expect([...new Set(shown)].sort()).toEqual(Object.keys(statusOfCode).sort());
  });

  it('has examples of errors that are as errors are', () => {
    for (const { operation } of operations()) {
      for (const status of Object.keys(operation.responses)) {
        for (const [code, { value }] of Object.entries(examplesOf(operation, status))) {
          const { error } = ErrorResponse.strict().parse(value);
          expect([error.code, String(error.statusCode)]).toEqual([code, status]);
        }
      }
    }
  });

  it('has examples of bodies that the routes take', () => {
    const bodies = operations().filter(({ method, path }) => routeOf(method, path).schema?.body !== undefined);
    expect(bodies).toHaveLength(7);
    for (const { method, path, operation } of bodies) {
      const body = routeOf(method, path).schema?.body as z.ZodType;
      const example = operation.requestBody?.content['application/json'].example;
      expect(body.safeParse(example), operation.operationId).toMatchObject({ success: true });
    }
  });

  it('has examples of answers that the routes may give, field by field', () => {
    for (const { method, path, operation } of operations()) {
      const [status, schema] =
        Object.entries(routeOf(method, path).schema?.response as Record<string, z.ZodType>)[0] ?? [];
      if (status === undefined || status === '204') continue;
      const example = operation.responses[status]?.content?.['application/json'].example;
      expect(schema?.parse(example), operation.operationId).toEqual(example);
    }
  });

  it('shows no password in an answer', () => {
    for (const { operation } of operations()) expect(JSON.stringify(operation.responses)).not.toContain('battery');
  });

  it('says something in every schema', () => {
    expect(emptySchemasIn(api.document(), '#')).toEqual([]);
  });
});

describe('an answer', () => {
  const missing = '0194ffff-0000-7000-8000-000000000000';
  const organization = [organizationCreated()];
  const factory = [...organization, factoryCreated()];
  const gateway = [...factory, gatewayIdReserved(), gatewayCreated()];
  const rival = { id: anotherGateway, gatewayId: anotherDevice, reservationId: anotherReservation };
  const rivals = [...gateway, gatewayIdReserved(rival), gatewayCreated(rival)];
  const kinds = ['organizations', 'factories', 'gateways'];
  const idOf = { organizations: anOrganization, factories: aFactory, gateways: aGateway };

  it.each<[string, InjectOptions, number, (readonly RegistryEvent[])?]>([
    ['GET /api/health', { url: '/api/health' }, 200],
    ['GET /api/openapi.json', { url: '/api/openapi.json' }, 200],
    ...kinds.map((kind): [string, InjectOptions, number] => [`GET /api/${kind}`, { url: `/api/${kind}` }, 200]),
    ['POST /api/organizations', post('/api/organizations', { name: 'Acme' }), 201],
    ['POST /api/factories', post('/api/factories', { name: 'F', organization_id: anOrganization }), 201, organization],
    ['POST /api/gateways', post('/api/gateways', gatewayBody()), 201, factory],
    ...kinds.flatMap((kind) => {
      const url = `/api/${kind}/${idOf[kind as keyof typeof idOf]}`;
      return [
        [`PUT /api/${kind}/{id}`, { ...post(url, { name: 'Other' }), method: 'PUT' as const }, 200, gateway],
        [`DELETE /api/${kind}/{id}`, { method: 'DELETE' as const, url }, 204, gateway],
        [`POST /api/${kind}/{id}/restore`, { method: 'POST' as const, url: `${url}/restore` }, 200, gateway],
        [`GET /api/${kind}/{id}`, { url: `${url}?revision=0` }, 200, gateway],
        [`GET /api/${kind}/{id}`, { url: `${url}?revision=0`, headers: { 'if-none-match': '*' } }, 304, gateway],
        [`GET /api/${kind}/{id}/history`, { url: `${url}/history` }, 200, gateway],
      ] satisfies [string, InjectOptions, number, readonly RegistryEvent[]][];
    }),
  ])('is in the document, with the headers it has: %s', async (operation, request, status, events = []) => {
    log = memoryLog(...storedInOrder(...events));
    const answer = await api.server.inject(request);
    expect(answer.statusCode, answer.body).toBe(status);
    expect(ourHeaders(answer.headers)).toEqual(describedHeaders(operation, status).filter((name) => !isOptional(name)));
  });

  it.each<[string, ErrorCode, InjectOptions, (readonly RegistryEvent[])?]>([
    ['POST /api/organizations', 'VALIDATION_ERROR', post('/api/organizations', {})],
    ['POST /api/gateways', 'VALIDATION_ERROR', post('/api/gateways', {})],
    ['PUT /api/factories/{id}', 'VALIDATION_ERROR', { ...post(`/api/factories/${aFactory}`, {}), method: 'PUT' }],
    ['GET /api/gateways/{id}', 'VALIDATION_ERROR', { url: '/api/gateways/GW-SPR-001' }],
    ['GET /api/gateways', 'VALIDATION_ERROR', { url: '/api/gateways?colour=blue' }],
    ['GET /api/organizations/{id}', 'ORGANIZATION_NOT_FOUND', { url: `/api/organizations/${missing}` }],
    ['GET /api/factories/{id}', 'FACTORY_NOT_FOUND', { url: `/api/factories/${missing}` }],
    ['GET /api/gateways/{id}', 'GATEWAY_NOT_FOUND', { url: `/api/gateways/${missing}` }],
    ['GET /api/organizations/{id}/history', 'ORGANIZATION_NOT_FOUND', { url: `/api/organizations/${missing}/history` }],
    ['GET /api/factories/{id}/history', 'FACTORY_NOT_FOUND', { url: `/api/factories/${missing}/history` }],
    ['GET /api/gateways/{id}/history', 'GATEWAY_NOT_FOUND', { url: `/api/gateways/${missing}/history` }],
    ['GET /api/gateways/{id}/history', 'VALIDATION_ERROR', { url: '/api/gateways/GW-SPR-001/history' }],
    ['GET /api/gateways/{id}', 'ROUTE_NOT_FOUND', { url: '/api/gateways/GW/1' }],
    ['DELETE /api/gateways/{id}', 'GATEWAY_NOT_FOUND', { method: 'DELETE', url: `/api/gateways/${missing}` }],
    ['POST /api/factories', 'ORGANIZATION_NOT_FOUND', post('/api/factories', { name: 'F', organization_id: missing })],
    ['POST /api/gateways', 'FACTORY_NOT_FOUND', post('/api/gateways', gatewayBody())],
    ['POST /api/gateways', 'GATEWAY_ID_TAKEN', post('/api/gateways', gatewayBody()), gateway],
    [
      'PUT /api/gateways/{id}',
      'GATEWAY_ID_TAKEN',
      { ...post(`/api/gateways/${aGateway}`, { gateway_id: anotherDevice }), method: 'PUT' },
      rivals,
    ],
    [
      'PUT /api/gateways/{id}',
      'PRECONDITION_FAILED',
      { ...post(`/api/gateways/${aGateway}`, { name: 'x' }), method: 'PUT', headers: { 'if-match': '"7"' } },
      [...gateway, gatewayUpdated(), gatewayMoved(), gatewayPasswordChanged(), gatewayUpdated()],
    ],
    [
      'POST /api/gateways/{id}/move',
      'OTHER_ORGANIZATION',
      post(`/api/gateways/${aGateway}/move`, { factory_id: anotherFactory }),
      [...gateway, factoryCreated({ id: anotherFactory, organizationId: anotherOrganization })],
    ],
    [
      'DELETE /api/factories/{id}',
      'HAS_ACTIVE_CHILDREN',
      { method: 'DELETE', url: `/api/factories/${aFactory}?cascade=false` },
      gateway,
    ],
    [
      'POST /api/factories/{id}/restore',
      'PARENT_DELETED',
      { method: 'POST', url: `/api/factories/${aFactory}/restore` },
      [...factory, factorySoftDeleted(), organizationSoftDeleted()],
    ],
    [
      'POST /api/gateways/{id}/restore',
      'PARENT_DELETED',
      { method: 'POST', url: `/api/gateways/${aGateway}/restore` },
      [...gateway, gatewaySoftDeleted(), factorySoftDeleted()],
    ],
    ['POST /api/gateways', 'PAYLOAD_TOO_LARGE', post('/api/gateways', { name: 'x'.repeat(1024 ** 2) })],
    [
      'DELETE /api/organizations/{id}',
      'UNSUPPORTED_MEDIA_TYPE',
      {
        method: 'DELETE',
        url: `/api/organizations/${missing}`,
        payload: 'x=1',
        headers: { 'content-type': 'text/plain' },
      },
    ],
  ])('that is an error is the example of it: %s, %s', async (operation, code, request, events = []) => {
    log = memoryLog(...storedInOrder(...events));
    await expectExample(operation, request, code);
  });

  it('that gives up after conflicts is the example of it', async () => {
    log = { ...memoryLog(...storedInOrder(...organization)), append: async () => ({ status: 'conflict' }) };
    const request = { ...post(`/api/organizations/${anOrganization}`, { name: 'Other' }), method: 'PUT' as const };
    await expectExample('PUT /api/organizations/{id}', request, 'CONFLICT');
  });

  it.each([
    ['POST /api/organizations', post('/api/organizations', { name: 'Acme' })],
    ['GET /api/gateways', { url: '/api/gateways' }],
    ['GET /api/factories/{id}', { url: `/api/factories/${aFactory}` }],
    ['GET /api/factories/{id}', { url: `/api/factories/${aFactory}?revision=0` }],
    ['GET /api/factories/{id}/history', { url: `/api/factories/${aFactory}/history` }],
  ])('while a store is away is the example of it: %s', async (operation, request) => {
    const away = () => Promise.reject(new EventLogUnavailable('away'));
    log = { ...memoryLog(), read: away, readLast: away, append: away };
    pool = { ...emptyPool, any: away, maybeOne: away };
    await expectExample(operation, request, 'SERVICE_UNAVAILABLE');
  });

  it.each([
    ['GET /api/gateways', '/api/gateways'],
    ['GET /api/factories/{id}', `/api/factories/${aFactory}`],
  ])('while the tables are behind is the example of it: %s', async (operation, url) => {
    isCurrent = false;
    await expectExample(operation, { url, headers: { 'x-min-position': '1' } }, 'PROJECTION_BEHIND');
  });

  it('after a defect is the example of it, but for the id of the request', async () => {
    pool = { ...emptyPool, any: () => Promise.reject(new Error('a defect')) };
    const answer = await api.server.inject('/api/gateways');
    const described = exampleOf('GET /api/gateways', 'INTERNAL_ERROR');
    const withoutId = (message: string) => message.replace(/request [-\w]+/, 'request <id>');
    expect(withoutId(answer.json().error.message)).toBe(withoutId(described.error.message));
    expect(answer.statusCode).toBe(500);
  });

  it.each([
    ['organizations', exampleOrganization],
    ['factories', exampleFactory],
    ['gateways', exampleGateway],
  ])('of one that is there is its example: /api/%s/{id}', async (kind, resource) => {
    const row = { ...resource, deleted_at: null, stream_revision: 3n };
    pool = { ...emptyPool, maybeOne: async () => row as never };
    const answer = await api.server.inject(`/api/${kind}/${resource.id}`);
    const operation = `GET /api/${kind}/{id}`;
    expect(answer.json()).toEqual(operationOf(operation).responses[200]?.content?.['application/json'].example);
    expect(ourHeaders(answer.headers)).toEqual(describedHeaders(operation, 200).filter((name) => !isOptional(name)));
  });

  async function expectExample(operation: string, request: InjectOptions, code: ErrorCode): Promise<void> {
    const answer = await api.server.inject(request);
    const { error } = answer.json();
    // Which gateway it is depends on the request.
    const given = code === 'GATEWAY_ID_TAKEN' ? { error: { ...error, details: undefined } } : { error };
    expect(given).toEqual(exampleOf(operation, code));
    expect(answer.statusCode).toBe(statusOfCode[code]);
    expect(ourHeaders(answer.headers)).toEqual(describedHeaders(operation, answer.statusCode));
  }
});

describe('the readiness of the service', () => {
  const ask = () => api.server.inject('/api/health/ready');

  it('is as its example when nothing is wrong', async () => {
    const { statusCode, body } = await ask();
    const { example } = operationOf('GET /api/health/ready').responses[200]?.content?.['application/json'] ?? {};
    expect(statusCode).toBe(200);
    expect({ ...JSON.parse(body), timestamp: '2026-03-02T09:30:00.000Z' }).toEqual(example);
  });

  it.each([
    ['progress has stalled', { stalled: true }],
    ['events are parked', { parked: 1 }],
    ['nobody projects', { projecting: false }],
  ])('is degraded, and still there, when %s', async (_, readModel) => {
    readiness = { ...readiness, readModel: { ...aReadModel, ...readModel } };
    const answer = await ask();
    expect([answer.statusCode, answer.json().status]).toEqual([200, 'degraded']);
  });

  it('has no position before the first event, and no rebuild before the first', async () => {
    readiness = { ...readiness, readModel: { ...aReadModel, position: undefined, rebuiltAt: undefined } };
    expect((await ask()).json()).toMatchObject({ status: 'ready', position: null, last_rebuild: null });
  });

  it.each([
    ['unreachable', 'reachable', ['postgres cannot be reached']],
    ['outdated', 'reachable', ['postgres lacks migrations of this version']],
    ['reachable', 'unreachable', ['event_store cannot be reached']],
    ['unreachable', 'unreachable', ['postgres cannot be reached', 'event_store cannot be reached']],
  ] as const)('is an error with Postgres %s and the event store %s', async (postgres, eventStore, reasons) => {
    readiness = { postgres, eventStore, readModel: undefined };
    const answer = await ask();
    const { error } = answer.json();
    expect([answer.statusCode, error.code, answer.headers['retry-after']]).toEqual([503, 'NOT_READY', '1']);
    expect(error.details.map(({ path, message }: ErrorDetail) => `${path} ${message}`)).toEqual(reasons);
  });
});

describe('the page', () => {
  it('is where the bare address leads', async () => {
    const answer = await api.server.inject('/');
    expect([answer.statusCode, answer.headers.location]).toEqual([302, '/docs']);
  });

  it.each(['/docs', '/docs/'])('needs nothing from elsewhere, and nothing inline: %s', async (url) => {
    const page = await api.server.inject(url);
    expect(page.headers['content-type']).toBe('text/html; charset=utf-8');
    const assets = [...page.body.matchAll(/(?:src|href)="([^"]+)"/g)].map(
      ([, asset]) => new URL(asset ?? '', `http://x${url}`),
    );
    expect(assets.length).toBeGreaterThan(5);
    expect(page.body).not.toMatch(/<style|<script[^>]*>\s*[^\s<]|https?:/);
    for (const asset of assets) {
      expect(asset.host).toBe('x');
      expect((await api.server.inject(asset.pathname)).statusCode, asset.pathname).toBe(200);
    }
  });

  it('reads the document', async () => {
    expect((await api.server.inject('/docs/json')).json()).toEqual(api.document());
  });

  it('has no looser policy than any other answer', async () => {
    const [page, other] = await Promise.all(['/docs', '/api/health'].map((url) => api.server.inject(url)));
    expect(page?.headers['content-security-policy']).toBe(other?.headers['content-security-policy']);
    expect(page?.headers['content-security-policy']).not.toMatch(/unsafe-|https?:/);
  });

  it('answers for an asset that is not there as for any route', async () => {
    const answer = await api.server.inject('/docs/static/nowhere.js');
    expect([answer.statusCode, answer.json().error.code]).toEqual([404, 'ROUTE_NOT_FOUND']);
  });
});

const aReadModel: NonNullable<StoresReadiness['readModel']> = {
  position: { commit: 20_481n, prepare: 20_481n },
  lag: { events: 0, atLeast: false, seconds: 0 },
  parked: 0,
  rebuiltAt: '2026-03-01T03:00:00.000Z',
  projecting: true,
  stalled: false,
};

const emptyPool: Pool = {
  any: async () => [],
  maybeOne: async () => undefined,
  end: async () => undefined,
};

function operations(): Described[] {
  return Object.entries(api.document().paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({
      path,
      method: method.toUpperCase(),
      operation: operation as Described['operation'],
    })),
  );
}

function routeOf(method: string, path: string): RouteOptions {
  const url = path.replace(/\{(\w+)\}/g, ':$1');
  const route = routes.find((candidate) => candidate.method === method && candidate.url === url);
  if (route === undefined) throw new Error(`there is no ${method} ${path}`);
  return route;
}

function answerOf({ responses }: Described['operation'], status: string): Answer | undefined {
  const name = responses[status]?.$ref?.split('/').at(-1);
  const shared = api.document().components.responses as Readonly<Record<string, Answer>>;
  return name === undefined ? responses[status] : shared[name];
}

function examplesOf(operation: Described['operation'], status: string): Examples {
  return answerOf(operation, status)?.content?.['application/json'].examples ?? {};
}

function operationOf(name: string): Described['operation'] {
  const found = operations().find(({ method, path }) => `${method} ${path}` === name);
  if (found === undefined) throw new Error(`${name} is not in the document`);
  return found.operation;
}

function exampleOf(name: string, code: ErrorCode): ErrorResponse {
  const example = examplesOf(operationOf(name), String(statusOfCode[code]))[code];
  if (example === undefined) throw new Error(`${name} has no example of ${code}`);
  return example.value;
}

function describedHeaders(name: string, status: number): string[] {
  const headers = answerOf(operationOf(name), String(status))?.headers ?? {};
  return Object.keys(headers)
    .map((header) => header.toLowerCase())
    .sort();
}

function ourHeaders(headers: object): string[] {
  const known = Object.keys(api.document().components.headers).map((header) => header.toLowerCase());
  return Object.keys(headers)
    .filter((header) => known.includes(header))
    .sort();
}

function isOptional(header: string): boolean {
  return header === 'preference-applied' || header === 'idempotency-replayed';
}

function emptySchemasIn(value: unknown, at: string): string[] {
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, inner]) => {
    const isSchema = key === 'schema' || at.endsWith('/properties') || at.endsWith('/components/schemas');
    if (isSchema && Object.keys(inner as object).every((word) => word === 'description')) return [`${at}/${key}`];
    return key === 'example' || key === 'examples' ? [] : emptySchemasIn(inner, `${at}/${key}`);
  });
}

function post(url: string, payload: object) {
  return { method: 'POST', url, payload } as const;
}

function gatewayBody() {
  return {
    factory_id: aFactory,
    gateway_id: aDevice,
    name: 'North Wing Gateway',
    url: 'ws://10.20.0.11:8080',
    email: 'admin@example.com',
    password: 'correct horse',
  };
}
