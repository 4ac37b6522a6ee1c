import type { NatsConnection } from 'nats';
import type { Gateway } from './contract.ts';
import type { TroubleListener } from './trouble.ts';

export type GatewayChange =
  /** It was there at first, or was created, or restored. */
  | { readonly type: 'appeared'; readonly gateway: Gateway }
  /** A move is one change, too: `factory_id` is another. */
  | { readonly type: 'changed'; readonly gateway: Gateway; readonly before: Gateway }
  /** It was deleted: the gateway as it was last known. */
  | { readonly type: 'disappeared'; readonly gateway: Gateway }
  /** All that is there now has been told. It comes again after each recovery. */
  | { readonly type: 'current' };

export interface WatchOptions {
  /** Only the gateways of this organization. */
  readonly organization?: string;
  /** Only the gateways in this factory: one that is moved elsewhere disappears. */
  readonly factory?: string;
  /** Ends the iteration. */
  readonly signal?: AbortSignal;
  readonly onTrouble?: TroubleListener;
}

export declare function watchGateways(nats: NatsConnection, options?: WatchOptions): AsyncIterable<GatewayChange>;
