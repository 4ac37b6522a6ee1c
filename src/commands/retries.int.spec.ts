// Commands that are sent again, and commands that depend on what their sender has seen: over HTTP, through two processes
// that share nothing but the log.
import type { InjectOptions, LightMyRequestResponse } from 'fastify';
import { pino } from 'pino';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { now } from '../../test/support/examples.ts';
import { anId, type Registry, startRegistry } from '../../test/support/registry.ts';
import { type EventLog, EventLogUnavailable } from '../events/event-log.ts';
import type { GatewayEvent } from '../events/gateway.ts';
import { EventMetadata } from '../events/metadata.ts';
import { createHttpServer, type HttpServer } from '../http/server.ts';
import { nothingObserved } from '../resources/gateway.ts';
import { createAggregateCache } from './aggregate-cache.ts';
import { stamp } from './cause.ts';
import type { CommandDependencies } from './handler.ts';
import { createIdempotencyKeys } from './idempotency.ts';
import { commandRoutes } from './routes.ts';

const secret = Buffer.from('a secret');
const organizations = '/api/organizations';

let registry: Registry;
let here: HttpServer;
let there: HttpServer;

beforeAll(async () => {
  registry = await startRegistry();
  here = await aProcess();
  there = await aProcess();
});

afterAll(async () => {
  await here?.close();
  await there?.close();
  await registry?.[Symbol.asyncDispose]();
});

describe('a create with an Idempotency-Key', () => {
  it('that is sent again is answered as it was, whatever has happened since', async () => {
    const first = await post(here, organizations, { name: 'Acme' }, key('create 1'));
    const { id } = first.json();
    await send(there, { method: 'PUT', url: `${organizations}/${id}`, payload: { name: 'Other' } });
    await send(there, { method: 'DELETE', url: `${organizations}/${id}` });

    for (const process of [here, there, await aProcess()]) {
      const again = await post(process, organizations, { metadata: {}, name: 'Acme' }, key('create 1'));
      expect([again.statusCode, again.json()]).toEqual([201, first.json()]);
      expect(again.headers).toMatchObject({
        'idempotency-replayed': 'true',
        etag: first.headers.etag,
        location: first.headers.location,
        'x-commit-position': first.headers['x-commit-position'],
      });
    }
    expect(first.headers['idempotency-replayed']).toBeUndefined();
    expect(await registry.typesIn(`organization-${id}`)).toHaveLength(3);
  });

  it('happens once when it is sent many times at once, through two processes', async () => {
    const factory = await aFactory();
    const body = gatewayBody(factory, 'sent many times');
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, n) => post(n % 2 === 0 ? here : there, '/api/gateways', body, key('many'))),
    );
    expect(new Set(answers.map(({ statusCode, body: answer }) => `${statusCode} ${answer}`)).size).toBe(1);
    expect(answers.filter(({ headers }) => headers['idempotency-replayed'] === undefined)).toHaveLength(1);
    const { id } = answers[0]?.json() ?? {};
    expect(await registry.typesIn(`gateway-${id}`)).toEqual(['GatewayCreated']);
  });

  it('is refused with another body, and so is a password of which one would like to know whether it was the same', async () => {
    const factory = await aFactory();
    const body = gatewayBody(factory, 'another body');
    const created = await post(here, '/api/gateways', body, key('another body'));
    for (const other of [
      { ...body, name: 'Hall 2' },
      { ...body, password: 'hunter3' },
    ]) {
      const again = await post(there, '/api/gateways', other, key('another body'));
      expect([again.statusCode, again.json().error.code]).toEqual([422, 'IDEMPOTENCY_KEY_REUSED']);
    }
    expect(await registry.typesIn(`gateway-${created.json().id}`)).toEqual(['GatewayCreated']);
  });

  it('is another one from another caller and for another kind of thing', async () => {
    const ids = await Promise.all([
      post(here, organizations, { name: 'Acme' }, key('shared')),
      post(here, organizations, { name: 'Acme' }, { ...key('shared'), 'x-actor': 'kim' }),
      post(here, '/api/factories', { name: 'F', organization_id: await anOrganization() }, key('shared')),
    ]);
    expect(ids.map(({ statusCode }) => statusCode)).toEqual([201, 201, 201]);
    expect(new Set(ids.map((answer) => answer.json().id)).size).toBe(3);
  });

  it('that was refused is judged anew', async () => {
    const factory = anId();
    const body = gatewayBody(factory, 'judged anew');
    expect((await post(here, '/api/gateways', body, key('judged anew'))).statusCode).toBe(404);
    await registry.run('CreateFactory', factory, { name: 'F', organization_id: await anOrganization() });
    const again = await post(here, '/api/gateways', body, key('judged anew'));
    expect([again.statusCode, again.headers['idempotency-replayed']]).toEqual([201, undefined]);
  });

  it('is still recognized after the keys have been rotated', async () => {
    const first = await post(here, organizations, { name: 'Acme' }, key('before the rotation'));
    const rotated = await aProcess([Buffer.from('a newer secret'), secret]);
    const again = await post(rotated, organizations, { name: 'Acme' }, key('before the rotation'));
    expect([again.json(), again.headers['idempotency-replayed']]).toEqual([first.json(), 'true']);
    const reused = await post(rotated, organizations, { name: 'Other' }, key('before the rotation'));
    expect(reused.statusCode).toBe(422);
    const fresh = await post(rotated, organizations, { name: 'Acme' }, key('after the rotation'));
    expect([fresh.statusCode, fresh.headers['idempotency-replayed']]).toEqual([201, undefined]);
  });

  it('is still recognized when it had died, was fenced off, and went through with other keys', async () => {
    const factory = await aFactory();
    const body = gatewayBody(factory, 'died under the old key');
    const dying = await aProcess([secret], refusing('gateway-'));
    await post(dying, '/api/gateways', body, key('died under the old key'));
    const late = { now: () => new Date(Date.parse(now) + 60_000) };
    const rotated = await aProcess([Buffer.from('a newer secret'), secret], registry.log, late);
    const answers = [1, 2, 3].map(() => post(rotated, '/api/gateways', body, key('died under the old key')));
    const [first, ...again] = [await answers[0], await answers[1], await answers[2]];
    expect([first?.statusCode, ...again.map((answer) => answer?.statusCode)]).toEqual([201, 201, 201]);
    expect(new Set([first, ...again].map((answer) => answer?.json().id)).size).toBe(1);
  });

  it('that died before its answer is recognized by what it had appended', async () => {
    const factory = await aFactory();
    const body = gatewayBody(factory, 'answer lost');
    const dying = await aProcess([secret], losingAnswersOf('gateway-'));
    expect((await post(dying, '/api/gateways', body, key('answer lost'))).statusCode).toBe(503);
    const again = await post(here, '/api/gateways', body, key('answer lost'));
    expect([again.statusCode, again.headers['idempotency-replayed']]).toEqual([201, 'true']);
    expect(await registry.typesIn(`gateway-${again.json().id}`)).toEqual(['GatewayCreated']);
  });

  it('that died between its reservation and its event goes through when it is sent again, at once', async () => {
    const factory = await aFactory();
    const body = gatewayBody(factory, 'half done');
    const dying = await aProcess([secret], refusing('gateway-'));
    expect((await post(dying, '/api/gateways', body, key('half done'))).statusCode).toBe(503);
    const again = await post(here, '/api/gateways', body, key('half done'));
    expect([again.statusCode, again.headers['idempotency-replayed']]).toEqual([201, undefined]);
  });
});

describe('a change with an Idempotency-Key', () => {
  it.each([
    ['PUT', '', { name: 'Other' }, 200],
    ['DELETE', '', undefined, 204],
    ['POST', '/move', 'another factory', 200],
  ] as const)('that is sent again is answered as it was: %s %s', async (method, path, body, status) => {
    const organization = await anOrganization();
    const gateway = await aGateway(await aFactory(organization));
    const payload = body === 'another factory' ? { factory_id: await aFactory(organization) } : body;
    const url = `/api/gateways/${gateway}`;
    const request = { method, url: `${url}${path}`, headers: key('a change'), ...(payload && { payload }) };
    const first = await send(here, request);
    expect([first.statusCode, first.headers.etag]).toEqual([status, '"1"']);
    await send(there, { method: 'POST', url: `${url}/restore` });
    await send(there, { method: 'PUT', url, payload: { name: 'Third' } });
    const again = await send(here, request);
    expect([again.statusCode, again.body]).toEqual([status, first.body]);
    expect(again.headers).toMatchObject({ 'idempotency-replayed': 'true', etag: '"1"' });
  });

  it('that is sent again is answered as it was although If-Match no longer holds', async () => {
    const url = `${organizations}/${await anOrganization()}`;
    const request = {
      method: 'PUT' as const,
      url,
      payload: { name: 'Other' },
      headers: { ...key('with If-Match'), 'if-match': '"0"' },
    };
    const first = await send(here, request);
    const again = await send(there, request);
    expect([again.statusCode, again.json(), again.headers['idempotency-replayed']]).toEqual([
      200,
      first.json(),
      'true',
    ]);
  });

  it('is not remembered when it changed nothing', async () => {
    const url = `${organizations}/${await anOrganization()}`;
    const put = (name: string) =>
      send(here, { method: 'PUT', url, payload: { name }, headers: key('nothing changed') });
    const answers = [await put('Acme'), await put('Acme'), await put('Other')];
    expect(answers.map(({ statusCode, headers }) => [statusCode, headers['idempotency-replayed']])).toEqual([
      [200, undefined],
      [200, undefined],
      [200, undefined],
    ]);
  });

  it('sets a password once, and without a key each time', async () => {
    const id = await aGateway(await aFactory());
    const put = (headers: Record<string, string>) =>
      send(here, { method: 'PUT', url: `/api/gateways/${id}`, payload: { password: 'hunter2' }, headers });
    await put(key('a password'));
    await put(key('a password'));
    expect(await registry.typesIn(`gateway-${id}`)).toHaveLength(2);
    await put({});
    await put({});
    expect(await registry.typesIn(`gateway-${id}`)).toHaveLength(4);
  });

  it('is answered as a whole when it appended two events', async () => {
    const id = await aGateway(await aFactory());
    const request = {
      method: 'PUT' as const,
      url: `/api/gateways/${id}`,
      payload: { name: 'Other', password: 'hunter3' },
      headers: key('two events'),
    };
    const first = await send(here, request);
    const again = await send(there, request);
    expect([again.json(), again.headers.etag]).toEqual([first.json(), '"2"']);
  });

  it('of one resource says nothing about another', async () => {
    for (const id of [await anOrganization(), await anOrganization()]) {
      const put = await send(here, {
        method: 'PUT',
        url: `${organizations}/${id}`,
        payload: { name: `of ${id}` },
        headers: key('of each'),
      });
      expect([put.statusCode, put.headers['idempotency-replayed']]).toEqual([200, undefined]);
    }
  });
});

describe('an Idempotency-Key', () => {
  it.each([
    ['empty', ''],
    ['too long', 'x'.repeat(256)],
    ['no ASCII', 'ü'],
  ])('is refused when it is %s', async (_, text) => {
    const answer = await post(here, organizations, { name: 'Acme' }, key(text));
    expect([answer.statusCode, answer.json().error.details[0].path]).toEqual([400, 'Idempotency-Key']);
  });

  it('leaves neither itself nor the body in the log', async () => {
    const factory = await aFactory();
    const body = gatewayBody(factory, 'nothing left');
    const { id } = (await post(here, '/api/gateways', body, key('a telling key'))).json();
    const stored = JSON.stringify(
      (await registry.log.read(`gateway-${id}`)).map(({ metadata, data }) => [metadata, data]),
    );
    expect(stored).not.toContain('a telling key');
    expect(stored).not.toContain('hunter2');
  });
});

describe('If-Match', () => {
  const changes = [
    ['PUT', '', { name: 'Other' }],
    ['DELETE', '', undefined],
    ['POST', '/restore', undefined],
  ] as const;

  it.each(
    changes.flatMap(([method, path, payload]) =>
      ['"0"', '"7", "0"', '*', '"0.1767322800000"'].map((ifMatch) => [ifMatch, method, path, payload] as const),
    ),
  )('of %s lets through who has seen the last revision, in %s %s', async (ifMatch, method, path, payload) => {
    const url = `${organizations}/${await anOrganization()}${path}`;
    const answer = await send(here, { method, url, headers: { 'if-match': ifMatch }, ...(payload && { payload }) });
    expect(answer.statusCode).toBe(method === 'DELETE' ? 204 : 200);
  });

  it.each(changes)('stops who has not, and tells the revision, of %s %s', async (method, path, payload) => {
    const id = await anOrganization();
    await send(there, { method: 'PUT', url: `${organizations}/${id}`, payload: { name: 'Changed there' } });
    for (const ifMatch of ['"0"', '"2"', 'W/"1"', '"something-else"']) {
      const url = `${organizations}/${id}${path}`;
      const answer = await send(here, { method, url, headers: { 'if-match': ifMatch }, ...(payload && { payload }) });
      expect([answer.statusCode, answer.json().error.code]).toEqual([412, 'PRECONDITION_FAILED']);
      expect(answer.headers.etag).toBe('"1"');
    }
    expect(await registry.typesIn(`organization-${id}`)).toHaveLength(2);
  });

  it('holds for a move as well', async () => {
    const organization = await anOrganization();
    const id = await aGateway(await aFactory(organization));
    const payload = { factory_id: await aFactory(organization) };
    const move = (ifMatch: string) =>
      send(here, { method: 'POST', url: `/api/gateways/${id}/move`, payload, headers: { 'if-match': ifMatch } });
    expect((await move('"1"')).statusCode).toBe(412);
    expect((await move('"0"')).statusCode).toBe(200);
  });

  it('lets exactly one of many through', async () => {
    const id = await anOrganization();
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, n) =>
        send(n % 2 === 0 ? here : there, {
          method: 'PUT',
          url: `${organizations}/${id}`,
          payload: { name: `name ${n}` },
          headers: { 'if-match': '"0"' },
        }),
      ),
    );
    expect(answers.map(({ statusCode }) => statusCode).sort()).toEqual([200, ...Array(19).fill(412)]);
  });

  it('is refused when it is malformed', async () => {
    const url = `${organizations}/${await anOrganization()}`;
    const answer = await send(here, { method: 'DELETE', url, headers: { 'if-match': '0' } });
    expect([answer.statusCode, answer.json().error.details[0].path]).toEqual([400, 'If-Match']);
  });

  it('does not matter for what was never created, though its stream has an event', async () => {
    const id = anId();
    const claim = { id, factoryId: anId(), organizationId: anId(), gatewayId: 'x', reservationId: anId() };
    const cause = { commandId: id, causationId: id, correlationId: 'c', actor: 'a', now };
    const fence = { type: 'GatewayIdReservationAbandoned', data: claim } as GatewayEvent;
    await registry.log.append(`gateway-${id}`, 'no_stream', stamp([fence], cause, undefined));
    const url = `/api/gateways/${id}`;
    const answer = await send(here, { method: 'DELETE', url, headers: { 'if-match': '"5"' } });
    expect(answer.statusCode).toBe(404);
  });

  it('does not matter for what is not there', async () => {
    const answer = await send(here, {
      method: 'DELETE',
      url: `${organizations}/${anId()}`,
      headers: { 'if-match': '"0"' },
    });
    expect(answer.statusCode).toBe(404);
  });
});

describe('a command that changed something', () => {
  it('says in its events who sent it, what it belongs to, and what caused them', async () => {
    const headers = { 'x-actor': 'dana', 'x-correlation-id': 'order-4711' };
    const created = await post(here, organizations, { name: 'Acme' }, headers);
    const [event] = await registry.log.read(`organization-${created.json().id}`);
    const metadata = EventMetadata.parse(event?.metadata);
    expect(metadata).toMatchObject({ actor: 'dana', $correlationId: 'order-4711' });
    expect(metadata.$causationId).toBe(metadata.commandId);
    expect(created.headers['x-correlation-id']).toBe('order-4711');
  });

  it('names its request when it belongs to nothing else', async () => {
    const created = await post(here, organizations, { name: 'Acme' }, {});
    const [event] = await registry.log.read(`organization-${created.json().id}`);
    expect(event?.metadata).toMatchObject({ actor: 'anonymous', $correlationId: created.headers['x-request-id'] });
  });
});

async function aProcess(
  secrets: readonly Buffer[] = [secret],
  log: EventLog = registry.log,
  given: Partial<CommandDependencies> = {},
): Promise<HttpServer> {
  const app = await createHttpServer({
    logger: pino({ level: 'silent' }),
    corsOrigins: [],
    isUnavailable: (error) => error instanceof EventLogUnavailable,
  });
  commandRoutes(app, {
    dependencies: { ...registry.dependencies, ...given, log, cache: createAggregateCache(1024 * 1024) },
    idempotencyKeys: createIdempotencyKeys(secrets),
    mayRead: () => true,
    observationsOf: async () => nothingObserved,
    readModelReaches: async () => true,
  });
  return app;
}

/** A log whose appends to such streams are written, and whose answer to it never comes. */
function losingAnswersOf(prefix: string): EventLog {
  return {
    ...registry.log,
    append: async (stream, ...append) => {
      const outcome = await registry.log.append(stream, ...append);
      if (stream.startsWith(prefix)) throw new EventLogUnavailable('the connection was lost');
      return outcome;
    },
  };
}

/** A log that takes nothing to such streams. */
function refusing(prefix: string): EventLog {
  return {
    ...registry.log,
    append: async (stream, ...append) => {
      if (stream.startsWith(prefix)) throw new EventLogUnavailable('the connection was lost');
      return registry.log.append(stream, ...append);
    },
  };
}

function key(text: string): Record<string, string> {
  return { 'idempotency-key': text };
}

function post(
  process: HttpServer,
  url: string,
  payload: object,
  headers: Record<string, string>,
): Promise<LightMyRequestResponse> {
  return send(process, { method: 'POST', url, payload, headers });
}

function send(process: HttpServer, request: InjectOptions): Promise<LightMyRequestResponse> {
  return process.inject(request);
}

async function anOrganization(): Promise<string> {
  const id = anId();
  await registry.run('CreateOrganization', id, { name: 'Acme' });
  return id;
}

async function aFactory(organization?: string): Promise<string> {
  const id = anId();
  const organization_id = organization ?? (await anOrganization());
  await registry.run('CreateFactory', id, { name: 'Berlin', organization_id });
  return id;
}

async function aGateway(factory: string): Promise<string> {
  const id = anId();
  await registry.run('CreateGateway', id, gatewayBody(factory, `device of ${id}`));
  return id;
}

function gatewayBody(factory: string, device: string) {
  return {
    factory_id: factory,
    gateway_id: device,
    name: 'Hall 1',
    url: 'wss://10.0.0.1/ws',
    email: 'gateway@acme.example',
    password: 'hunter2',
  };
}
