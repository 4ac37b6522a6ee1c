// What can be asked of the benchmark of publishing.

import { parseOptions, positive } from './options.ts';

export interface PublishOptions {
  /** How many there are to catch up with. */
  readonly events: number;
  /** Commands a second. */
  readonly rate: number;
  readonly rounds: number;
  readonly seconds: number;
}

export const usage = `Usage: npm run bench:publish [-- options]

Has the publisher catch up with a log of events on an empty NATS stream; beside it a bare pipelined publisher sends the same
messages, made before. Then sends commands to a service of its own, and tells how long after each answer a subscriber has the
message. Takes about two minutes, and 400 MB of temporary files, which are removed at the end.

  --events <number>   to catch up with; default: 50000
  --rate <number>     commands a second; default: 200
  --rounds <number>   how often each is measured; default: 5
  --seconds <number>  how long commands are sent each time; default: 10
  --quick             small and rough: --events 2000 --rate 50 --rounds 1 --seconds 1
  --help`;

const full = { events: '50000', rate: '200', rounds: '5', seconds: '10' };
const quick = { events: '2000', rate: '50', rounds: '1', seconds: '1' };

/** The options of a command line. Throws with a message for people when it makes no sense. */
export function optionsOf(args: readonly string[]): PublishOptions | 'help' {
  const given = parseOptions(args, {
    events: { type: 'string' },
    rate: { type: 'string' },
    rounds: { type: 'string' },
    seconds: { type: 'string' },
  });
  if (given.help) return 'help';
  const values = { ...(given.quick ? quick : full), ...given };
  return {
    events: Math.ceil(positive('--events', values.events)),
    rate: positive('--rate', values.rate),
    rounds: Math.ceil(positive('--rounds', values.rounds)),
    seconds: positive('--seconds', values.seconds),
  };
}
