import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import type { InjectOptions } from 'fastify';
import { afterEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { until } from '../../embedded/until.ts';
import { createLogger } from '../infrastructure/logger.ts';
import { ApiError, type ErrorCode, type ErrorDetail, ErrorResponse } from './errors.ts';
import { healthRoute } from './health.ts';
import { createHttpServer, type HttpServer } from './server.ts';

class StoreAway extends Error {}

const allowedOrigin = 'https://app.example';
const aRequestId = expect.stringMatching(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}$/);

const lines: Record<string, unknown>[] = [];
const servers: HttpServer[] = [];

afterEach(async () => {
  lines.length = 0;
  await Promise.all(servers.splice(0).map((server) => server.close()));
});

describe('an error', () => {
  const whole = (message: string) => [{ path: '', message }];

  it.each<[string, InjectOptions, number, ErrorCode, ErrorDetail[]?]>([
    ['a route that is not there', { url: '/nowhere?token=hunter2' }, 404, 'ROUTE_NOT_FOUND'],
    ['a method that a route has not', { method: 'PATCH', url: '/echo' }, 404, 'ROUTE_NOT_FOUND'],
    ['a path that is not percent-encoded', { url: '/things/%E0%A4%A' }, 400, 'VALIDATION_ERROR'],
    ['a parameter that is too long', { url: `/things/${'a'.repeat(200)}` }, 400, 'VALIDATION_ERROR'],
    [
      'several fields that are wrong',
      { ...json({ name: 1, tags: ['a', 2], extra: 0, more: 0 }) },
      400,
      'VALIDATION_ERROR',
      [
        { path: 'name', message: expect.any(String) },
        { path: 'tags.1', message: expect.any(String) },
        { path: 'extra', message: 'is not a known field' },
        { path: 'more', message: 'is not a known field' },
      ],
    ],
    ['a field that is missing', { ...json({}) }, 400, 'VALIDATION_ERROR', [{ path: 'name', message: 'is required' }]],
    ['a body that is missing', { method: 'POST', url: '/echo' }, 400, 'VALIDATION_ERROR', whole('is required')],
    [
      'an empty body',
      { method: 'POST', url: '/echo', headers: { 'content-type': 'application/json' } },
      400,
      'VALIDATION_ERROR',
      whole(expect.any(String)),
    ],
    ['malformed JSON', { ...json('{"name":hunter2}') }, 400, 'VALIDATION_ERROR', whole('is not JSON')],
    [
      'a query that is wrong',
      { url: '/things/1?a=1' },
      400,
      'VALIDATION_ERROR',
      [{ path: 'a', message: 'is not a known field' }],
    ],
    [
      'a parameter that is wrong',
      { url: '/things/x' },
      400,
      'VALIDATION_ERROR',
      [{ path: 'id', message: expect.any(String) }],
    ],
    ['a body that is too large', { ...json(`"${'a'.repeat(1024 ** 2)}"`) }, 413, 'PAYLOAD_TOO_LARGE'],
    [
      'another content type',
      { ...json('name=x'), headers: { 'content-type': 'application/x-www-form-urlencoded' } },
      415,
      'UNSUPPORTED_MEDIA_TYPE',
    ],
    ['no content type', { ...json('{}'), headers: {} }, 415, 'UNSUPPORTED_MEDIA_TYPE'],
    ['a refusal', { url: '/refused' }, 409, 'PARENT_DELETED', [{ path: 'id', message: 'no' }]],
    ['a store that is away', { url: '/away' }, 503, 'SERVICE_UNAVAILABLE'],
    ['a failure', { url: '/fails' }, 500, 'INTERNAL_ERROR'],
    ['an answer that breaks its own schema', { url: '/breaks-schema' }, 500, 'INTERNAL_ERROR'],
    ["a library's own idea of a status", { url: '/fails-with-400' }, 500, 'INTERNAL_ERROR'],
    ['a string, thrown', { url: '/throws-string' }, 500, 'INTERNAL_ERROR'],
  ])('has the one shape: %s', async (_, request, status, code, details) => {
    const app = await server();
    const answer = await app.inject(request);
    expect(answer.statusCode).toBe(status);
    expect(answer.headers).toMatchObject({
      'content-type': 'application/json; charset=utf-8',
      'x-request-id': aRequestId,
    });
    const body = ErrorResponse.strict().parse(answer.json());
    expect(body.error).toEqual({
      code,
      statusCode: status,
      message: expect.any(String),
      ...(details && { details }),
    });
    expect(answer.body).not.toContain('hunter2');
  });

  it('that nobody expected says nothing of the inside, and is in the log under the id of the request', async () => {
    const app = await server();
    const answer = await app.inject('/fails');
    const requestId = answer.headers['x-request-id'];
    expect(answer.json().error.message).toBe(
      `Something went wrong on our side. The log has it as request ${String(requestId)}.`,
    );
    const [line] = lines.filter(({ level }) => level === 50);
    expect(line).toMatchObject({
      requestId,
      msg: 'the request failed',
      err: { message: 'relation "gateways" does not exist', cause: { message: 'the wire' } },
    });
    expect(JSON.stringify(lines)).not.toContain('hunter2');
  });

  it('of a store that is away says when to come again, and is in the log', async () => {
    const app = await server();
    const answer = await app.inject('/away');
    expect(answer.headers['retry-after']).toBe('1');
    expect(answer.body).not.toContain('10.0.0.7');
    expect(lines.find(({ level }) => level === 40)).toMatchObject({
      requestId: answer.headers['x-request-id'],
      err: { message: 'connect ECONNREFUSED 10.0.0.7' },
    });
  });

  it('does not grow with the number of mistakes', async () => {
    const app = await server();
    const unknown = Object.fromEntries(Array.from({ length: 20_000 }, (_, index) => [`field${index}`, 0]));
    const answer = await app.inject(json({ name: 'x', ...unknown }));
    expect(answer.statusCode).toBe(400);
    expect(answer.json().error.details).toHaveLength(100);
  });
});

describe('what does not become a request', () => {
  it.each([
    ['no HTTP at all', 'hello\r\n\r\n', 400, 'VALIDATION_ERROR'],
    ['a method that does not exist', 'FROBNICATE / HTTP/1.1\r\nHost: x\r\n\r\n', 400, 'VALIDATION_ERROR'],
    ['HTTP/2 without a word before', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 400, 'VALIDATION_ERROR'],
    ['a header that is none', 'GET / HTTP/1.1\r\nHost: x\r\nA b: c\r\n\r\n', 400, 'VALIDATION_ERROR'],
    [
      'two lengths',
      'POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n',
      400,
      'VALIDATION_ERROR',
    ],
    ['too many headers', `GET / HTTP/1.1\r\nHost: x\r\nA: ${'a'.repeat(20_000)}\r\n\r\n`, 431, 'HEADERS_TOO_LARGE'],
    ['no host', 'GET /health HTTP/1.1\r\nConnection: close\r\n\r\n', 400, 'VALIDATION_ERROR'],
  ])('is answered in the one shape too: %s', async (_, bytes, status, code) => {
    const app = await server();
    const { head, body } = await overTheWire(app, bytes);
    expect(head).toMatch(
      new RegExp(`^HTTP/1.1 ${status} .+\r\nContent-Type: application/json; charset=utf-8\r\n`, 'is'),
    );
    expect(ErrorResponse.strict().parse(JSON.parse(body)).error).toMatchObject({ code, statusCode: status });
  });
});

describe('an answer', () => {
  it('has the headers that keep browsers from guessing, whether it is a success or not', async () => {
    const app = await server();
    for (const url of ['/things/1', '/nowhere']) {
      const { headers } = await app.inject(url);
      expect(headers).toMatchObject({
        'x-content-type-options': 'nosniff',
        'x-frame-options': 'SAMEORIGIN',
        'content-security-policy': expect.any(String),
        'x-request-id': aRequestId,
      });
      expect(headers).not.toHaveProperty('x-powered-by');
    }
  });

  it('does not send a browser to https, where nobody may answer', async () => {
    const { headers } = await (await server()).inject('/things/1');
    expect(headers).not.toHaveProperty('strict-transport-security');
    expect(headers['content-security-policy']).not.toContain('upgrade-insecure-requests');
  });

  it('has a request id of its own, whatever the client calls it', async () => {
    const app = await server();
    const headers = { 'x-request-id': 'mine' };
    const ids = await Promise.all(
      [1, 2].map(async () => (await app.inject({ url: '/things/1', headers })).headers['x-request-id']),
    );
    expect(ids).toEqual([aRequestId, aRequestId]);
    expect(new Set(ids).size).toBe(2);
  });

  it('may be read by the pages of an allowed origin, headers of ours included', async () => {
    const app = await server();
    const { headers } = await app.inject({ url: '/things/1', headers: { origin: allowedOrigin } });
    expect(headers['access-control-allow-origin']).toBe(allowedOrigin);
    expect(headers.vary).toContain('Origin');
    for (const header of ['ETag', 'X-Commit-Position', 'X-Projection', 'X-Request-Id', 'Retry-After']) {
      expect(headers['access-control-expose-headers']).toContain(header);
    }
  });

  it.each(['https://evil.example', 'http://app.example', 'https://app.example:8443', 'null'])(
    'may not be read by the pages of %s',
    async (origin) => {
      const app = await server();
      const { headers } = await app.inject({ url: '/things/1', headers: { origin } });
      expect(headers).not.toHaveProperty('access-control-allow-origin');
    },
  );

  it('may be read by no page when no origin is configured', async () => {
    const app = await server({ corsOrigins: [] });
    const { headers } = await app.inject({ url: '/things/1', headers: { origin: allowedOrigin } });
    expect(headers).not.toHaveProperty('access-control-allow-origin');
  });

  it('to a browser that asks first says which methods there are', async () => {
    const app = await server();
    const { statusCode, headers } = await app.inject({
      method: 'OPTIONS',
      url: '/echo',
      headers: { origin: allowedOrigin, 'access-control-request-method': 'PUT' },
    });
    expect(statusCode).toBe(204);
    expect(headers).toMatchObject({
      'access-control-allow-origin': allowedOrigin,
      'access-control-allow-methods': 'GET, HEAD, POST, PUT, DELETE',
    });
  });

  it('to OPTIONS outside of CORS is no error', async () => {
    const app = await server();
    const { statusCode, body } = await app.inject({ method: 'OPTIONS', url: '/echo' });
    expect([statusCode, body]).toEqual([204, '']);
  });
});

describe('a request', () => {
  it('may come without a body under the name of JSON', async () => {
    const app = await server();
    const headers = { 'content-type': 'application/json' };
    expect((await app.inject({ method: 'DELETE', url: '/things/1', headers })).statusCode).toBe(204);
  });

  it('may say that its JSON is in UTF-8', async () => {
    const app = await server();
    const headers = { 'content-type': 'application/json; charset=utf-8' };
    expect((await app.inject({ ...json({ name: 'ü' }), headers })).json()).toEqual({ name: 'ü' });
  });

  it('leaves one line in the log, without its query, headers and body', async () => {
    const app = await server();
    const answer = await app.inject({
      ...json({ name: 'hunter2' }),
      query: { token: 'hunter2' },
      headers: { 'content-type': 'application/json', authorization: 'Bearer hunter2', cookie: 'hunter2' },
    });
    expect(answer.statusCode).toBe(200);
    expect(lines).toEqual([
      {
        level: 30,
        time: expect.any(String),
        requestId: answer.headers['x-request-id'],
        method: 'POST',
        path: '/echo',
        status: 200,
        duration: expect.any(Number),
        msg: expect.stringMatching(/^POST \/echo 200 [\d.]+ ms$/),
      },
    ]);
  });

  it.each(['/nowhere?token=hunter2', '/things/%E0%A4%A?token=hunter2', '/things/x'])(
    'leaves its line also when it is refused: %s',
    async (url) => {
      const app = await server();
      const answer = await app.inject(url);
      expect(lines).toEqual([
        expect.objectContaining({
          method: 'GET',
          path: url.split('?')[0],
          status: answer.statusCode,
          requestId: answer.headers['x-request-id'],
        }),
      ]);
    },
  );

  it('may expect what it likes', async () => {
    const app = await server();
    const expecting = 'GET /things/1 HTTP/1.1\r\nHost: x\r\nExpect: miracles\r\nConnection: close\r\n\r\n';
    expect((await overTheWire(app, expecting)).body).toBe('{"id":"1"}');
  });

  it('has a time to be sent in', async () => {
    const app = await server();
    expect(app.server.requestTimeout).toBe(30_000);
  });
});

describe('a server that closes', () => {
  it('finishes the answer in progress', async () => {
    const app = await server();
    const url = await app.listen({ host: '127.0.0.1', port: 0 });
    const answering = fetch(`${url}/slow`);
    expect(await until(() => slow.asked > 0, 20_000)).toBe(true);
    const closing = app.close();
    slow.answer();
    expect(await (await answering).json()).toEqual({ slow: true });
    await closing;
  });

  it.each([
    [
      'never finishes its request',
      'POST /echo HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n{',
    ],
    ['was refused and does not hang up', 'hello\r\n\r\n'],
  ])('does not wait for a client that %s', async (_, bytes) => {
    const app = await server({ closeWithin: 50 });
    const { port } = await listening(app);
    const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true }, () => socket.write(bytes));
    socket.on('error', () => undefined);
    await new Promise((resolve) =>
      bytes.startsWith('hello') ? socket.once('data', resolve) : app.server.once('request', resolve),
    );
    await app.close();
    socket.destroy();
  });
});

describe('the health of the service', () => {
  const part = (status: 'starting' | 'running' | 'degraded' | 'failing' | 'stopped', error?: string) => ({
    name: 'projector',
    status,
    ...(error && { error }),
  });

  it('is ok while nothing fails', async () => {
    const app = await server();
    healthRoute(app, '1.2.3', () => [part('starting'), part('running')]);
    const answer = await app.inject('/api/health');
    expect(answer.statusCode).toBe(200);
    expect(answer.json()).toEqual({
      status: 'ok',
      timestamp: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
      uptime: expect.any(Number),
      version: '1.2.3',
      parts: [
        { name: 'projector', status: 'starting' },
        { name: 'projector', status: 'running' },
      ],
    });
  });

  it('tells what a part has put aside', async () => {
    const app = await server();
    const mirror = { name: 'mirror', status: 'degraded', parked: 1, parkedKeys: ['a.b.c'] } as const;
    healthRoute(app, '1.2.3', () => [mirror]);
    expect((await app.inject('/api/health')).json()).toMatchObject({
      status: 'degraded',
      parts: [{ name: 'mirror', status: 'degraded', parked: 1, parked_keys: ['a.b.c'] }],
    });
  });

  it('is degraded while a part fails, and the reason is for the log alone', async () => {
    const app = await server();
    healthRoute(app, '1.2.3', () => [part('failing', 'password of hunter2 refused')]);
    const answer = await app.inject('/api/health');
    expect(answer.statusCode).toBe(200);
    expect(answer.json()).toMatchObject({ status: 'degraded', parts: [{ name: 'projector', status: 'failing' }] });
    expect(answer.body).not.toContain('hunter2');
  });

  it('is degraded while a part works and cannot do all of it', async () => {
    const app = await server();
    healthRoute(app, '1.2.3', () => [part('running'), part('degraded')]);
    expect((await app.inject('/api/health')).json()).toMatchObject({ status: 'degraded' });
  });
});

const slow: { asked: number; answer: () => void } = { asked: 0, answer: () => undefined };

async function server({ corsOrigins = [allowedOrigin], closeWithin = 5_000 } = {}): Promise<HttpServer> {
  const destination = { write: (line: string) => void lines.push(JSON.parse(line)) };
  const app = await createHttpServer({
    logger: await createLogger({ level: 'info', format: 'json', destination }),
    corsOrigins,
    closeWithin,
    isUnavailable: (error) => error instanceof StoreAway,
  });
  servers.push(app);
  const name = z.strictObject({ name: z.string(), tags: z.array(z.string()).exactOptional() });
  app.post('/echo', { schema: { body: name } }, async ({ body }) => body);
  app.get(
    '/things/:id',
    { schema: { params: z.strictObject({ id: z.string().regex(/^\d$/) }), querystring: z.strictObject({}) } },
    async ({ params }) => params,
  );
  app.delete('/things/:id', async (_request, reply) => reply.code(204).send());
  app.get('/refused', async () => {
    throw new ApiError('PARENT_DELETED', 'no', [{ path: 'id', message: 'no' }]);
  });
  app.get('/away', async () => {
    throw new StoreAway('connect ECONNREFUSED 10.0.0.7');
  });
  app.get('/fails', async () => {
    const error = new Error('relation "gateways" does not exist', { cause: new Error('the wire') });
    throw Object.assign(error, { values: ['hunter2'] });
  });
  app.get('/breaks-schema', { schema: { response: { 200: z.object({ a: z.string() }) } } }, async () => {
    return { a: 1 } as unknown as { a: string };
  });
  app.get('/fails-with-400', () => Promise.reject(Object.assign(new Error('hunter2'), { statusCode: 400 })));
  app.get('/throws-string', () => Promise.reject('hunter2'));
  app.get('/slow', async () => {
    await new Promise<void>((resolve) => {
      slow.answer = resolve;
      slow.asked += 1;
    });
    return { slow: true };
  });
  return app;
}

function json(payload: object | string) {
  return {
    method: 'POST',
    url: '/echo',
    headers: { 'content-type': 'application/json' },
    payload: typeof payload === 'string' ? payload : JSON.stringify(payload),
  } as const;
}

async function listening(app: HttpServer): Promise<{ readonly port: number }> {
  await app.listen({ host: '127.0.0.1', port: 0 });
  const address = app.server.address();
  if (address === null || typeof address === 'string') throw new Error('the server does not listen on a port');
  return address;
}

async function overTheWire(app: HttpServer, bytes: string): Promise<{ head: string; body: string }> {
  const { port } = await listening(app);
  const socket = connect(port, '127.0.0.1', () => socket.write(bytes));
  const answer = await text(socket);
  const [head = '', body = ''] = answer.split('\r\n\r\n', 2);
  return { head, body };
}
