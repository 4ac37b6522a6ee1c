// How often the presence of gateways is looked at, and how patiently.

/** All in milliseconds. */
export interface PresenceTiming {
  /** How often it looks at what was heard. */
  readonly tick: number;
  /** How often it looks at the tables for what is not heard: timeouts, deletions, moves. */
  readonly refresh: number;
  /** By how much the time in the tables may be older than the newest heartbeat. */
  readonly threshold: number;
  /** How much time lies between two changes of one gateway at least. */
  readonly debounce: number;
  /**
   * How long after the tables were asked a change may be recorded: less than it takes until another instance may have been
   * given the lock without a word to this one.
   */
  readonly trust: number;
  /** How long NATS may take to answer. */
  readonly patience: number;
}

/** What README and reference say of it a spec compares with this. */
export const usualTiming: PresenceTiming = {
  tick: 1_000,
  refresh: 60_000,
  // Of gateways that beat every 30 s each third heartbeat is written. At 60 s it would be the second or the third, as chance
  // has it: a third more writing, for times that are as old at most.
  threshold: 75_000,
  debounce: 10_000,
  trust: 3_000,
  patience: 3_000,
};
