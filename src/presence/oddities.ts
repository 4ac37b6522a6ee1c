// Heartbeats that count for nobody: whoever sends them by mistake finds in the log why nothing comes of them.
import type { Logger } from 'pino';

export interface Oddities {
  /** Takes note of the subject of a heartbeat that is none of a gateway. */
  note(subject: string): void;
  /** Tells the log, in one line, of those since the last time, if there were any. */
  tell(): void;
}

export function createOddities(logger: Logger): Oddities {
  let count = 0;
  let example = '';
  return {
    note(subject) {
      count += 1;
      example = subject;
    },
    tell() {
      if (count === 0) return;
      logger.warn(
        { count, example: example.slice(0, 200) },
        'heartbeats were passed over: mti.hb.v1.<organization>.<gateway> must have the ids of an active gateway and its organization',
      );
      count = 0;
    },
  };
}
