import swagger, { type SwaggerTransformObject } from '@fastify/swagger';
import swaggerUi from '@fastify/swagger-ui';
import type { FastifySchema } from 'fastify';
import { z } from 'zod';
import { type About, type OpenApiDocument, openApiDocument } from './openapi.ts';
import { type DescribedRoute, isDescribed, type Operation } from './operation.ts';
import type { HttpServer } from './server.ts';

const operation: Operation = {
  id: 'GetOpenApiDocument',
  tag: 'Service',
  summary: 'This document',
  description: 'What you read is made of it: OpenAPI 3.1, with the schemas that the service itself checks by.',
  answer: 'The OpenAPI document.',
  example: { openapi: '3.1.1', info: { title: 'Gateway registry', version: '0.1.0' }, paths: {} },
  errors: [],
};

// What has nothing to choose or to say here: the only server, the links of an answer, where the page has its document from.
const pageStyle = `
.swagger-ui .scheme-container, .swagger-ui .response-col_links, .swagger-ui .info .main > .link { display: none }
.swagger-ui .info { margin: 32px 0 }
`;

/**
 * Serves the reference: `GET /api/openapi.json`, and at `/docs` a page of it that needs nothing from elsewhere; `/` leads there.
 *
 * It is made of the routes that come after this.
 *
 * @returns the document; call it when all routes are there
 */
export async function serveReference(app: HttpServer, about: About): Promise<() => OpenApiDocument> {
  const routes: DescribedRoute[] = [];
  app.addHook('onRoute', (route) => {
    if (isDescribed(route)) routes.push({ method: route.method, url: route.url, schema: route.schema });
  });
  let made: OpenApiDocument | undefined;
  let text: string | undefined;
  const document = () => (made ??= openApiDocument(about, routes));

  const schema: FastifySchema = { operation, response: { 200: z.looseObject({ openapi: z.string() }) } };
  app.get('/api/openapi.json', { schema }, async (_request, reply) => {
    text ??= JSON.stringify(document());
    return reply.type('application/json; charset=utf-8').send(text);
  });

  // The page asks this plugin for the document; all it contributes is to pass ours on.
  await app.register(swagger, {
    openapi: { openapi: '3.1.1', info: { title: about.title, version: about.version } },
    hideUntagged: true,
    transformObject: () => document() as ReturnType<SwaggerTransformObject>,
  });
  await app.register(swaggerUi, {
    routePrefix: '/docs',
    theme: { title: about.title, css: [{ filename: 'page.css', content: pageStyle }] },
    uiConfig: {
      layout: 'BaseLayout',
      deepLinking: true,
      docExpansion: 'list',
      tryItOutEnabled: true,
      displayRequestDuration: true,
      defaultModelsExpandDepth: 0,
      defaultModelExpandDepth: 3,
    },
  });
  // Whoever opens the address that the service prints wants to see something.
  app.get('/', (_request, reply) => reply.redirect('/docs'));
  return document;
}
