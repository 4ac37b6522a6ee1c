// Who sends a request, and what it belongs to, as its headers say it. The registry itself knows nobody: who stands in front
// of it and knows people says in X-Actor whom it has let through, and takes that header from everybody else.
import type { FastifyRequest } from 'fastify';
import { ApiError, errorDetail } from './errors.ts';

export interface Caller {
  readonly actor: string;
  readonly correlationId: string;
}

/** @throws ApiError when one of the headers is not as it should be */
export function callerOf(request: FastifyRequest): Caller {
  return {
    actor: shortHeader(request, 'X-Actor') ?? 'anonymous',
    correlationId: shortHeader(request, 'X-Correlation-Id') ?? traceIdOf(request) ?? request.id,
  };
}

/**
 * A header of 1 to 255 characters that can be seen, or undefined when the request does not have it.
 *
 * @throws ApiError when it is anything else
 */
export function shortHeader({ headers }: FastifyRequest, name: string): string | undefined {
  const header = headers[name.toLowerCase()];
  if (header === undefined) return undefined;
  const value = [header].flat().join(', ');
  if (/^[\x20-\x7e]{1,255}$/.test(value)) return value;
  const detail = errorDetail([name], 'must be 1 to 255 characters of ASCII');
  throw new ApiError('VALIDATION_ERROR', "The request's headers are not valid.", [detail]);
}

// W3C Trace Context: one that is not as it should be is as if it were not there.
function traceIdOf({ headers: { traceparent } }: FastifyRequest): string | undefined {
  const [, traceId] =
    /^(?!ff)[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}(?:$|-)/.exec(String(traceparent)) ?? [];
  return traceId !== undefined && /[^0]/.test(traceId) ? traceId : undefined;
}
