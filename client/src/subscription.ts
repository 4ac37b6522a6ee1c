import type { NatsConnection } from 'nats';
import type { Kind, RegistryEvent } from './event.ts';
import type { TroubleListener } from './trouble.ts';

/** Revisions of a stream that never came. */
export interface Gap {
  readonly stream: string;
  /** The revision that had to come. */
  readonly expected: number;
  /** The one that came. */
  readonly found: number;
}

/** An event, and how it came. */
export interface Delivery {
  readonly event: RegistryEvent;
  /** Its number in the JetStream stream `MTI_EVENTS`: what `from: { after }` takes. */
  readonly sequence: number;
  /** Whether it was handed out before, here or elsewhere, and not acknowledged. Never without `durable`. */
  readonly redelivered: boolean;
  /** There when events of its stream are missing before it. */
  readonly gap?: Gap;
}

export interface SubscribeOptions {
  /** The oldest event that is there, what comes from now on, or what comes after a sequence of `MTI_EVENTS`. */
  readonly from: 'start' | 'new' | { readonly after: number };
  /** The name of a durable consumer. When it is there already it goes on where it was, and `from` is not looked at. */
  readonly durable?: string;
  /** Only what belongs to this organization. */
  readonly organization?: string;
  /** Only what happens to things of this kind. */
  readonly kind?: Kind;
  /** Ends the iteration. */
  readonly signal?: AbortSignal;
  readonly onTrouble?: TroubleListener;
}

export declare function subscribeEvents(nats: NatsConnection, options: SubscribeOptions): AsyncIterable<Delivery>;
