// How far a subscription is. Positions in the registry's log are what lasts: the stream may be made anew, and numbered anew.
import type { Stored } from './jetstream.ts';

interface Position {
  readonly commit: bigint;
  readonly prepare: bigint;
}

export interface Progress {
  /** The last message that is done with; undefined before the first. */
  last(): { readonly sequence: number; readonly storedAt: bigint } | undefined;
  /** Whether a message was done with before, or is older than one that was. */
  isRepeated(message: Stored): boolean;
  /** Whether it is older than what was done with, and yet was stored later: the stream is filled anew. */
  isRefill(message: Stored): boolean;
  /** Whether it is the very message that was done with last. */
  isLast(message: Stored): boolean;
  /** The message is done with, and whatever stands before it in the log. */
  done(message: Stored): void;
}

export function createProgress(): Progress {
  let last: { readonly sequence: number; readonly storedAt: bigint } | undefined;
  let reached: Position | undefined;
  return {
    last: () => last,
    isRepeated: (message) => compare(positionOf(message), reached) <= 0,
    isRefill: (message) =>
      last !== undefined && message.storedAt > last.storedAt && compare(positionOf(message), reached) < 0,
    isLast: (message) => message.sequence === last?.sequence && compare(positionOf(message), reached) === 0,
    done(message) {
      last = { sequence: message.sequence, storedAt: message.storedAt };
      reached = positionOf(message) ?? reached;
    },
  };
}

/** What has no position is a stranger's, and never older than anything. */
function compare(one: Position | undefined, other: Position | undefined): number {
  if (one === undefined || other === undefined) return 1;
  const difference = one.commit === other.commit ? one.prepare - other.prepare : one.commit - other.commit;
  return difference === 0n ? 0 : difference < 0n ? -1 : 1;
}

function positionOf(message: Stored): Position | undefined {
  const commit = numberIn(message.header('registry-position'));
  const prepare = numberIn(message.header('registry-prepare-position')) ?? commit;
  return commit === undefined || prepare === undefined ? undefined : { commit, prepare };
}

function numberIn(text: string | undefined): bigint | undefined {
  return text !== undefined && /^\d+$/.test(text) ? BigInt(text) : undefined;
}
