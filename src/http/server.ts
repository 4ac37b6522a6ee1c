import { type IncomingMessage, type ServerResponse, STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import cors from '@fastify/cors';
import helmet from '@fastify/helmet';
import Fastify, {
  type FastifyBaseLogger,
  type FastifyInstance,
  type FastifyReply,
  LogController,
  type RawServerDefault,
} from 'fastify';
import { serializerCompiler, type ZodTypeProvider } from 'fastify-type-provider-zod';
import { uuidv7 } from '../events/new-id.ts';
import { handleErrors } from './error-handler.ts';
import { ApiError, type ErrorCode, errorResponse } from './errors.ts';
import { parseJsonBody } from './json-body.ts';
import { validatorCompiler } from './validation.ts';

/** Bytes of a request body: far more than any command needs, far less than hurts. */
const bodyLimit = 1024 * 1024;

export interface HttpOptions {
  readonly logger: FastifyBaseLogger;
  /** Origins whose pages may call the API; none by default. */
  readonly corsOrigins: readonly string[];
  /** Tells an error that means "a store is away" from all others. */
  readonly isUnavailable: (error: unknown) => boolean;
}

export type HttpServer = FastifyInstance<
  RawServerDefault,
  IncomingMessage,
  ServerResponse,
  FastifyBaseLogger,
  ZodTypeProvider
>;

/** An HTTP server with everything but routes: schemas, errors, headers, the request log. */
export async function createHttpServer({ logger, corsOrigins, isUnavailable }: HttpOptions): Promise<HttpServer> {
  const app = Fastify({
    loggerInstance: logger,
    logController: new LogController({ disableRequestLogging: true, requestIdLogLabel: 'requestId' }),
    bodyLimit,
    genReqId: () => uuidv7(),
    // An answer in progress is finished at shutdown; an idle keep-alive connection must not hold it up.
    forceCloseConnections: 'idle',
    return503OnClosing: false,
    frameworkErrors: answerUnroutable,
    clientErrorHandler: answerMalformedRequest,
  }).withTypeProvider<ZodTypeProvider>();

  app.setValidatorCompiler(validatorCompiler);
  app.setSerializerCompiler(serializerCompiler);
  handleErrors(app, isUnavailable);
  readJsonBodies(app);
  logRequests(app);
  await app.register(helmet);
  await app.register(cors, {
    origin: [...corsOrigins],
    methods: ['GET', 'HEAD', 'POST', 'PUT', 'DELETE'],
    exposedHeaders: ['ETag', 'X-Commit-Position', 'X-Projection', 'X-Request-Id', 'Retry-After'],
  });
  return app;
}

function readJsonBodies(app: FastifyInstance): void {
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('application/json', { parseAs: 'buffer' }, (_request, body, done) => {
    // A DELETE or a restore that names a content type but sends no body is no mistake.
    if (body.length === 0) return done(null, undefined);
    try {
      done(null, parseJsonBody(body as Buffer));
    } catch (error) {
      done(error as Error);
    }
  });
}

// One line a request, when it is answered. It names no header and no body, so that no secret can be in it; the
// query is left out for the same reason.
function logRequests(app: FastifyInstance): void {
  app.addHook('onRequest', async (request, reply) => {
    reply.header('X-Request-Id', request.id);
  });
  app.addHook('onResponse', async (request, reply) => {
    const path = request.url.split('?', 1)[0];
    const { method } = request;
    const duration = Math.round(reply.elapsedTime * 10) / 10;
    request.log.info(
      { method, path, status: reply.statusCode, duration },
      `${method} ${path} ${reply.statusCode} ${duration} ms`,
    );
  });
}

// A request that never reaches the router, such as one whose path is not percent-encoded.
function answerUnroutable(error: Error, _request: unknown, reply: unknown): void {
  const refusal = new ApiError('VALIDATION_ERROR', error.message);
  (reply as FastifyReply).code(refusal.statusCode).type('application/json').send(errorResponse(refusal));
}

// What is no HTTP at all never becomes a request, so that no handler of the framework sees it.
function answerMalformedRequest(error: NodeJS.ErrnoException, socket: Socket): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
    return;
  }
  const code: ErrorCode =
    error.code === 'HPE_HEADER_OVERFLOW'
      ? 'HEADERS_TOO_LARGE'
      : error.code === 'ERR_HTTP_REQUEST_TIMEOUT'
        ? 'REQUEST_TIMEOUT'
        : 'VALIDATION_ERROR';
  const refusal = new ApiError(code, 'The request is not HTTP as this server speaks it.');
  const body = JSON.stringify(errorResponse(refusal));
  socket.end(
    `HTTP/1.1 ${refusal.statusCode} ${STATUS_CODES[refusal.statusCode]}\r\nContent-Type: application/json; charset=utf-8\r\n` +
      `Content-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`,
  );
}
