// Who sends a request, and what it belongs to, as its headers say it. The registry itself knows nobody: who stands in front
// of it and knows people says in X-Actor whom it has let through, and takes that header from everybody else.
import type { FastifyRequest } from 'fastify';
import { ApiError, errorDetail } from './errors.ts';

export interface Caller {
  readonly actor: string;
  readonly correlationId: string;
  /** The trace that the request is a part of, in the form of version 00 of W3C Trace Context. */
  readonly traceparent?: string;
}

/** @throws ApiError when one of the headers is not as it should be */
export function callerOf(request: FastifyRequest): Caller {
  const trace = traceOf(request);
  return {
    actor: shortHeader(request, 'X-Actor') ?? 'anonymous',
    correlationId: shortHeader(request, 'X-Correlation-Id') ?? trace?.id ?? request.id,
    ...(trace && { traceparent: trace.traceparent }),
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

// W3C Trace Context: one that is not as it should be is as if it were not there. A later version begins like version 00, which
// is what we know and pass on.
function traceOf({ headers: { traceparent } }: FastifyRequest) {
  const [, id, parent, flags] =
    /^(?:00(?=.{53}$)|(?!00|ff)[0-9a-f]{2})-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})(?:$|-)/.exec(
      String(traceparent),
    ) ?? [];
  return id === undefined ? undefined : { id, traceparent: `00-${id}-${parent}-${flags}` };
}
