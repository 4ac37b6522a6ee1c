// What can be asked of the benchmark of the event store.

import type { Load } from './event-store-measures.ts';
import { atLeastOne, parseOptions, positive } from './options.ts';

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
  const given = parseOptions(args, {
    events: { type: 'string' },
    rounds: { type: 'string' },
    seconds: { type: 'string' },
    read: { type: 'string' },
    'event-bytes': { type: 'string', default: '500' },
    profile: { type: 'string' },
  });
  if (given.help) return 'help';
  const values = { ...(given.quick ? quick : full), ...given };
  const sizes = values.events.split(',').map((text) => atLeastOne('--events', text));
  const eventsPerRead = atLeastOne('--read', values.read);
  const smallest = Math.min(...sizes);
  if (eventsPerRead > smallest) {
    throw new Error(
      `A store of ${smallest} events has no ${eventsPerRead} to read. Say less in --read or more in --events.`,
    );
  }
  return {
    sizes: [...new Set(sizes)].sort((a, b) => a - b),
    eventsPerRead,
    rounds: atLeastOne('--rounds', values.rounds),
    seconds: positive('--seconds', values.seconds),
    eventBytes: atLeastOne('--event-bytes', values['event-bytes']),
    profile: values.profile,
  };
}
