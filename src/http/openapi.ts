// The OpenAPI document of the routes: their zod schemas as JSON Schema, their errors with an example each. Written here
// and not by @fastify/swagger, which knows no examples of responses and cannot refer to shared ones.
import type { z } from 'zod';
import { type ErrorExample, errorExamples } from './error-examples.ts';
import { ApiError, type ErrorCode, ErrorResponse, errorResponse, statusOfCode } from './errors.ts';
import { type RequestHeader, type ResponseHeader, requestHeaders, responseHeaders } from './headers.ts';
import { createSchemaWriter, type JsonSchema, type SchemaWriter } from './json-schema.ts';
import { type DescribedRoute, errorsOf, type Operation } from './operation.ts';
import { validatorCompiler } from './validation.ts';

/** What the document says of the API as a whole. */
export interface About {
  readonly title: string;
  readonly version: string;
  readonly description: string;
  readonly tags: readonly { readonly name: string; readonly description: string }[];
}

/** An OpenAPI 3.1 document. */
export interface OpenApiDocument {
  readonly openapi: string;
  readonly info: Part;
  readonly servers: readonly Part[];
  readonly security: readonly Part[];
  readonly tags: About['tags'];
  readonly paths: Readonly<Record<string, Part>>;
  readonly components: Readonly<Record<'responses' | 'headers' | 'schemas', Part>>;
}

/** An object of OpenAPI's own. The linter knows their shapes, and reads the whole. */
type Part = Readonly<Record<string, unknown>>;

type Schemas = Readonly<Partial<Record<'body' | 'params' | 'querystring', z.ZodType>>>;

/** Errors that say the same wherever they come from. */
const sharedErrors: readonly ErrorCode[] = [
  'REQUEST_TIMEOUT',
  'PAYLOAD_TOO_LARGE',
  'UNSUPPORTED_MEDIA_TYPE',
  'HEADERS_TOO_LARGE',
  'INTERNAL_ERROR',
  'SERVICE_UNAVAILABLE',
];

/** Refusals of what is no request yet, and therefore has no id. */
const beforeRequest: readonly ErrorCode[] = ['REQUEST_TIMEOUT', 'HEADERS_TOO_LARGE'];

/** The OpenAPI 3.1 document of these routes. */
export function openApiDocument(about: About, routes: readonly DescribedRoute[]): OpenApiDocument {
  const { title, version, description, tags } = about;
  const schemas = createSchemaWriter();
  const paths = pathsOf(inOrderOf(tags, routes), schemas);
  const shared = sharedErrors.filter((code) => routes.some((route) => errorsOf(route).includes(code)));
  const responses = shared.map((code) => [pascalCase(code), errorAnswer([code], wordsOf, example(code), schemas)]);
  return {
    openapi: '3.1.1',
    info: { title, version, description },
    // Wherever the document was read from.
    servers: [{ url: '/' }],
    security: [],
    tags,
    paths,
    components: {
      responses: Object.fromEntries(responses),
      headers: responseHeaders,
      schemas: schemas.named(),
    },
  };
}

function pathsOf(routes: readonly DescribedRoute[], schemas: SchemaWriter): Readonly<Record<string, Part>> {
  const paths: Record<string, Part> = {};
  for (const route of routes) {
    const path = route.url.replace(/:(\w+)/g, '{$1}');
    paths[path] = { ...paths[path], [route.method.toLowerCase()]: operationOf(route, schemas) };
  }
  return paths;
}

function inOrderOf(tags: About['tags'], routes: readonly DescribedRoute[]): readonly DescribedRoute[] {
  return tags.flatMap(({ name }) => routes.filter(({ schema }) => schema.operation.tag === name));
}

function operationOf(route: DescribedRoute, schemas: SchemaWriter): Part {
  const { params, querystring, body } = route.schema as Schemas;
  const { id, tag, summary, description, requestHeaders = [] } = route.schema.operation;
  const parameters = [
    ...(params === undefined ? [] : parametersIn('path', schemas.write(params, 'input'))),
    ...(querystring === undefined ? [] : parametersIn('query', schemas.write(querystring, 'input'))),
    ...requestHeaders.map(headerParameter),
  ];
  return {
    operationId: id,
    tags: [tag],
    summary,
    ...(description === undefined ? {} : { description }),
    ...(parameters.length === 0 ? {} : { parameters }),
    ...(body === undefined
      ? {}
      : { requestBody: { required: true, content: json(schemas.write(body, 'input'), firstExample(body)) } }),
    responses: { ...successOf(route, schemas), ...notModifiedOf(route), ...errorAnswersOf(route, schemas) },
  };
}

function parametersIn(place: 'path' | 'query', { properties = {}, required = [] }: JsonSchema): Part[] {
  return Object.entries(properties).map(([name, property]) => {
    const { description, examples, ...schema } = property as JsonSchema;
    return {
      name,
      in: place,
      ...(required.includes(name) ? { required: true } : {}),
      ...(description === undefined ? {} : { description }),
      // A page sends an example unless it is told otherwise: none of what need not be sent.
      ...(required.includes(name) && examples !== undefined ? { example: examples[0] } : {}),
      schema,
    };
  });
}

function headerParameter(name: RequestHeader): Part {
  const { description, schema, example } = requestHeaders[name];
  return { name, in: 'header', description, schema: { ...schema, examples: [example] } };
}

function successOf({ schema }: DescribedRoute, schemas: SchemaWriter): Part {
  const { answer, example, responseHeaders = [] } = schema.operation;
  const [status, body] = Object.entries(schema.response as Record<string, z.ZodType>)[0] ?? [];
  if (status === undefined || body === undefined) throw new Error(`${schema.operation.id} has no success`);
  const headers = headersOf(['X-Request-Id', ...responseHeaders]);
  const content = status === '204' ? {} : { content: json(schemas.write(body, 'output'), example) };
  return { [status]: { description: answer, headers, ...content } };
}

function notModifiedOf({ schema }: DescribedRoute): Part {
  const { responseHeaders = [] } = schema.operation;
  if (!Object.hasOwn(schema.response as object, 304)) return {};
  const description = 'It is still as `If-None-Match` says that it is known. This has no body.';
  return { 304: { description, headers: headersOf(['X-Request-Id', ...responseHeaders]) } };
}

function errorAnswersOf(route: DescribedRoute, schemas: SchemaWriter): Part {
  const byStatus = Map.groupBy(new Set(errorsOf(route)), (code) => statusOfCode[code]);
  const answers = [...byStatus].map(([status, codes]) => [status, answerOf(codes)]);
  return Object.fromEntries(answers);

  function answerOf(codes: readonly ErrorCode[]) {
    const [only] = codes;
    if (only !== undefined && codes.length === 1 && sharedErrors.includes(only)) {
      return { $ref: `#/components/responses/${pascalCase(only)}` };
    }
    const words = (code: ErrorCode) => wordsOf(code, route.schema.operation);
    return errorAnswer(codes, words, (code) => exampleOn(route, code), schemas);
  }
}

function errorAnswer(
  codes: readonly ErrorCode[],
  words: (code: ErrorCode) => ErrorExample,
  exampleOf: (code: ErrorCode) => ApiError,
  schemas: SchemaWriter,
): Part {
  const headers: ResponseHeader[] = [
    ...(codes.some((code) => beforeRequest.includes(code)) ? [] : (['X-Request-Id'] as const)),
    ...(codes.some((code) => statusOfCode[code] === 503) ? (['Retry-After'] as const) : []),
    ...(codes.includes('PRECONDITION_FAILED') ? (['ETag'] as const) : []),
  ];
  const examples = codes.map((code) => [code, { value: errorResponse(exampleOf(code)) }]);
  return {
    description: codes.map((code) => `\`${code}\`: ${words(code).when}`).join('\n\n'),
    ...(headers.length === 0 ? {} : { headers: headersOf(headers) }),
    content: {
      'application/json': {
        schema: schemas.write(ErrorResponse, 'output'),
        examples: Object.fromEntries(examples),
      },
    },
  };
}

function exampleOn({ method, url, schema }: DescribedRoute, code: ErrorCode): ApiError {
  if (code === 'VALIDATION_ERROR') return refusalOf(url, schema as Schemas);
  const message = wordsOf(code, schema.operation)
    .message.replace('{operation}', schema.operation.id)
    .replace('{method} {path}', `${method} ${url.replace(/:\w+/, 'GW/1')}`);
  return new ApiError(code, message);
}

function wordsOf(code: ErrorCode, { errorsInItsWords = {} }: Pick<Operation, 'errorsInItsWords'> = {}): ErrorExample {
  return errorsInItsWords[code] ?? errorExamples[code];
}

// What the route itself says to a request that is wrong.
function refusalOf(url: string, { body, params, querystring }: Schemas): ApiError {
  if (body !== undefined) return refuse(body, 'body', {});
  if (params !== undefined) return refuse(params, 'params', { id: 'GW-SPR-001' });
  if (querystring !== undefined) return refuse(querystring, 'querystring', { colour: 'blue' });
  return new ApiError('VALIDATION_ERROR', errorExamples.VALIDATION_ERROR.message);

  function refuse(schema: z.ZodType, httpPart: string, wrong: object): ApiError {
    const result = validatorCompiler({ schema, httpPart, method: '', url })(wrong);
    if (typeof result === 'object' && 'error' in result && result.error instanceof ApiError) return result.error;
    throw new Error(`${url} takes ${JSON.stringify(wrong)} as its ${httpPart}`);
  }
}

function example(code: ErrorCode): () => ApiError {
  return () => new ApiError(code, errorExamples[code].message);
}

function firstExample(schema: z.ZodType): unknown {
  return (schema.meta()?.examples as readonly unknown[] | undefined)?.[0];
}

function json(schema: JsonSchema, example?: unknown): Part {
  return { 'application/json': { schema: schema, ...(example === undefined ? {} : { example }) } };
}

function headersOf(names: readonly ResponseHeader[]): Part {
  return Object.fromEntries(names.map((name) => [name, { $ref: `#/components/headers/${name}` }]));
}

/** `PAYLOAD_TOO_LARGE` → `PayloadTooLarge`. */
function pascalCase(code: ErrorCode): string {
  return code.toLowerCase().replace(/(?:^|_)([a-z])/g, (_, letter: string) => letter.toUpperCase());
}
