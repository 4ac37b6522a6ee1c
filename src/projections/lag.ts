import { type EventLog, EventLogUnavailable, type Position, type StoredEvent } from '../events/event-log.ts';
import { projectedStreams } from './follow.ts';

/** How far tables are behind the log. */
export interface Lag {
  /** Events that they do not show yet. */
  readonly events: number;
  /** Whether there are more than could be counted. */
  readonly atLeast: boolean;
  /** How long ago the oldest of them happened; 0 when none is missing. */
  readonly seconds: number;
}

export interface LagOptions {
  /** Counting further would read for long, and say no more. Default 10,000. */
  readonly most?: number;
  /** Ends the counting: what has been counted by then is the answer. */
  readonly signal?: AbortSignal;
  /** Default: the clock of this process. */
  readonly now?: () => number;
}

/**
 * What the log holds after a position, of the streams that tables are made of.
 *
 * @throws EventLogUnavailable also when nothing at all was heard before `signal` aborted
 */
export async function measureLag(
  eventLog: EventLog,
  after: Position | 'start',
  { most = 10_000, signal = new AbortController().signal, now = Date.now }: LagOptions = {},
): Promise<Lag> {
  let events = 0;
  let oldest: StoredEvent | undefined;
  let caughtUp = false;
  for await (const items of eventLog.subscribe({ streamPrefixes: projectedStreams, after, signal })) {
    for (const item of items) {
      if (item.kind === 'event') {
        oldest ??= item.event;
        events += 1;
      }
    }
    caughtUp = items.some(({ kind }) => kind === 'caught-up');
    if (caughtUp || events >= most) break;
  }
  if (!caughtUp && events === 0) throw new EventLogUnavailable('the event store did not tell its events in time');
  return { events: Math.min(events, most), atLeast: !caughtUp, seconds: oldest ? secondsSince(oldest, now()) : 0 };
}

/** The lag for people: `1,234 events behind, the oldest 12 s old`. */
export function describeLag({ events, atLeast, seconds }: Lag): string {
  if (events === 0) return 'nothing is missing';
  const counted = `${events.toLocaleString('en-US')} ${events === 1 ? 'event' : 'events'}`;
  return `${atLeast ? 'at least ' : ''}${counted} behind, the oldest ${Math.ceil(seconds).toLocaleString('en-US')} s old`;
}

// The clock of a command may be ahead of ours.
function secondsSince({ metadata }: StoredEvent, now: number): number {
  const { occurredAt } = (metadata ?? {}) as { readonly occurredAt?: unknown };
  const happened = typeof occurredAt === 'string' ? Date.parse(occurredAt) : Number.NaN;
  return Number.isNaN(happened) ? 0 : Math.max(0, (now - happened) / 1_000);
}
