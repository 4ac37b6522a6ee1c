import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import type { GatewayIds } from '../domain/gateway.ts';
import { uuidv7 } from '../events/new-id.ts';
import { type Caller, callerOf, shortHeader } from '../http/caller.ts';
import { entityTagOf, formatEntityTag, parseEntityTags, revisionOf } from '../http/entity-tag.ts';
import { ApiError, type ErrorCode, errorDetail } from '../http/errors.ts';
import type { Operation } from '../http/operation.ts';
import { preferencesOf } from '../http/preferences.ts';
import { awaitProjection, type ReadModelReaches } from '../http/read-your-writes.ts';
import type { HttpServer } from '../http/server.ts';
import { nothingObserved, type Observed } from '../resources/gateway.ts';
import type { DefinedCommand } from './definition.ts';
import type { CommandDependencies, Outcome } from './handler.ts';
import type { IdempotencyKeys } from './idempotency.ts';
import { commands } from './index.ts';

export interface CommandRouteOptions {
  readonly dependencies: CommandDependencies;
  readonly idempotencyKeys: IdempotencyKeys;
  /** Whether a caller may read a gateway, and hence be told of it. */
  readonly mayRead: (caller: Caller, gateway: GatewayIds) => boolean;
  readonly readModelReaches: ReadModelReaches;
  /** What is observed of a gateway; undefined while nobody can tell. */
  readonly observationsOf: (gateway: string) => Promise<Observed | undefined>;
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
        const caller = callerOf(request);
        const { id, outcome } = await runAsSent(command, request, caller, options);
        if (outcome.outcome === 'rejected') throw refusal(command, outcome, reply, caller, options);
        describe(outcome, caller, reply);
        const [observed] = await Promise.all([
          observe(command, id, outcome, request, options),
          awaitProjection(request, reply, outcome.position, options.readModelReaches),
        ]);
        if (command.status === 201) reply.header('Location', `${command.path}/${id}`);
        reply.header('ETag', formatEntityTag(entityTagOf(outcome.revision, observed?.mark)));
        const answer = { ...(outcome.resource as object), ...observed?.observations };
        return reply.code(command.status).send(command.status === 204 ? undefined : answer);
      },
    });
  }
}

interface Ran {
  /** The id of the resource. */
  readonly id: string;
  readonly outcome: Outcome<unknown>;
}

async function runAsSent(
  command: DefinedCommand,
  request: FastifyRequest,
  { actor, correlationId, traceparent }: Caller,
  { dependencies, idempotencyKeys }: CommandRouteOptions,
): Promise<Ran> {
  const { body, query } = request;
  const { id: resource } = request.params as { readonly id?: string };
  const key = shortHeader(request, 'Idempotency-Key');
  const sender = { actor, correlationId, traceparent };
  if (key === undefined) {
    const id = resource ?? uuidv7();
    const precondition = resource === undefined ? { isNew: true } : onlyAt(request);
    return {
      id,
      outcome: await command.run(dependencies, { id, body, query, sender: { ...sender, ...precondition } }),
    };
  }
  const owner = { actor, command: command.name, resource };
  const idempotency = idempotencyKeys.recognize(owner, key, { body, query });
  const keyed = { ...sender, ...(resource !== undefined && onlyAt(request)), idempotency };
  if (resource !== undefined) {
    return { id: resource, outcome: await command.run(dependencies, { id: resource, body, query, sender: keyed }) };
  }
  const [newest, ...older] = idempotencyKeys.idsFor(owner, key);
  for (const id of older) {
    const outcome = await command.recall(dependencies, id, idempotency);
    if (outcome !== undefined) return { id, outcome };
  }
  return { id: newest, outcome: await command.run(dependencies, { id: newest, body, query, sender: keyed }) };
}

/** What there is to be seen of a gateway: of one that has just been made, nothing; where nobody wants to wait, nobody is asked. */
async function observe(
  { category, status }: DefinedCommand,
  id: string,
  { outcome }: Accepted,
  { headers }: FastifyRequest,
  { observationsOf }: CommandRouteOptions,
): Promise<Observed | undefined> {
  if (category !== 'gateway' || status === 204) return undefined;
  if (status === 201 && outcome === 'accepted') return nothingObserved;
  return preferencesOf(headers.prefer).respondAsync ? undefined : observationsOf(id);
}

// A tag that names no revision, such as a weak one, is one that the resource cannot have.
function onlyAt({ headers }: FastifyRequest): { readonly onlyAt?: readonly bigint[] } {
  const header = headers['if-match'];
  if (header === undefined) return {};
  const tags = parseEntityTags(header);
  if (tags === undefined) {
    const detail = errorDetail(['If-Match'], 'must be * or entity tags in quotes, such as the ETag of an answer');
    throw new ApiError('VALIDATION_ERROR', "The request's headers are not valid.", [detail]);
  }
  return tags === '*' ? {} : { onlyAt: tags.flatMap((tag) => revisionOf(tag) ?? []) };
}

function schemaOf(command: DefinedCommand) {
  const { status, body, query, answer } = command;
  return {
    querystring: query ?? z.strictObject({}),
    ...(isAboutOne(command) && { params: z.strictObject({ id: idOf(command) }) }),
    ...(body && { body }),
    response: { [status]: status === 204 ? z.undefined() : answer },
    operation: operationOf(command),
  };
}

function idOf({ id, category, answer }: DefinedCommand): z.ZodType {
  const { id: example } = firstExample(answer) as { readonly id?: string };
  return (id as z.ZodType).meta({ description: `The id of the ${category}.`, examples: [example] });
}

function isAboutOne({ path }: DefinedCommand): boolean {
  return path.includes(':id');
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
    requestHeaders: [
      'Idempotency-Key',
      ...(isAboutOne(command) ? (['If-Match'] as const) : []),
      'Prefer',
      'X-Correlation-Id',
      'X-Actor',
    ],
    responseHeaders: [
      ...(status === 201 ? (['Location'] as const) : []),
      'Idempotency-Replayed',
      'ETag',
      'X-Commit-Position',
      'X-Projection',
      'X-Correlation-Id',
      'Preference-Applied',
    ],
    errors: [...(isAboutOne(command) ? (['PreconditionFailed'] as const) : []), ...always, ...refusals]
      .map((reason) => messages[reason][0])
      .concat('SERVICE_UNAVAILABLE'),
  };
}

const always = ['IdempotencyKeyReused', 'Conflict'] as const;

const tagOf: Readonly<Record<DefinedCommand['category'], string>> = {
  organization: 'Organizations',
  factory: 'Factories',
  gateway: 'Gateways',
};

// The example of the answer, with what the example of the body changes in it.
function exampleAfter({ status, body, answer }: DefinedCommand): object {
  const before = firstExample(answer);
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

function describe({ outcome, position }: Accepted, caller: Caller, reply: FastifyReply): void {
  reply.header('X-Correlation-Id', caller.correlationId).header('X-Commit-Position', String(position.commit));
  if (outcome === 'replayed') reply.header('Idempotency-Replayed', 'true');
}

function refusal(
  { name }: DefinedCommand,
  rejected: Rejected,
  reply: FastifyReply,
  caller: Caller,
  { mayRead }: CommandRouteOptions,
): ApiError {
  const [code, message] = messages[rejected.reason];
  if (rejected.reason === 'PreconditionFailed') {
    reply.header('ETag', formatEntityTag(entityTagOf(rejected.revision)));
    return new ApiError(code, message.replace('{revision}', String(rejected.revision)));
  }
  const { holder } = rejected;
  const details =
    holder && mayRead(caller, holder) ? [errorDetail(['gateway_id'], `is that of gateway ${holder.id}`)] : undefined;
  return new ApiError(code, message.replace('{command}', name), details);
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
  GatewayIdInFlight: ['GATEWAY_ID_TAKEN', 'Another gateway is about to have this gateway_id. Try again in a moment.'],
  PreconditionFailed: ['PRECONDITION_FAILED', 'This has changed since: it is at revision {revision} now.'],
  IdempotencyKeyReused: [
    'IDEMPOTENCY_KEY_REUSED',
    'This Idempotency-Key came with another body before. Use a new key for a new request.',
  ],
  GatewayIdTaken: ['GATEWAY_ID_TAKEN', 'Another active gateway has this gateway_id.'],
  Conflict: ['CONFLICT', 'Others kept changing the same thing, so {command} gave up. Try again.'],
};
