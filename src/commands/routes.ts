import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { uuidv7 } from '../events/new-id.ts';
import { ApiError, type ErrorCode } from '../http/errors.ts';
import type { Operation } from '../http/operation.ts';
import { awaitProjection, type ReadModelReaches } from '../http/read-your-writes.ts';
import type { HttpServer } from '../http/server.ts';
import type { DefinedCommand } from './definition.ts';
import type { CommandDependencies, Outcome, Sender } from './handler.ts';
import { commands } from './index.ts';

export interface CommandRouteOptions {
  readonly dependencies: CommandDependencies;
  readonly readModelReaches: ReadModelReaches;
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
        describe(outcome, reply);
        await awaitProjection(request, reply, outcome.position, options.readModelReaches);
        if (command.status === 201) reply.header('Location', `${command.path}/${id}`);
        return reply.code(command.status).send(command.status === 204 ? undefined : outcome.resource);
      },
    });
  }
}

function schemaOf(command: DefinedCommand) {
  const { path, status, body, resource } = command;
  return {
    querystring: z.strictObject({}),
    ...(path.includes(':id') && { params: z.strictObject({ id: idOf(command) }) }),
    ...(body && { body }),
    response: { [status]: status === 204 ? z.undefined() : resource },
    operation: operationOf(command),
  };
}

function idOf({ id, category, resource }: DefinedCommand): z.ZodType {
  const { id: example } = firstExample(resource) as { readonly id?: string };
  return (id as z.ZodType).meta({ description: `The id of the ${category}.`, examples: [example] });
}

function operationOf(command: DefinedCommand): Operation {
  const { name, category, summary, description, status, refusals } = command;
  return {
    id: name,
    tag: tagOf[category],
    summary,
    ...(description === undefined ? {} : { description }),
    answer: status === 204 ? `The ${category} is deleted.` : `The ${category} as it is now.`,
    ...(status === 204 ? {} : { example: exampleAfter(command) }),
    requestHeaders: ['Prefer'],
    responseHeaders: [
      ...(status === 201 ? (['Location'] as const) : []),
      'ETag',
      'X-Commit-Position',
      'X-Projection',
      'Preference-Applied',
    ],
    errors: [...[...refusals, 'Conflict' as const].map((reason) => messages[reason][0]), 'SERVICE_UNAVAILABLE'],
  };
}

const tagOf: Readonly<Record<DefinedCommand['category'], string>> = {
  organization: 'Organizations',
  factory: 'Factories',
  gateway: 'Gateways',
};

// The example of the resource, with what the example of the body changes in it.
function exampleAfter({ status, body, resource }: DefinedCommand): object {
  const before = firstExample(resource);
  const changes = Object.entries(firstExample(body)).filter(([field]) => field in before);
  return {
    ...before,
    ...Object.fromEntries(changes),
    ...(status === 201 ? {} : { updated_at: '2026-03-02T09:30:00.000Z' }),
  };
}

function firstExample(schema: z.ZodType | undefined): object {
  return (schema?.meta()?.examples as readonly object[] | undefined)?.[0] ?? {};
}

// An empty object says nothing, and some clients cannot send less.
function refuseBody(body: unknown): void {
  if (body === undefined || body === null || (typeof body === 'object' && Object.keys(body).length === 0)) return;
  throw new ApiError('VALIDATION_ERROR', 'This takes no body.', [{ path: '', message: 'must be empty' }]);
}

function senderOf(request: FastifyRequest): Sender {
  return { actor: 'anonymous', correlationId: request.id };
}

function describe({ revision, position }: Accepted, reply: FastifyReply): void {
  reply.header('ETag', `"${revision}"`).header('X-Commit-Position', String(position.commit));
}

function refusal({ name }: DefinedCommand, reason: Rejected['reason']): ApiError {
  const [code, message] = messages[reason];
  return new ApiError(code, message.replace('{command}', name));
}

const messages: Readonly<Record<Rejected['reason'], readonly [ErrorCode, string]>> = {
  OrganizationNotFound: ['ORGANIZATION_NOT_FOUND', 'There is no such organization, or it is deleted.'],
  FactoryNotFound: ['FACTORY_NOT_FOUND', 'There is no such factory, or it is deleted.'],
  GatewayNotFound: ['GATEWAY_NOT_FOUND', 'There is no such gateway, or it is deleted.'],
  AlreadyExists: ['CONFLICT', 'There is something with this id already.'],
  ParentDeleted: ['PARENT_DELETED', 'What this belongs to is deleted. Restore that first.'],
  OtherOrganization: ['OTHER_ORGANIZATION', 'The factory belongs to another organization. A gateway stays in its own.'],
  HasActiveChildren: [
    'HAS_ACTIVE_CHILDREN',
    'Something active belongs to this. Delete that first, or leave cascade=false out.',
  ],
  GatewayIdTaken: ['GATEWAY_ID_TAKEN', 'Another active gateway has this gateway_id.'],
  Conflict: ['CONFLICT', 'Others kept changing the same thing, so {command} gave up. Try again.'],
};
