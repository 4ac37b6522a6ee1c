import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { ApiError, type ErrorCode, errorResponse } from './errors.ts';

/** Seconds after which a client may try again what cannot be had at present. */
const retryAfter = 1;

/**
 * Gives every failure the one shape of `ErrorResponse`, also the ones of the framework. What is not meant for
 * the caller is logged and answered with INTERNAL_ERROR.
 *
 * @param isUnavailable tells an error that means "a store is away" from all others
 */
export function handleErrors(app: FastifyInstance, isUnavailable: (error: unknown) => boolean): void {
  app.setErrorHandler((error: FastifyError | ApiError, request, reply) => {
    answer(reply, toApiError(error, request, isUnavailable));
  });
  app.setNotFoundHandler((request, reply) => {
    answer(reply, new ApiError('ROUTE_NOT_FOUND', `There is no ${request.method} ${pathOf(request)}.`));
  });
}

function answer(reply: FastifyReply, error: ApiError): void {
  // The line that the request leaves in the log then says why.
  reply.request.log = reply.request.log.child({ code: error.code });
  if (error.statusCode === 503) reply.header('Retry-After', String(retryAfter));
  // The handler and not the route's schema answers here: a route may be without a schema for this status.
  reply.code(error.statusCode).serializer(JSON.stringify).type('application/json; charset=utf-8');
  reply.send(errorResponse(error));
}

function toApiError(
  error: FastifyError | ApiError,
  request: FastifyRequest,
  isUnavailable: (error: unknown) => boolean,
): ApiError {
  if (error instanceof ApiError) return error;
  if (isUnavailable(error)) {
    request.log.warn({ err: error }, 'a store is away');
    return new ApiError('SERVICE_UNAVAILABLE', 'A store that this needs is away. Try again in a moment.');
  }
  // Only the framework's own: another library's error may say in its message what is not for the caller.
  const refused = error.statusCode !== undefined && error.code?.startsWith('FST_');
  const code = refused ? codeOfStatus[error.statusCode ?? 0] : undefined;
  if (code !== undefined) return new ApiError(code, adviceOf[code] ?? error.message);
  request.log.error({ err: error }, 'the request failed');
  return new ApiError('INTERNAL_ERROR', `Something went wrong on our side. The log has it as request ${request.id}.`);
}

/** What to do about it, where the framework's own words do not say. */
const adviceOf: Readonly<Partial<Record<ErrorCode, string>>> = {
  UNSUPPORTED_MEDIA_TYPE: 'The body must be JSON: send it with the header content-type: application/json.',
};

/** What the framework refuses by itself. */
const codeOfStatus: Readonly<Record<number, ErrorCode>> = {
  400: 'VALIDATION_ERROR',
  408: 'REQUEST_TIMEOUT',
  413: 'PAYLOAD_TOO_LARGE',
  415: 'UNSUPPORTED_MEDIA_TYPE',
  431: 'HEADERS_TOO_LARGE',
};

function pathOf(request: FastifyRequest): string {
  return request.url.split('?', 1)[0] ?? request.url;
}
