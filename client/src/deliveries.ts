// What a durable consumer has delivered, to whoever asked: several processes may share it.
import type { Stored } from './jetstream.ts';

export interface Deliveries {
  /** The consumer was made anew by us: it begins before what we have had last. */
  begin(): void;
  /** Takes notice of a message. False when others may have had messages between the last one and this. */
  take(message: Pick<Stored, 'delivery' | 'times'>): boolean;
}

/** The consumer counts what it delivers, one message at a time; the deliveries of one message stand in a row. */
export function createDeliveries(): Deliveries {
  let last: number | undefined;
  return {
    begin() {
      last = 0;
    },
    take({ delivery, times }) {
      const isNext = last === undefined || (delivery > last && delivery - times <= last);
      last = delivery;
      return isNext;
    },
  };
}
