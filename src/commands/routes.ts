import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import type { Position } from '../events/event-log.ts';
import { uuidv7 } from '../events/new-id.ts';
import { ApiError, type ErrorCode, ErrorResponse } from '../http/errors.ts';
import type { HttpServer } from '../http/server.ts';
import type { DefinedCommand } from './definition.ts';
import type { CommandDependencies, Outcome, Sender } from './handler.ts';
import { commands } from './index.ts';

export interface CommandRouteOptions {
  readonly dependencies: CommandDependencies;
  /** Waits, up to a bound, until queries see a position; tells whether they do. */
  readonly readModelReaches: (position: Position) => Promise<boolean>;
}

type Accepted = Exclude<Outcome<unknown>, { outcome: 'rejected' }>;
type Rejected = Extract<Outcome<unknown>, { outcome: 'rejected' }>;

/** A route for each command of the table. */
export function commandRoutes(app: HttpServer, options: CommandRouteOptions): void {
  for (const command of commands) {
    app.route({
      method: command.method,
      url: command.path,
      schema: schemaOf(command),
      handler: async (request, reply) => {
        if (command.body === undefined) refuseBody(request.body);
        const id = (request.params as { id?: string }).id ?? uuidv7();
        const outcome = await command.run(options.dependencies, id, request.body, senderOf(request));
        if (outcome.outcome === 'rejected') throw refusal(command, outcome.reason);
        await describe(outcome, request, reply, options.readModelReaches);
        return reply.code(command.status).send(command.status === 204 ? undefined : outcome.resource);
      },
    });
  }
}

function schemaOf({ name, path, status, body, id, resource }: DefinedCommand) {
  return {
    operationId: name,
    querystring: z.strictObject({}),
    ...(path.includes(':id') && { params: z.strictObject({ id }) }),
    ...(body && { body }),
    response: {
      [status]: status === 204 ? z.undefined() : resource,
      '4xx': ErrorResponse,
      '5xx': ErrorResponse,
    },
  };
}

// An empty object says nothing, and some clients cannot send less.
function refuseBody(body: unknown): void {
  if (body === undefined || body === null || (typeof body === 'object' && Object.keys(body).length === 0)) return;
  throw new ApiError('VALIDATION_ERROR', 'This takes no body.', [{ path: '', message: 'must be empty' }]);
}

function senderOf(request: FastifyRequest): Sender {
  return { actor: 'anonymous', correlationId: request.id };
}

async function describe(
  { revision, position }: Accepted,
  request: FastifyRequest,
  reply: FastifyReply,
  readModelReaches: CommandRouteOptions['readModelReaches'],
): Promise<void> {
  reply.header('ETag', `"${revision}"`).header('X-Commit-Position', String(position.commit));
  if (prefersAsync(request)) {
    reply.header('Preference-Applied', 'respond-async').header('X-Projection', 'pending');
  } else {
    reply.header('X-Projection', (await readModelReaches(position)) ? 'current' : 'pending');
  }
}

// RFC 7240: preferences are separated by commas, may stand in several headers and have parameters after a semicolon; they
// have no case, and an empty value is none.
function prefersAsync(request: FastifyRequest): boolean {
  const preferences = [request.headers.prefer ?? []].flat().join(',').toLowerCase().split(',');
  return preferences.some((preference) => /^\s*respond-async\s*(=\s*""\s*)?(;|$)/.test(preference));
}

function refusal({ name }: DefinedCommand, reason: Rejected['reason']): ApiError {
  const [code, message] = refusals[reason];
  return new ApiError(code, message.replace('{command}', name));
}

const refusals: Readonly<Record<Rejected['reason'], readonly [ErrorCode, string]>> = {
  OrganizationNotFound: ['ORGANIZATION_NOT_FOUND', 'There is no such organization, or it is deleted.'],
  FactoryNotFound: ['FACTORY_NOT_FOUND', 'There is no such factory, or it is deleted.'],
  GatewayNotFound: ['GATEWAY_NOT_FOUND', 'There is no such gateway, or it is deleted.'],
  AlreadyExists: ['CONFLICT', 'There is something with this id already.'],
  ParentDeleted: ['PARENT_DELETED', 'What this belongs to is deleted. Restore that first.'],
  GatewayIdTaken: ['GATEWAY_ID_TAKEN', 'Another active gateway has this gateway_id.'],
  Conflict: ['CONFLICT', 'Others kept changing the same thing, so {command} gave up. Try again.'],
};
