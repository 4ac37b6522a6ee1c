import type { FastifySchemaCompiler } from 'fastify';
import type { z } from 'zod';
import { ApiError, type ErrorDetail, errorDetail, mostDetails } from './errors.ts';

/** Validates bodies, queries and parameters with the zod schemas of the routes. */
export const validatorCompiler: FastifySchemaCompiler<z.ZodType> = ({ schema, httpPart }) => {
  return (data) => {
    const parsed = schema.safeParse(data, { error: inOurWords });
    if (parsed.success) return { value: parsed.data };
    const details = firstOfEachPath(
      parsed.error.issues.flatMap((issue) =>
        httpPart === 'querystring' && isRepeated(issue, data)
          ? [errorDetail(issue.path, 'may be given only once')]
          : detailsOf(issue),
      ),
    );
    return { error: new ApiError('VALIDATION_ERROR', `The request's ${nameOf(httpPart)} is not valid.`, details) };
  };
};

// Zod's own words are "expected string, received undefined" and the like. A body that was not sent arrives as null.
function inOurWords(issue: z.core.$ZodRawIssue): string | undefined {
  const isMissing = issue.input === undefined || (issue.input === null && (issue.path ?? []).length === 0);
  if (issue.code === 'invalid_type' && isMissing) return 'is required';
  return issue.code === 'invalid_value' ? `must be one of ${issue.values.join(', ')}` : undefined;
}

function firstOfEachPath(details: readonly ErrorDetail[]): readonly ErrorDetail[] {
  const first = new Map<string, ErrorDetail>();
  for (const detail of details) {
    if (!first.has(detail.path)) first.set(detail.path, detail);
  }
  return [...first.values()].slice(0, mostDetails);
}

// What stands twice in a query arrives as an array, of which a schema can only say that it is no text.
function isRepeated({ path: [parameter] }: z.core.$ZodIssue, query: unknown): boolean {
  return parameter !== undefined && Array.isArray((query as Readonly<Record<PropertyKey, unknown>>)[parameter]);
}

function detailsOf(issue: z.core.$ZodIssue): ErrorDetail[] {
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.slice(0, mostDetails).map((key) => errorDetail([...issue.path, key], 'is not a known field'));
  }
  return [errorDetail(issue.path, issue.message)];
}

function nameOf(httpPart: string | undefined): string {
  switch (httpPart) {
    case 'querystring':
      return 'query';
    case 'params':
      return 'path';
    default:
      return httpPart ?? 'content';
  }
}
