import type { FastifyInstance, FastifySchema, RouteOptions } from 'fastify';
import type { ErrorExample } from './error-examples.ts';
import { type ErrorCode, ErrorResponse, statusOfCode } from './errors.ts';
import type { RequestHeader, ResponseHeader } from './headers.ts';

/** What the reference says of a route beside its schemas. A route without is not in the reference. */
export interface Operation {
  readonly id: string;
  readonly tag: string;
  readonly summary: string;
  readonly description?: string;
  /** What its success is. */
  readonly answer: string;
  readonly example?: unknown;
  readonly requestHeaders?: readonly RequestHeader[];
  /** The headers of its success, beside `X-Request-Id`. */
  readonly responseHeaders?: readonly ResponseHeader[];
  /** Its own errors, beside those that every route has. */
  readonly errors: readonly ErrorCode[];
  /** What it says of an error when that is not what all others say of it. */
  readonly errorsInItsWords?: Readonly<Partial<Record<ErrorCode, ErrorExample>>>;
}

declare module 'fastify' {
  interface FastifySchema {
    readonly operation?: Operation;
  }
}

/** A route that is in the reference. */
export interface DescribedRoute {
  readonly method: string;
  readonly url: string;
  readonly schema: FastifySchema & { readonly operation: Operation };
}

/** Puts the errors that a route can give into its schema, for every route with an operation from here on. */
export function declareErrors(app: FastifyInstance): void {
  app.addHook('onRoute', (route) => {
    if (!isDescribed(route)) return;
    const statuses = errorsOf(route).map((code) => [statusOfCode[code], ErrorResponse]);
    const declared = route.schema.response as object | undefined;
    route.schema = { ...route.schema, response: { ...declared, ...Object.fromEntries(statuses) } };
  });
}

/** Every error that a route can answer with: its own, and what the server refuses before a handler is asked. */
export function errorsOf({ method, url, schema }: DescribedRoute): readonly ErrorCode[] {
  return [
    'VALIDATION_ERROR',
    ...schema.operation.errors,
    ...(url.includes(':') ? (['ROUTE_NOT_FOUND'] as const) : []),
    'REQUEST_TIMEOUT',
    ...(method === 'GET' ? [] : (['PAYLOAD_TOO_LARGE', 'UNSUPPORTED_MEDIA_TYPE'] as const)),
    'HEADERS_TOO_LARGE',
    'INTERNAL_ERROR',
  ];
}

/** Whether a route is in the reference. The HEAD that comes with each GET is not: it says nothing new. */
export function isDescribed(route: RouteOptions): route is RouteOptions & DescribedRoute {
  return route.schema?.operation !== undefined && route.method !== 'HEAD';
}
