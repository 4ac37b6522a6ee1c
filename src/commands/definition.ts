import type { z } from 'zod';
import type { Rejection } from '../domain/decision.ts';
import type { RegistryEvent } from '../events/catalogue.ts';
import type { Aggregate } from './aggregate.ts';
import { type CommandDependencies, type Facts, handle, type Outcome, recallOutcome, type Sender } from './handler.ts';
import type { Idempotency } from './idempotency.ts';

/** What a command declares of itself, in a file of its own. */
export interface CommandDefinition<Id extends string, Command, State, Body, Query> {
  readonly name: string;
  readonly method: 'POST' | 'PUT' | 'DELETE';
  /** With `:id` in it the command is about that aggregate; without, it makes a new one. */
  readonly path: string;
  readonly status: 200 | 201 | 204;
  /** What the request's body may be; a command that takes none has no schema. */
  readonly body?: z.ZodType<Body>;
  /** What its query string may hold; nothing when there is no schema. */
  readonly query?: z.ZodType<Query>;
  /** A body that it takes. */
  readonly example?: object;
  /** What it does, in a line. */
  readonly summary: string;
  /** What else whoever sends it should know. */
  readonly description?: string;
  /** Why it may be refused, by the rules or for want of a device id. */
  readonly refusals: readonly Rejection[];
  /** What the rules are asked. */
  readonly ask: (
    input: { id: Id; body: Body; query: Query },
    state: State,
    facts: Facts,
  ) => Promise<readonly Command[]>;
}

/** A command as the table of commands holds it: its types checked and out of sight. */
export interface DefinedCommand
  extends Pick<AnyDefinition, 'name' | 'method' | 'path' | 'status' | 'summary' | 'description' | 'refusals'> {
  readonly category: 'organization' | 'factory' | 'gateway';
  readonly body: z.ZodType | undefined;
  readonly query: z.ZodType | undefined;
  readonly id: z.core.$ZodType<string>;
  /** What it answers with. */
  readonly answer: z.ZodType;
  run(dependencies: CommandDependencies, request: CommandRequest): Promise<Outcome<unknown>>;
  /** What has become of a command that was sent before, about this id; undefined when it was not. Nothing is appended. */
  recall(
    dependencies: CommandDependencies,
    id: string,
    idempotency: Idempotency,
  ): Promise<Outcome<unknown> | undefined>;
}

/** A command as it was sent. `id`, `body` and `query` have passed the schemas of the same names. */
export interface CommandRequest {
  readonly id: string;
  readonly body?: unknown;
  readonly query?: unknown;
  readonly sender: Sender;
}

type AnyDefinition = CommandDefinition<string, unknown, unknown, unknown, unknown>;

/**
 * Makes the function that declares a kind of aggregate's commands. It takes the aggregate first, so that the
 * compiler knows its commands when it looks at what `ask` returns.
 */
export function commandsOn<Id extends string, Command, State, Event extends RegistryEvent, Resource>(
  aggregate: Aggregate<Id, Command, State, Event, Resource>,
) {
  return function defineCommand<Body, Query>(
    definition: CommandDefinition<Id, Command, State, Body, Query>,
  ): DefinedCommand {
    const { body, query, example, ask, ...declared } = definition;
    return {
      ...declared,
      category: aggregate.category,
      body: body?.meta({ id: declared.name, examples: [example] }),
      query,
      id: aggregate.id,
      answer: aggregate.answer,
      recall: (dependencies, id, idempotency) => recallOutcome(dependencies, aggregate, id as Id, idempotency),
      run: (dependencies, { sender, ...sent }) => {
        const input = { id: sent.id as Id, body: sent.body as Body, query: sent.query as Query };
        return handle(dependencies, aggregate, input.id, sender, (state, facts) => ask(input, state, facts));
      },
    };
  };
}
