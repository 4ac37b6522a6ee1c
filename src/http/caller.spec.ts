import Fastify from 'fastify';
import { describe, expect, it } from 'vitest';
import { type Caller, callerOf } from './caller.ts';

const trace = '4bf92f3577b34da6a3ce929d0e0e4736';

describe('the caller of a request', () => {
  it('is anonymous and its request belongs to nothing else, when it says nothing', async () => {
    expect(await callerWith({})).toEqual({ actor: 'anonymous', correlationId: 'the-request' });
  });

  it('is who X-Actor names', async () => {
    expect(await callerWith({ 'x-actor': 'dana.reyes@example.com' })).toMatchObject({
      actor: 'dana.reyes@example.com',
    });
  });

  it.each([
    ['X-Correlation-Id', { 'x-correlation-id': 'order-4711' }, 'order-4711'],
    [
      'X-Correlation-Id before the trace',
      { 'x-correlation-id': 'a', traceparent: `00-${trace}-00f067aa0ba902b7-01` },
      'a',
    ],
    ['the trace', { traceparent: `00-${trace}-00f067aa0ba902b7-01` }, trace],
    ['a trace of a later version', { traceparent: `01-${trace}-00f067aa0ba902b7-01-more` }, trace],
    ['no trace of zeros', { traceparent: `00-${'0'.repeat(32)}-00f067aa0ba902b7-01` }, 'the-request'],
    ['no trace of which the parent is zeros', { traceparent: `00-${trace}-${'0'.repeat(16)}-01` }, 'the-request'],
    ['no trace that is too long', { traceparent: `00-${trace}-00f067aa0ba902b7-01-more` }, 'the-request'],
    ['no trace that is malformed', { traceparent: 'x' }, 'the-request'],
  ])('says what its request belongs to: %s', async (_, headers, correlationId) => {
    expect(await callerWith(headers)).toMatchObject({ correlationId });
  });

  it.each([
    ['as it was', `00-${trace}-00f067aa0ba902b7-01`],
    ['in the form that we know', `01-${trace}-00f067aa0ba902b7-01-more`],
  ])('passes its trace on %s, whatever else its request belongs to', async (_, traceparent) => {
    expect(await callerWith({ traceparent, 'x-correlation-id': 'order-4711' })).toEqual({
      actor: 'anonymous',
      correlationId: 'order-4711',
      traceparent: `00-${trace}-00f067aa0ba902b7-01`,
    });
  });

  it.each([
    ['X-Actor', { 'x-actor': 'x'.repeat(256) }],
    ['X-Actor', { 'x-actor': '' }],
    ['X-Correlation-Id', { 'x-correlation-id': 'ü' }],
  ])('is refused when %s is not as it should be', async (name, headers) => {
    expect(await callerWith(headers)).toMatchObject({
      code: 'VALIDATION_ERROR',
      details: [{ path: name, message: 'must be 1 to 255 characters of ASCII' }],
    });
  });
});

async function callerWith(headers: Record<string, string>): Promise<Caller | unknown> {
  await using app = Fastify({ genReqId: () => 'the-request' });
  let seen: Caller | undefined;
  app.get('/', async (request) => {
    seen = callerOf(request);
    return {};
  });
  let refused: unknown;
  app.setErrorHandler((error, _request, reply) => {
    refused = error;
    return reply.code(400).send({});
  });
  await app.inject({ url: '/', headers });
  return seen ?? refused;
}
