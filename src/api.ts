// The HTTP API: its server, its reference and every route. It connects nowhere; what the routes need is handed in.
import { type CommandRouteOptions, commandRoutes } from './commands/routes.ts';
import { healthRoute, type PartHealth, readinessRoute, type StoresReadiness } from './http/health.ts';
import type { About, OpenApiDocument } from './http/openapi.ts';
import type { ReadModelReaches } from './http/read-your-writes.ts';
import { serveReference } from './http/reference.ts';
import { createHttpServer, type HttpOptions, type HttpServer } from './http/server.ts';
import { type QueryRouteOptions, queryRoutes } from './queries/routes.ts';

export interface ApiOptions extends HttpOptions {
  readonly version: string;
  readonly parts: () => readonly PartHealth[];
  readonly readiness: () => Promise<StoresReadiness>;
  readonly readModelReaches: ReadModelReaches;
  readonly commands: Omit<CommandRouteOptions, 'readModelReaches'>;
  readonly queries: Omit<QueryRouteOptions, 'readModelReaches'>;
}

export interface Api {
  readonly server: HttpServer;
  /** The OpenAPI document of all routes. */
  readonly document: () => OpenApiDocument;
}

/** The API, ready to listen. */
export async function createApi({
  version,
  parts,
  readiness,
  readModelReaches,
  commands,
  queries,
  ...http
}: ApiOptions): Promise<Api> {
  const server = await createHttpServer(http);
  // First, because it tells of the routes that come after it.
  const document = await serveReference(server, { ...about, version });
  queryRoutes(server, { ...queries, readModelReaches });
  commandRoutes(server, { ...commands, readModelReaches });
  healthRoute(server, version, parts);
  readinessRoute(server, readiness);
  return { server, document };
}

const about: Omit<About, 'version'> = {
  title: 'Gateway registry',
  description: `
The one place that knows which organizations have which factories, which gateways stand in them, how to log in to each,
and what changed when.

**Commands** (POST, PUT, DELETE) are recorded as events. They answer with the resource as it is afterwards, with its revision
(\`ETag\`) and its place in the log (\`X-Commit-Position\`). The answer waits, up to a second, until queries see the change, and
says in \`X-Projection\` whether they do; \`Prefer: wait=5\` waits longer, \`Prefer: respond-async\` does not wait.

**Queries** (GET, and HEAD for the headers alone) read tables that are made of the events. With \`X-Min-Position\` they wait
until the tables show that position. What was (\`as_of\`, \`revision\`, \`history\`) comes from the events themselves, at once.

JSON in snake_case, times in ISO-8601 and UTC. A field or a query parameter that is not in this document is refused, not
overlooked. Every answer that is no success has the same shape, with a \`code\` for programs and a \`message\` for people;
a path that is not in this document is answered with \`ROUTE_NOT_FOUND\`. A password is in no answer.

This document as JSON: [/api/openapi.json](/api/openapi.json).
`.trim(),
  tags: [
    { name: 'Organizations', description: 'Who owns factories.' },
    { name: 'Factories', description: 'Where gateways stand. A factory belongs to one organization.' },
    { name: 'Gateways', description: 'Boxes with a WebSocket address and a login. A gateway stands in one factory.' },
    { name: 'Service', description: 'The service itself.' },
  ],
};
