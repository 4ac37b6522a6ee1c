// What can be asked of the benchmark of the read model's freshness.

import { parseArgs } from 'node:util';

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
  const given = parse([...args]);
  if (given.help) return 'help';
  const values = { ...(given.quick ? quick : full), ...given };
  return {
    rate: positive('--rate', values.rate),
    rounds: Math.ceil(positive('--rounds', values.rounds)),
    seconds: positive('--seconds', values.seconds),
  };
}

function parse(args: string[]) {
  try {
    return parseArgs({
      args,
      options: {
        rate: { type: 'string' },
        rounds: { type: 'string' },
        seconds: { type: 'string' },
        quick: { type: 'boolean', default: false },
        help: { type: 'boolean', default: false },
      },
    }).values;
  } catch (error) {
    throw new Error(`${(error as Error).message}. Say --help for all options.`, { cause: error });
  }
}

function positive(option: string, text: string): number {
  const number = Number(text);
  if (number > 0 && Number.isFinite(number)) return number;
  throw new Error(`${option} is '${text}', which is not a number above 0. Correct it, or leave it out.`);
}
