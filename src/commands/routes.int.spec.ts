import { pino } from 'pino';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { now } from '../../test/support/examples.ts';
import { anId, type Registry, startRegistry } from '../../test/support/registry.ts';
import { type EventLog, EventLogUnavailable, type Position } from '../events/event-log.ts';
import { createHttpServer, type HttpServer } from '../http/server.ts';
import { nothingObserved, type Observed } from '../resources/gateway.ts';
import { createIdempotencyKeys } from './idempotency.ts';
import { commandRoutes } from './routes.ts';

let registry: Registry;
let app: HttpServer;
/** Stands in front of the registry's log; a spec may put another in its place. */
let log: EventLog;
let waitedFor: Position[];
let waited: number[];
let readModelIsThere: boolean;
let observed: Observed | undefined;
let gatewaysAreOpen: boolean;

beforeAll(async () => {
  registry = await startRegistry();
  const inFront: EventLog = {
    read: (...read) => log.read(...read),
    readLast: (...read) => log.readLast(...read),
    head: () => log.head(),
    reaches: (position) => log.reaches(position),
    append: (...append) => log.append(...append),
    subscribe: (options) => log.subscribe(options),
    readAll: (options) => log.readAll(options),
  };
  app = await createHttpServer({
    logger: pino({ level: 'silent' }),
    corsOrigins: [],
    isUnavailable: (error) => error instanceof EventLogUnavailable,
  });
  commandRoutes(app, {
    dependencies: { ...registry.dependencies, log: inFront },
    idempotencyKeys: createIdempotencyKeys([Buffer.from('a secret')]),
    mayRead: () => gatewaysAreOpen,
    observationsOf: async () => observed,
    readModelReaches: async (position, milliseconds) => {
      waitedFor.push(position);
      waited.push(milliseconds);
      return readModelIsThere;
    },
  });
});

afterAll(async () => {
  await app?.close();
  await registry?.[Symbol.asyncDispose]();
});

beforeEach(() => {
  log = registry.log;
  waitedFor = [];
  waited = [];
  readModelIsThere = true;
  gatewaysAreOpen = true;
  observed = nothingObserved;
});

describe('what is observed of a gateway', () => {
  const seen: Observed = {
    observations: { status: 'offline', last_seen_at: '2026-01-01T00:00:00.000Z' },
    mark: '1767225600000-3',
  };

  it('is nothing of one that has just been made', async () => {
    observed = seen;
    const created = await send('POST', '/api/gateways', await gatewayBody());
    expect(created.json()).toMatchObject({ status: 'never_seen', last_seen_at: null });
    expect(created.headers.etag).toBe('"0"');
  });

  it('is in the answer to a command, and in its ETag', async () => {
    const id = await created('/api/gateways', await gatewayBody());
    observed = seen;
    const put = await send('PUT', `/api/gateways/${id}`, { name: 'Another' });
    expect(put.json()).toMatchObject({ name: 'Another', ...seen.observations });
    expect(put.headers.etag).toBe('"1.1767225600000-3"');
  });

  it('is left out while nobody can tell, and where nobody wants to wait', async () => {
    const id = await created('/api/gateways', await gatewayBody());
    observed = undefined;
    const unknown = await send('PUT', `/api/gateways/${id}`, { name: 'Another' });
    observed = seen;
    const hasty = await send('PUT', `/api/gateways/${id}`, { name: 'Third' }, { prefer: 'respond-async' });
    for (const [answer, etag] of [
      [unknown, '"1"'],
      [hasty, '"2"'],
    ] as const) {
      expect([answer.statusCode, answer.headers.etag]).toEqual([200, etag]);
      expect(answer.json()).not.toHaveProperty('status');
      expect(answer.json()).not.toHaveProperty('last_seen_at');
    }
  });
});

const kinds = [
  { kind: 'organization', path: '/api/organizations', body: async () => ({ name: 'Acme' }) },
  {
    kind: 'factory',
    path: '/api/factories',
    body: async () => ({ name: 'Berlin', organization_id: await created('/api/organizations', { name: 'Acme' }) }),
  },
  { kind: 'gateway', path: '/api/gateways', body: gatewayBody },
];

describe.each(kinds)('$path', ({ kind, path, body }) => {
  const missing = {
    error: { code: `${kind.toUpperCase()}_NOT_FOUND`, message: expect.any(String), statusCode: 404 },
  };

  it('creates with POST, updates with PUT, deletes with DELETE and restores with POST', async () => {
    const posted = await send('POST', path, await body());
    expect(posted.statusCode).toBe(201);
    const resource = posted.json();
    expect(resource).toMatchObject({ id: expect.stringMatching(uuidv7), created_at: now, updated_at: now });
    for (const secret of ['password', 'password_encrypted', 'passwordEncrypted', 'deleted_at']) {
      expect(resource).not.toHaveProperty(secret);
    }
    const put = await send('PUT', `${path}/${resource.id}`, { name: 'Another' });
    expect([put.statusCode, put.json()]).toEqual([200, { ...resource, name: 'Another' }]);
    const deleted = await send('DELETE', `${path}/${resource.id}`);
    expect([deleted.statusCode, deleted.body]).toEqual([204, '']);
    const gone = await send('PUT', `${path}/${resource.id}`, { name: 'Third' });
    expect([gone.statusCode, gone.json()]).toEqual([404, missing]);
    const restored = await send('POST', `${path}/${resource.id}/restore`);
    expect([restored.statusCode, restored.json()]).toEqual([200, { ...resource, name: 'Another' }]);
  });

  it('tells the revision and the position of the last event, also when nothing changed', async () => {
    const posted = await send('POST', path, await body());
    const { id, name } = posted.json();
    const last = async () => String((await registry.log.readLast(`${kind}-${id}`))?.position.commit);
    const told = { etag: '"0"', 'x-commit-position': await last(), 'x-projection': 'current' };
    expect(posted.headers).toMatchObject(told);
    expect((await send('PUT', `${path}/${id}`, { name })).headers).toMatchObject(told);
    expect((await send('POST', `${path}/${id}/restore`)).headers).toMatchObject(told);
    for (const _ of [1, 2]) {
      const deleted = await send('DELETE', `${path}/${id}`);
      expect(deleted.statusCode).toBe(204);
      expect(deleted.headers).toMatchObject({ etag: '"1"', 'x-commit-position': await last() });
    }
  });

  it('takes an id in upper case for the same in lower case', async () => {
    const id = await created(path, await body());
    const put = await send('PUT', `${path}/${id.toUpperCase()}`, { name: 'Another' });
    expect([put.statusCode, put.json().id]).toEqual([200, id]);
    expect((await send('DELETE', `${path}/${id.toUpperCase()}`)).statusCode).toBe(204);
    expect(await registry.typesIn(`${kind}-${id}`)).toHaveLength(3);
  });

  it.each(['PUT', 'DELETE', 'POST'] as const)('has nothing under an unknown id for %s', async (method) => {
    const answer = await send(method, target(method, path, anId()), method === 'PUT' ? { name: 'x' } : undefined);
    expect([answer.statusCode, answer.json()]).toEqual([404, missing]);
  });

  it.each(['PUT', 'DELETE', 'POST'] as const)('refuses an id that is no UUID for %s', async (method) => {
    const answer = await send(method, target(method, path, 'x'), method === 'PUT' ? { name: 'x' } : undefined);
    expect(answer.statusCode).toBe(400);
    expect(pathsOf(answer)).toEqual(['id']);
  });

  it('refuses fields that it does not know, and names each', async () => {
    const unknown = { deleted_at: null, id: anId() };
    const posted = await send('POST', path, { ...(await body()), ...unknown });
    expect([posted.statusCode, pathsOf(posted)]).toEqual([400, ['deleted_at', 'id']]);
    const put = await send('PUT', `${path}/${anId()}`, { name: 'x', ...unknown });
    expect([put.statusCode, pathsOf(put)]).toEqual([400, ['deleted_at', 'id']]);
  });

  it('refuses a query with a command', async () => {
    const id = await created(path, await body());
    for (const [method, url, payload] of [
      ['POST', path, await body()],
      ['PUT', `${path}/${id}`, { name: 'x' }],
      ['DELETE', `${path}/${id}`, undefined],
      ['POST', `${path}/${id}/restore`, undefined],
    ] as const) {
      const answer = await send(method, `${url}?force=true`, payload);
      expect([answer.statusCode, pathsOf(answer)]).toEqual([400, ['force']]);
    }
  });

  it('refuses an update without a field, or with none at all', async () => {
    const id = await created(path, await body());
    expect((await send('PUT', `${path}/${id}`, {})).statusCode).toBe(400);
    expect((await send('PUT', `${path}/${id}`)).statusCode).toBe(400);
    expect((await send('POST', path)).statusCode).toBe(400);
  });

  it('takes a DELETE and a restore that name JSON and send none', async () => {
    const id = await created(path, await body());
    const headers = { 'content-type': 'application/json' };
    expect((await app.inject({ method: 'DELETE', url: `${path}/${id}`, headers })).statusCode).toBe(204);
    expect((await app.inject({ method: 'POST', url: `${path}/${id}/restore`, headers })).statusCode).toBe(200);
  });

  it('refuses a body where it takes none, but for an empty object', async () => {
    const id = await created(path, await body());
    const refused = await send('DELETE', `${path}/${id}`, { name: 'x' });
    expect([refused.statusCode, refused.json().error.code]).toEqual([400, 'VALIDATION_ERROR']);
    expect((await send('DELETE', `${path}/${id}`, {})).statusCode).toBe(204);
  });

  it('is unavailable while the event store is away', async () => {
    const gone = () => Promise.reject(new EventLogUnavailable('gone'));
    const payload = await body();
    log = { ...registry.log, read: gone, readLast: gone, append: gone };
    const answer = await send('POST', path, payload);
    expect([answer.statusCode, answer.json().error.code]).toEqual([503, 'SERVICE_UNAVAILABLE']);
    expect(answer.headers['retry-after']).toBe('1');
  });
});

describe('a body', () => {
  it('is refused with one detail for each field', async () => {
    const answer = await send('POST', '/api/gateways', {
      factory_id: 'x',
      gateway_id: '',
      name: 'x'.repeat(256),
      url: 'http://10.0.0.1',
      email: 'x',
      metadata: [],
    });
    expect(answer.statusCode).toBe(400);
    expect(pathsOf(answer)).toEqual(['factory_id', 'gateway_id', 'name', 'url', 'email', 'password', 'metadata']);
  });

  it('may not move a factory or a gateway to another parent', async () => {
    const gateway = await send('PUT', `/api/gateways/${anId()}`, { factory_id: anId() });
    expect(pathsOf(gateway)).toContain('factory_id');
    const factory = await send('PUT', `/api/factories/${anId()}`, { organization_id: anId() });
    expect(pathsOf(factory)).toContain('organization_id');
  });

  it('keeps metadata as it came, key by key', async () => {
    const metadata = { '': null, constructor: { prototype: [1e21, -0.5, '😀', []] }, 'a.b': { toString: true } };
    const answer = await send('POST', '/api/organizations', { name: 'Acme', metadata });
    expect(JSON.stringify(answer.json().metadata)).toBe(JSON.stringify(metadata));
    const stored = await registry.log.readLast(`organization-${answer.json().id}`);
    const data = stored?.data as { metadata: object } | undefined;
    expect(JSON.stringify(data?.metadata)).toBe(JSON.stringify(metadata));
  });
});

describe('a refusal', () => {
  it.each([
    [
      '/api/factories',
      { name: 'Berlin', organization_id: '0194ffff-0000-7000-8000-000000000000' },
      'ORGANIZATION_NOT_FOUND',
    ],
    [
      '/api/gateways',
      { ...gatewayFields('orphan'), factory_id: '0194ffff-0000-7000-8000-000000000000' },
      'FACTORY_NOT_FOUND',
    ],
  ])('says which parent is missing: %s', async (path, body, code) => {
    const answer = await send('POST', path, body);
    expect([answer.statusCode, answer.json().error.code]).toEqual([404, code]);
  });

  it('says that a device id is taken', async () => {
    const body = await gatewayBody();
    const holder = await created('/api/gateways', body);
    const answer = await send('POST', '/api/gateways', body);
    expect([answer.statusCode, answer.json().error.code]).toEqual([409, 'GATEWAY_ID_TAKEN']);
    expect(answer.json().error.details).toEqual([{ path: 'gateway_id', message: `is that of gateway ${holder}` }]);
  });

  it('does not say which gateway has a device id to who may not read that gateway', async () => {
    gatewaysAreOpen = false;
    const body = await gatewayBody();
    const holder = await created('/api/gateways', body);
    const answer = await send('POST', '/api/gateways', body);
    expect([answer.statusCode, answer.json().error.code]).toEqual([409, 'GATEWAY_ID_TAKEN']);
    expect(answer.body).not.toContain(holder);
  });

  it('says that the parent has to be restored first', async () => {
    const organization = await created('/api/organizations', { name: 'Acme' });
    const factory = await created('/api/factories', { name: 'Berlin', organization_id: organization });
    await send('DELETE', `/api/factories/${factory}`);
    await send('DELETE', `/api/organizations/${organization}`);
    const answer = await send('POST', `/api/factories/${factory}/restore`);
    expect([answer.statusCode, answer.json().error.code]).toEqual([409, 'PARENT_DELETED']);
  });

  it('says that others kept changing the same thing', async () => {
    const id = await created('/api/organizations', { name: 'Acme' });
    log = { ...registry.log, append: async () => ({ status: 'conflict' }) };
    const answer = await send('PUT', `/api/organizations/${id}`, { name: 'Another' });
    expect([answer.statusCode, answer.json().error]).toEqual([
      409,
      {
        code: 'CONFLICT',
        message: 'Others kept changing the same thing, so UpdateOrganization gave up. Try again.',
        statusCode: 409,
      },
    ]);
  });

  it('has neither revision nor position', async () => {
    const { headers } = await send('DELETE', `/api/gateways/${anId()}`);
    for (const header of ['etag', 'x-commit-position', 'x-projection']) expect(headers).not.toHaveProperty(header);
    expect(waitedFor).toEqual([]);
  });
});

describe('an answer', () => {
  it('tells where to find what was made', async () => {
    const answer = await send('POST', '/api/organizations', { name: 'Acme' });
    expect(answer.headers.location).toBe(`/api/organizations/${answer.json().id}`);
  });

  it('waits until the read model is at the last event', async () => {
    const answer = await send('POST', '/api/organizations', { name: 'Acme' });
    expect(waitedFor.map(({ commit }) => String(commit))).toEqual([answer.headers['x-commit-position']]);
    expect(answer.headers['x-projection']).toBe('current');
  });

  it('waits also when nothing changed, because the last change may be on its way', async () => {
    const id = await created('/api/organizations', { name: 'Acme' });
    waitedFor = [];
    await send('PUT', `/api/organizations/${id}`, { name: 'Acme' });
    expect(waitedFor).toHaveLength(1);
  });

  it('says that the read model is not there yet', async () => {
    readModelIsThere = false;
    const answer = await send('POST', '/api/organizations', { name: 'Acme' });
    expect([answer.statusCode, answer.headers['x-projection']]).toEqual([201, 'pending']);
  });

  it.each([
    'respond-async',
    'Respond-Async',
    ' respond-async ',
    'return=minimal, respond-async',
    'respond-async; foo=bar',
    'respond-async=""',
  ])('does not wait when it is asked not to: %j', async (prefer) => {
    readModelIsThere = false;
    const answer = await send('POST', '/api/organizations', { name: 'Acme' }, { prefer });
    expect([answer.statusCode, answer.headers['x-projection']]).toEqual([201, 'pending']);
    expect(answer.headers['preference-applied']).toBe('respond-async');
    expect(waited).toEqual([0]);
  });

  it('says so when queries see it already although it did not wait', async () => {
    const answer = await send('POST', '/api/organizations', { name: 'Acme' }, { prefer: 'respond-async' });
    expect(answer.headers).toMatchObject({ 'x-projection': 'current', 'preference-applied': 'respond-async' });
  });

  it.each([
    ['wait=5', 5_000, 'wait=5'],
    ['wait=0', 0, 'wait=0'],
    ['wait=3600', 30_000, 'wait=30'],
    ['respond-async, wait=5', 5_000, 'respond-async, wait=5'],
  ])('waits as long as it is asked to, within bounds: %j', async (prefer, milliseconds, applied) => {
    const answer = await send('POST', '/api/organizations', { name: 'Acme' }, { prefer });
    expect(answer.headers['preference-applied']).toBe(applied);
    expect(waited).toEqual([milliseconds]);
  });

  it.each(['', 'return=minimal', 'respond-asynchronously', 'x=respond-async'])(
    'waits when it is asked something else: %j',
    async (prefer) => {
      const answer = await send('POST', '/api/organizations', { name: 'Acme' }, { prefer });
      expect(answer.headers).not.toHaveProperty('preference-applied');
      expect(waited).toEqual([1_000]);
    },
  );

  it('and its events have the id of the request in common', async () => {
    const answer = await send('POST', '/api/organizations', { name: 'Acme' });
    const stored = await registry.log.readLast(`organization-${answer.json().id}`);
    expect(stored?.metadata).toMatchObject({
      $correlationId: answer.headers['x-request-id'],
      actor: 'anonymous',
    });
    expect(stored?.metadata).not.toHaveProperty('traceparent');
  });

  it('and its events keep the trace of the request', async () => {
    const traceparent = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';
    const headers = { traceparent, 'idempotency-key': 'traced' };
    const { id } = (await send('POST', '/api/organizations', { name: 'Acme' }, { traceparent })).json();
    await send('PUT', `/api/organizations/${id}`, { name: 'Acme Industries' }, headers);
    for (const { metadata } of await registry.log.read(`organization-${id}`)) {
      expect(metadata).toMatchObject({ traceparent });
    }
  });
});

const uuidv7 = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

type Method = 'POST' | 'PUT' | 'DELETE';
type Answer = Awaited<ReturnType<typeof send>>;

function send(method: Method, url: string, payload?: object, headers: Record<string, string> = {}) {
  return app.inject({ method, url, headers, ...(payload && { payload }) });
}

async function created(path: string, body: object): Promise<string> {
  const answer = await send('POST', path, body);
  expect(answer.statusCode, answer.body).toBe(201);
  return answer.json().id;
}

function target(method: Method, path: string, id: string): string {
  return method === 'POST' ? `${path}/${id}/restore` : `${path}/${id}`;
}

function pathsOf(answer: Answer): string[] {
  return answer.json().error.details.map(({ path }: { path: string }) => path);
}

async function gatewayBody() {
  const organization_id = await created('/api/organizations', { name: 'Acme' });
  const factory_id = await created('/api/factories', { name: 'Berlin', organization_id });
  return { ...gatewayFields(`device in ${factory_id}`), factory_id };
}

function gatewayFields(device: string) {
  return {
    gateway_id: device,
    name: 'Hall 1',
    url: 'wss://10.0.0.1/ws',
    email: 'gateway@acme.example',
    password: 'hunter2',
  };
}
