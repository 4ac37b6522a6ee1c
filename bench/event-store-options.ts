// What can be asked of the benchmark of the event store.

import { parseArgs } from 'node:util';
import type { Load } from './event-store-measures.ts';

export interface BenchmarkOptions extends Load {
  /** How many events the stores hold, rising. */
  readonly sizes: readonly number[];
  readonly rounds: number;
  /** Where the server's CPU profiles go; none are taken without it, as they cost time. */
  readonly profile: string | undefined;
}

export const usage = `Usage: npm run bench:event-store [-- options]

Appends to, reads of and subscriptions to the embedded event store, beside the same server with its log in memory.
Takes about nine minutes, 2 GB of memory and 1 GB of temporary files, which are removed at the end.

  --events <numbers>     how many events the stores hold; default: 10000,1000000
  --rounds <number>      how often each measure is taken; default: 5
  --seconds <number>     how long each takes at least; default: 2
  --read <number>        events that one read or subscription gets; default: 10000
  --event-bytes <number> bytes of the data of an event; default: 500
  --profile <folder>     writes a CPU profile of the server there for each measure; the figures are worse then
  --quick                small and rough: --events 1000,3000 --rounds 1 --seconds 0.1 --read 500
  --help`;

const full = { events: '10000,1000000', rounds: '5', seconds: '2', read: '10000' };
const quick = { events: '1000,3000', rounds: '1', seconds: '0.1', read: '500' };

/** The options of a command line. Throws with a message for people when it makes no sense. */
export function optionsOf(args: readonly string[]): BenchmarkOptions | 'help' {
  const given = parse([...args]);
  if (given.help) return 'help';
  const values = { ...(given.quick ? quick : full), ...given };
  const sizes = values.events.split(',').map((text) => wholeNumber('--events', text));
  const eventsPerRead = wholeNumber('--read', values.read);
  const smallest = Math.min(...sizes);
  if (eventsPerRead > smallest) {
    throw new Error(
      `A store of ${smallest} events has no ${eventsPerRead} to read. Say less in --read or more in --events.`,
    );
  }
  return {
    sizes: [...new Set(sizes)].sort((a, b) => a - b),
    eventsPerRead,
    rounds: wholeNumber('--rounds', values.rounds),
    seconds: positive('--seconds', values.seconds),
    eventBytes: wholeNumber('--event-bytes', values['event-bytes']),
    profile: values.profile,
  };
}

function parse(args: string[]) {
  try {
    return parseArgs({
      args,
      options: {
        events: { type: 'string' },
        rounds: { type: 'string' },
        seconds: { type: 'string' },
        read: { type: 'string' },
        'event-bytes': { type: 'string', default: '500' },
        profile: { type: 'string' },
        quick: { type: 'boolean', default: false },
        help: { type: 'boolean', default: false },
      },
    }).values;
  } catch (error) {
    throw new Error(`${(error as Error).message}. Say --help for all options.`, { cause: error });
  }
}

function wholeNumber(option: string, text: string): number {
  const number = positive(option, text);
  if (Number.isInteger(number)) return number;
  throw new Error(`${option} is '${text}', which is not a whole number. Correct it, or leave it out.`);
}

function positive(option: string, text: string): number {
  const number = Number(text);
  if (number > 0 && Number.isFinite(number)) return number;
  throw new Error(`${option} is '${text}', which is not a number above 0. Correct it, or leave it out.`);
}
