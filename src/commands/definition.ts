import type { z } from 'zod';
import type { Rejection } from '../domain/decision.ts';
import type { RegistryEvent } from '../events/catalogue.ts';
import type { Aggregate } from './aggregate.ts';
import { type CommandDependencies, type Facts, handle, type Outcome, type Sender } from './handler.ts';

/** What a command declares of itself, in a file of its own. */
export interface CommandDefinition<Id extends string, Command, State, Body> {
  readonly name: string;
  readonly method: 'POST' | 'PUT' | 'DELETE';
  /** With `:id` in it the command is about that aggregate; without, it makes a new one. */
  readonly path: string;
  readonly status: 200 | 201 | 204;
  /** What the request's body may be; a command that takes none has no schema. */
  readonly body?: z.ZodType<Body>;
  /** A body that it takes. */
  readonly example?: object;
  /** What it does, in a line. */
  readonly summary: string;
  /** What else whoever sends it should know. */
  readonly description?: string;
  /** Why it may be refused, by the rules or for want of a device id. */
  readonly refusals: readonly Rejection[];
  /** What the rules are asked. */
  readonly ask: (input: { id: Id; body: Body }, state: State, facts: Facts) => Promise<readonly Command[]>;
}

/** A command as the table of commands holds it: its types checked and out of sight. */
export interface DefinedCommand
  extends Pick<AnyDefinition, 'name' | 'method' | 'path' | 'status' | 'summary' | 'description' | 'refusals'> {
  readonly category: 'organization' | 'factory' | 'gateway';
  readonly body: z.ZodType | undefined;
  readonly id: z.core.$ZodType<string>;
  readonly resource: z.ZodType;
  /** `id` and `body` have passed the schemas of the same names. */
  run(dependencies: CommandDependencies, id: string, body: unknown, sender: Sender): Promise<Outcome<unknown>>;
}

type AnyDefinition = CommandDefinition<string, unknown, unknown, unknown>;

/**
 * Makes the function that declares a kind of aggregate's commands. It takes the aggregate first, so that the
 * compiler knows its commands when it looks at what `ask` returns.
 */
export function commandsOn<Id extends string, Command, State, Event extends RegistryEvent, Resource>(
  aggregate: Aggregate<Id, Command, State, Event, Resource>,
) {
  return function defineCommand<Body>(definition: CommandDefinition<Id, Command, State, Body>): DefinedCommand {
    const { body, example, ask, ...declared } = definition;
    return {
      ...declared,
      category: aggregate.category,
      body: body?.meta({ id: declared.name, examples: [example] }),
      id: aggregate.id,
      resource: aggregate.resource,
      run: (dependencies, id, input, sender) =>
        handle(dependencies, aggregate, id as Id, sender, (state, facts) =>
          ask({ id: id as Id, body: input as Body }, state, facts),
        ),
    };
  };
}
