import type { Kind } from './event.ts';
import type { TroubleListener } from './trouble.ts';

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
