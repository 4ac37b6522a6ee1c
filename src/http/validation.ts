import type { FastifySchemaCompiler } from 'fastify';
import type { z } from 'zod';
import { ApiError, type ErrorDetail } from './errors.ts';

/** Validates bodies, queries and parameters with the zod schemas of the routes. */
export const validatorCompiler: FastifySchemaCompiler<z.ZodType> = ({ schema, httpPart }) => {
  return (data) => {
    const parsed = schema.safeParse(data, { error: describeMissing });
    if (parsed.success) return { value: parsed.data };
    const details = firstOfEachPath(parsed.error.issues.flatMap(detailsOf));
    return { error: new ApiError('VALIDATION_ERROR', `The request's ${nameOf(httpPart)} is not valid.`, details) };
  };
};

// Zod's own words are "expected string, received undefined".
function describeMissing(issue: z.core.$ZodRawIssue): string | undefined {
  return issue.code === 'invalid_type' && issue.input === undefined ? 'is required' : undefined;
}

function firstOfEachPath(details: readonly ErrorDetail[]): readonly ErrorDetail[] {
  return details.filter(({ path }, index) => details.findIndex((other) => other.path === path) === index);
}

function detailsOf(issue: z.core.$ZodIssue): ErrorDetail[] {
  const path = issue.path.map(String);
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => ({ path: [...path, key].join('.'), message: 'is not a known field' }));
  }
  return [{ path: path.join('.'), message: issue.message }];
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
