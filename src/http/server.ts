import { type IncomingMessage, type ServerResponse, STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import cors from '@fastify/cors';
import helmet from '@fastify/helmet';
import Fastify, {
  type FastifyBaseLogger,
  type FastifyInstance,
  type FastifyReply,
  type FastifyRequest,
  LogController,
  type RawServerDefault,
} from 'fastify';
import { serializerCompiler, type ZodTypeProvider } from 'fastify-type-provider-zod';
import { uuidv7 } from '../events/new-id.ts';
import { handleErrors } from './error-handler.ts';
import { ApiError, type ErrorCode, errorResponse } from './errors.ts';
import { responseHeaders } from './headers.ts';
import { parseJsonBody } from './json-body.ts';
import { declareErrors } from './operation.ts';
import { validatorCompiler } from './validation.ts';

/** Bytes of a request body: far more than any command needs, far less than hurts. */
const bodyLimit = 1024 * 1024;

/** Milliseconds a client may take to send its request. */
const requestTimeout = 30_000;

export interface HttpOptions {
  readonly logger: FastifyBaseLogger;
  /** Origins whose pages may call the API; none by default. */
  readonly corsOrigins: readonly string[];
  /** Tells an error that means "a store is away" from all others. */
  readonly isUnavailable: (error: unknown) => boolean;
  /** Milliseconds after which closing waits for no answer in progress any more. Default 5,000. */
  readonly closeWithin?: number;
}

export type HttpServer = FastifyInstance<
  RawServerDefault,
  IncomingMessage,
  ServerResponse,
  FastifyBaseLogger,
  ZodTypeProvider
>;

/** An HTTP server with everything but routes: schemas, errors, headers, the request log. */
export async function createHttpServer({
  logger,
  corsOrigins,
  isUnavailable,
  closeWithin = 5_000,
}: HttpOptions): Promise<HttpServer> {
  const app = Fastify({
    loggerInstance: logger,
    logController: new LogController({ disableRequestLogging: true, requestIdLogLabel: 'requestId' }),
    bodyLimit,
    requestTimeout,
    // Without a host a request is refused by refuseWithoutHost: Node would answer it without a body.
    http: { requireHostHeader: false },
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
  declareErrors(app);
  readJsonBodies(app);
  logRequests(app);
  refuseWithoutHost(app);
  endWithin(app, closeWithin);
  // What a client expects of us beyond 100-continue we need not know (RFC 9110, 10.1.1).
  app.server.on('checkExpectation', (request, response) => app.server.emit('request', request, response));
  secure(app, await securityHeaders());
  await app.register(cors, {
    origin: [...corsOrigins],
    methods: ['GET', 'HEAD', 'POST', 'PUT', 'DELETE'],
    // An OPTIONS that is no preflight is answered like one, and not with an error of another shape.
    strictPreflight: false,
    exposedHeaders: Object.keys(responseHeaders),
  });
  return app;
}

function secure(app: FastifyInstance, headers: Readonly<Record<string, string>>): void {
  app.addHook('onRequest', (_request, reply, done) => {
    reply.headers(headers);
    done();
  });
}

/** What helmet says of every answer. It would compose the same anew for each one, which takes as long as to route it. */
async function securityHeaders(): Promise<Readonly<Record<string, string>>> {
  const app = Fastify();
  await app.register(helmet, {
    // Everything that the page of the reference needs is our own; it styles by rule and not by attribute.
    contentSecurityPolicy: {
      directives: { styleSrc: ["'self'"], fontSrc: ["'self'"], upgradeInsecureRequests: null },
    },
    // We speak plain HTTP, alone or behind what ends TLS. Whether a host is to be reached by TLS alone is for who has its
    // certificate to say; said from here it would send a browser to a port where nobody speaks it.
    strictTransportSecurity: false,
    // Browsers honour these two over TLS or on localhost only, and elsewhere complain of them.
    crossOriginOpenerPolicy: false,
    originAgentCluster: false,
  });
  app.get('/', (_request, reply) => reply.send());
  const own = ['connection', 'content-length', 'date'];
  const { headers } = await app.inject('/');
  await app.close();
  return Object.fromEntries(
    Object.entries(headers).flatMap(([name, value]) => (own.includes(name) ? [] : [[name, String(value)]])),
  );
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
  app.addHook('onRequest', (request, reply, done) => {
    reply.header('X-Request-Id', request.id);
    done();
  });
  app.addHook('onResponse', (request, reply, done) => {
    logAnswer(request, reply);
    done();
  });
}

function logAnswer(request: FastifyRequest, reply: FastifyReply): void {
  const path = request.url.split('?', 1)[0];
  const { method } = request;
  const duration = Math.round(reply.elapsedTime * 10) / 10;
  // Nothing in the line can be a secret. To look for some takes longer than to write it.
  const log = request.log.child({}, { redact: [] });
  log.info(
    { method, path, status: reply.statusCode, duration },
    `${method} ${path} ${reply.statusCode} ${duration} ms`,
  );
}

function refuseWithoutHost(app: FastifyInstance): void {
  app.addHook('onRequest', ({ headers, raw }, _reply, done) => {
    const isRefused = headers.host === undefined && raw.httpVersion === '1.1';
    done(isRefused ? new ApiError('VALIDATION_ERROR', 'The request has no Host header.') : undefined);
  });
}

// A client that never finishes its request, or never takes its answer, must not keep the process from ending.
function endWithin(app: FastifyInstance, milliseconds: number): void {
  app.addHook('preClose', async () => {
    const timer = setTimeout(() => app.server.closeAllConnections(), milliseconds);
    app.server.once('close', () => clearTimeout(timer));
  });
}

// A request that never reaches the router, such as one whose path is not percent-encoded. No hook sees it.
function answerUnroutable(error: Error, request: FastifyRequest, reply: FastifyReply): void {
  const refusal = new ApiError('VALIDATION_ERROR', error.message);
  reply.code(refusal.statusCode).type('application/json').header('X-Request-Id', request.id);
  reply.send(errorResponse(refusal));
  logAnswer(request, reply);
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
  const tooLarge = code === 'HEADERS_TOO_LARGE';
  const message = tooLarge ? 'The headers are too large.' : 'The request is not HTTP as this server speaks it.';
  const refusal = new ApiError(code, message);
  const body = JSON.stringify(errorResponse(refusal));
  socket.write(
    `HTTP/1.1 ${refusal.statusCode} ${STATUS_CODES[refusal.statusCode]}\r\nContent-Type: application/json; charset=utf-8\r\n` +
      `Content-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`,
  );
  // Both directions: the server waits at its end for a client that keeps its own open.
  socket.destroySoon();
}
