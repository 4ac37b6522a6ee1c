// What can be asked of the benchmark of commands.

import { atLeastOne, parseOptions } from './options.ts';

export interface CommandsOptions {
  /** In a visit of a subject; and so many gateways there are that are changed. */
  readonly commands: number;
  readonly rounds: number;
  readonly connections: number;
  /** The folder for a CPU profile of the service; undefined for none. */
  readonly profile: string | undefined;
}

export const usage = `Usage: npm run bench:commands [-- options]

Has gateways created and changed by the service, with all that runs in it; beside it the same events are appended to the event
store by a bare client, and the same rows are inserted and updated by a service of Fastify and pg that is as small as it can be.
All on the same servers. Takes about four minutes, and 500 MB of temporary files, which are removed at the end.

  --commands <number>     in each visit, and how many gateways are changed; default: 4000
  --rounds <number>       how often each is visited; default: 5
  --connections <number>  commands at a time; default: 64
  --profile <folder>      also write a CPU profile of the service, of the whole run
  --quick                 small and rough: --commands 640 --rounds 1
  --help`;

const full = { commands: '4000', rounds: '5', connections: '64' };
const quick = { ...full, commands: '640', rounds: '1' };

/** The options of a command line. Throws with a message for people when it makes no sense. */
export function optionsOf(args: readonly string[]): CommandsOptions | 'help' {
  const given = parseOptions(args, {
    commands: { type: 'string' },
    rounds: { type: 'string' },
    connections: { type: 'string' },
    profile: { type: 'string' },
  });
  if (given.help) return 'help';
  const values = { ...(given.quick ? quick : full), ...given };
  const options = {
    commands: atLeastOne('--commands', values.commands),
    rounds: atLeastOne('--rounds', values.rounds),
    connections: atLeastOne('--connections', values.connections),
    profile: values.profile,
  };
  if (options.commands >= options.connections) return options;
  throw new Error(`--commands is '${values.commands}', which is less than one for each connection. Say more.`);
}
