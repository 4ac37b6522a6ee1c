// What can be asked of the benchmark of the read model's freshness.

import { parseOptions, positive } from './options.ts';

export interface FreshnessOptions {
  /** Commands a second. */
  readonly rate: number;
  readonly rounds: number;
  readonly seconds: number;
}

export const usage = `Usage: npm run bench:freshness [-- options]

Sends commands to a service of its own, without waiting for its tables, and tells how long after each answer the row is
visible in Postgres; and how long after it a plain subscription to the event store has the event, which is the limit.
Takes about a minute and a half, and 200 MB of temporary files, which are removed at the end.

  --rate <number>     commands a second; default: 200
  --rounds <number>   how often it is measured; default: 5
  --seconds <number>  how long each time; default: 10
  --quick             small and rough: --rate 50 --rounds 1 --seconds 1
  --help`;

const full = { rate: '200', rounds: '5', seconds: '10' };
const quick = { rate: '50', rounds: '1', seconds: '1' };

/** The options of a command line. Throws with a message for people when it makes no sense. */
export function optionsOf(args: readonly string[]): FreshnessOptions | 'help' {
  const given = parseOptions(args, {
    rate: { type: 'string' },
    rounds: { type: 'string' },
    seconds: { type: 'string' },
  });
  if (given.help) return 'help';
  const values = { ...(given.quick ? quick : full), ...given };
  return {
    rate: positive('--rate', values.rate),
    rounds: Math.ceil(positive('--rounds', values.rounds)),
    seconds: positive('--seconds', values.seconds),
  };
}
