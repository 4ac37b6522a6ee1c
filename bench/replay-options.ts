// What can be asked of the benchmark of the replay.

import { atLeastOne, parseOptions } from './options.ts';

export interface ReplayOptions {
  /** How many events the logs hold: the large one, and one with a tenth. */
  readonly sizes: readonly [small: number, large: number];
  readonly rounds: number;
  /** How many events are projected one by one. */
  readonly oneByOne: number;
}

export const usage = `Usage: npm run bench:replay [-- options]

Replays a log into tables, and tells how fast that is: beside the same log drained with nothing done, which is the limit, and
beside a projector that writes event by event. Takes several minutes, and some GB of temporary files, which are removed at the
end.

  --events <number>      in the log; there is another one with a tenth; default: 1000000
  --rounds <number>      how often everything is measured; default: 3
  --one-by-one <number>  how many events are projected one by one; default: 10000
  --quick                small and rough: --events 10000 --rounds 1 --one-by-one 100
  --help`;

const full = { events: '1000000', rounds: '3', 'one-by-one': '10000' };
const quick = { events: '10000', rounds: '1', 'one-by-one': '100' };

/** The options of a command line. Throws with a message for people when it makes no sense. */
export function optionsOf(args: readonly string[]): ReplayOptions | 'help' {
  const given = parseOptions(args, {
    events: { type: 'string' },
    rounds: { type: 'string' },
    'one-by-one': { type: 'string' },
  });
  if (given.help) return 'help';
  const values = { ...(given.quick ? quick : full), ...given };
  const events = atLeastOne('--events', values.events);
  return {
    sizes: [Math.ceil(events / 10), events],
    rounds: atLeastOne('--rounds', values.rounds),
    oneByOne: atLeastOne('--one-by-one', values['one-by-one']),
  };
}
