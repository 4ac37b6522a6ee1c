import type { EventLog, Position } from '../events/event-log.ts';
import { projectedStreams } from './projector.ts';

/** How many events after a position the tables are made of, counted up to `most`. */
export async function countEvents(eventLog: EventLog, after: Position | 'start', most: number): Promise<number> {
  let count = 0;
  const { signal } = new AbortController();
  for await (const items of eventLog.subscribe({ streamPrefixes: projectedStreams, after, signal })) {
    count += items.filter(({ kind }) => kind === 'event').length;
    if (count >= most) return most;
    if (items.some(({ kind }) => kind === 'caught-up')) break;
  }
  return count;
}
