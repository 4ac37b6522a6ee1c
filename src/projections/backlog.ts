import type { EventLog, Position } from '../events/event-log.ts';
import { measureLag } from './lag.ts';

/** How many events after a position the tables are made of, counted up to `most`. */
export async function countEvents(eventLog: EventLog, after: Position | 'start', most: number): Promise<number> {
  return (await measureLag(eventLog, after, { most })).events;
}
