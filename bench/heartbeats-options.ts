// What can be asked of the benchmark of heartbeats.

import { atLeastOne, parseOptions, positive } from './options.ts';

export interface BeatsOptions {
  readonly gateways: number;
  /** Seconds between two heartbeats of a gateway. */
  readonly interval: number;
  /** How old, in seconds, the time in the tables may become. */
  readonly threshold: number;
  readonly rounds: number;
  /** How long the registry is measured each time. */
  readonly seconds: number;
}

export interface IndexesOptions {
  /** How many there are in the small table, and in the large one. */
  readonly sizes: readonly [few: number, many: number];
  /** That a flush writes. */
  readonly rows: number;
  readonly rounds: number;
  /** So often all rows of the small table are written, and the table is vacuumed. */
  readonly minutes: number;
}

export type HeartbeatsOptions =
  | ({ readonly measure: 'beats' } & BeatsOptions)
  | ({ readonly measure: 'indexes' } & IndexesOptions);

export const usage = `Usage: npm run bench:heartbeats [-- options]

Has gateways beat, and tells how much of a processor it takes to hear that: of the registry as it is, of the same one when it
writes every heartbeat, and of a bare subscriber that counts them. Takes about twenty minutes, and 1 GB of temporary files,
which are removed at the end.

With --indexes it tells what a flush of times into the tables costs instead: with all indexes and triggers, without those on
last_seen_at, and so on, in a small and in a large table. Takes half an hour to an hour, and 14 GB.

  --gateways <number>    that beat, or in the small table; default: 50000
  --interval <seconds>   between two heartbeats of a gateway; default: 30
  --threshold <seconds>  how old the time in the tables may become; default: 75
  --seconds <number>     how long the registry is measured each time; the others half of that; default: 180
  --rounds <number>      how often each is measured; default: 3
  --indexes
  --many <number>        gateways in the large table; default: 1000000
  --rows <number>        that a flush writes; default: 10000
  --minutes <number>     so often every row of the small table is written, as in a minute of heartbeats; default: 30
  --quick                small and rough: --gateways 300 --interval 1 --threshold 2 --seconds 2 --rounds 1; with --indexes
                         --gateways 2000 --many 4000 --rows 2000 --rounds 1 --minutes 2
  --help`;

const full = {
  gateways: '50000',
  interval: '30',
  threshold: '75',
  seconds: '180',
  rounds: '3',
  many: '1000000',
  rows: '10000',
  minutes: '30',
};
const quickBeats = { ...full, gateways: '300', interval: '1', threshold: '2', seconds: '2', rounds: '1' };
const quickIndexes = { ...full, gateways: '2000', many: '4000', rows: '2000', rounds: '1', minutes: '2' };

/** The options of a command line. Throws with a message for people when it makes no sense. */
export function optionsOf(args: readonly string[]): HeartbeatsOptions | 'help' {
  const given = parseOptions(args, {
    gateways: { type: 'string' },
    interval: { type: 'string' },
    threshold: { type: 'string' },
    seconds: { type: 'string' },
    rounds: { type: 'string' },
    indexes: { type: 'boolean', default: false },
    many: { type: 'string' },
    rows: { type: 'string' },
    minutes: { type: 'string' },
  });
  if (given.help) return 'help';
  const quick = given.indexes ? quickIndexes : quickBeats;
  const values = { ...(given.quick ? quick : full), ...given };
  const gateways = atLeastOne('--gateways', values.gateways);
  const rounds = atLeastOne('--rounds', values.rounds);
  if (!given.indexes) {
    return {
      measure: 'beats',
      gateways,
      interval: positive('--interval', values.interval),
      threshold: positive('--threshold', values.threshold),
      rounds,
      seconds: positive('--seconds', values.seconds),
    };
  }
  return {
    measure: 'indexes',
    sizes: [gateways, atLeastOne('--many', values.many)],
    rows: atLeastOne('--rows', values.rows),
    rounds,
    minutes: atLeastOne('--minutes', values.minutes),
  };
}
