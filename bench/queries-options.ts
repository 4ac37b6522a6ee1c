// What can be asked of the benchmark of queries.

import { atLeastOne, parseOptions, positive } from './options.ts';

export interface QueriesOptions {
  /** In the small database. */
  readonly few: number;
  /** In the large database. */
  readonly gateways: number;
  readonly rounds: number;
  readonly seconds: number;
  readonly connections: number;
}

export const usage = `Usage: npm run bench:queries [-- options]

Asks the service for one gateway, for a list of 20 and for the 20 of a factory, in a database of 10,000 gateways and in a large
one; and beside it two services as small as they can be that answer the same with the same statements, on slonik and on pg.
Takes about ten minutes, and 2 GB of temporary files, which are removed at the end.

  --gateways <number>     in the large database; default: 1000000
  --rounds <number>       how often it is measured; default: 5
  --seconds <number>      how long each time; default: 4
  --connections <number>  requests at a time; default: 64
  --quick                 small and rough: 1,000 gateways in the small one, and --gateways 2000 --rounds 1 --seconds 0.5
  --help`;

const full = { gateways: '1000000', rounds: '5', seconds: '4', connections: '64' };
const quick = { ...full, gateways: '2000', rounds: '1', seconds: '0.5' };

/** The options of a command line. Throws with a message for people when it makes no sense. */
export function optionsOf(args: readonly string[]): QueriesOptions | 'help' {
  const given = parseOptions(args, {
    gateways: { type: 'string' },
    rounds: { type: 'string' },
    seconds: { type: 'string' },
    connections: { type: 'string' },
  });
  if (given.help) return 'help';
  const values = { ...(given.quick ? quick : full), ...given };
  return {
    few: given.quick ? 1_000 : 10_000,
    gateways: atLeastOne('--gateways', values.gateways),
    rounds: atLeastOne('--rounds', values.rounds),
    seconds: positive('--seconds', values.seconds),
    connections: atLeastOne('--connections', values.connections),
  };
}
