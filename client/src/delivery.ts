import type { RegistryEvent } from './event.ts';
import type { Stored } from './jetstream.ts';
import { readEvent } from './message.ts';
import type { Gap, Revisions } from './revisions.ts';

/** An event, and how it came. */
export interface Delivery {
  readonly event: RegistryEvent;
  /** Its number in the JetStream stream `MTI_EVENTS`: what `from: { after }` takes. */
  readonly sequence: number;
  /**
   * Whether it was handed out before, here or elsewhere, and not acknowledged, as far as the server remembers: one that was killed
   * may have forgotten the last ones. Never without `durable`.
   */
  readonly redelivered: boolean;
  /** There when events of its stream are missing before it. */
  readonly gap?: Gap;
}

/** What is handed out for a message; undefined when it is none of the registry's. */
export function deliveryOf(message: Stored, revisions: Revisions): Delivery | undefined {
  const event = readEvent(message);
  if (event === undefined) return undefined;
  const gap = revisions.take(event);
  return { event, sequence: message.sequence, redelivered: message.times > 1, ...(gap !== undefined && { gap }) };
}
