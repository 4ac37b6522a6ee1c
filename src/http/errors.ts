import { z } from 'zod';

/** Every error code of the API and the HTTP status it comes with. */
export const statusOfCode = {
  VALIDATION_ERROR: 400,
  ORGANIZATION_NOT_FOUND: 404,
  FACTORY_NOT_FOUND: 404,
  GATEWAY_NOT_FOUND: 404,
  ROUTE_NOT_FOUND: 404,
  REQUEST_TIMEOUT: 408,
  GATEWAY_ID_TAKEN: 409,
  PARENT_DELETED: 409,
  HAS_ACTIVE_CHILDREN: 409,
  OTHER_ORGANIZATION: 409,
  CONFLICT: 409,
  PRECONDITION_FAILED: 412,
  PAYLOAD_TOO_LARGE: 413,
  UNSUPPORTED_MEDIA_TYPE: 415,
  IDEMPOTENCY_KEY_REUSED: 422,
  HEADERS_TOO_LARGE: 431,
  INTERNAL_ERROR: 500,
  SERVICE_UNAVAILABLE: 503,
  PROJECTION_BEHIND: 503,
  NOT_READY: 503,
} as const;

export type ErrorCode = keyof typeof statusOfCode;

/** What is wrong with one field: `path` is dotted (`metadata.tags.0`), empty for the whole. */
export interface ErrorDetail {
  readonly path: string;
  readonly message: string;
}

/** So many details are told of one request at most: the answer to a bad request must not outgrow the request. */
export const mostDetails = 100;

const longestPath = 300;

/** Says what is wrong with the field that `keys` lead to. */
export function errorDetail(keys: readonly PropertyKey[], message: string): ErrorDetail {
  const path = keys.map(String).join('.');
  return { path: path.length > longestPath ? `${path.slice(0, longestPath)}…` : path, message };
}

/** An answer that is not a success; `message` is for the person who sent the request. */
export class ApiError extends Error {
  override readonly name = 'ApiError';
  readonly code: ErrorCode;
  readonly statusCode: number;
  readonly details: readonly ErrorDetail[] | undefined;

  constructor(code: ErrorCode, message: string, details?: readonly ErrorDetail[]) {
    super(message);
    this.code = code;
    this.statusCode = statusOfCode[code];
    this.details = details;
  }
}

const ErrorDetail = z
  .object({
    path: z.string().meta({ description: 'Which field, dotted: `metadata.tags.0`; empty for the whole.' }),
    message: z.string(),
  })
  .meta({ id: 'ErrorDetail', description: 'What is wrong with one field.' });

/** The body of every error answer. */
export const ErrorResponse = z
  .object({
    error: z.object({
      code: z.enum(Object.keys(statusOfCode) as [ErrorCode, ...ErrorCode[]]).meta({ description: 'For programs.' }),
      message: z.string().meta({ description: 'For people; its words may change.' }),
      statusCode: z.int(),
      details: z.array(ErrorDetail).exactOptional(),
    }),
  })
  .meta({ id: 'Error', description: 'Every answer that is no success.' });

export type ErrorResponse = z.output<typeof ErrorResponse>;

/** The body that answers with an error. */
export function errorResponse({ code, message, statusCode, details }: ApiError): ErrorResponse {
  return { error: { code, message, statusCode, ...(details && { details: [...details] }) } };
}
