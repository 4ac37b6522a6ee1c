import { once } from 'node:events';
import { type IncomingMessage, request } from 'node:http';
import { text } from 'node:stream/consumers';
import pino from 'pino';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { answerNotModified } from './conditional-get.ts';
import { ApiError } from './errors.ts';
import { createHttpServer, type HttpServer } from './server.ts';

const body = { name: 'North' };
let app: HttpServer;
let url: string;

beforeAll(async () => {
  app = await createHttpServer({ logger: pino({ level: 'silent' }), corsOrigins: [], isUnavailable: () => false });
  const route = { onSend: answerNotModified, schema: { response: { 200: z.object({ name: z.string() }) } } };
  app.get('/tagged', route, async (_, reply) =>
    reply.headers({ etag: '"4.17"', 'x-projection': 'current' }).send(body),
  );
  app.get('/untagged', route, async () => body);
  app.get('/missing', route, async (_, reply) => {
    reply.header('etag', '"4.17"');
    throw new ApiError('GATEWAY_NOT_FOUND', 'There is none.');
  });
  url = await app.listen({ host: '127.0.0.1', port: 0 });
});

afterAll(() => app?.close());

describe('a GET with If-None-Match', () => {
  it.each(['"4.17"', 'W/"4.17"', '*', '"1", W/"2","4.17"', ', "4.17" ,'])(
    'that names what is there is answered with 304 and no body: %s',
    async (known) => {
      const { status, headers, text: sent } = await ask('GET', '/tagged', known);
      expect([status, sent]).toEqual([304, '']);
      expect(headers).toMatchObject({ etag: '"4.17"', 'x-projection': 'current', 'x-request-id': expect.any(String) });
      expect(headers).not.toHaveProperty('content-type');
      expect(headers).not.toHaveProperty('content-length');
    },
  );

  it.each(['"4"', '"4.18"', 'W/"4"', '"1", "2"', '4.17', '"4.17', '', '"4.17", *'])(
    'that names something else, or makes no sense, is answered in full: %s',
    async (known) => {
      const { status, headers, text: sent } = await ask('GET', '/tagged', known);
      expect([status, JSON.parse(sent)]).toEqual([200, body]);
      expect(headers['content-length']).toBe(String(sent.length));
    },
  );

  it('may have the header more than once', async () => {
    expect((await ask('GET', '/tagged', ['"1"', '"4.17"'])).status).toBe(304);
  });

  it('is answered in full where nothing has a tag', async () => {
    expect((await ask('GET', '/untagged', '*')).status).toBe(200);
  });

  it('is told when there is nothing', async () => {
    const { status, text: sent } = await ask('GET', '/missing', '*');
    expect([status, JSON.parse(sent).error.code]).toEqual([404, 'GATEWAY_NOT_FOUND']);
  });
});

describe('a HEAD with If-None-Match', () => {
  it('is answered as a GET would be, and says how long the body would have been', async () => {
    const known = await ask('HEAD', '/tagged', '"4.17"');
    const unknown = await ask('HEAD', '/tagged', '"5"');
    expect([known.status, known.text, known.headers.etag]).toEqual([304, '', '"4.17"']);
    expect([unknown.status, unknown.text, unknown.headers.etag]).toEqual([200, '', '"4.17"']);
    const length = String(JSON.stringify(body).length);
    expect([known.headers['content-length'], unknown.headers['content-length']]).toEqual([length, length]);
  });
});

// Over a connection, because what stands on it is the point.
async function ask(method: string, path: string, known: string | readonly string[]) {
  const sent = request(`${url}${path}`, { method }).setHeader('If-None-Match', known);
  sent.end();
  const [response] = (await once(sent, 'response')) as [IncomingMessage];
  return { status: response.statusCode, headers: response.headers, text: await text(response) };
}
