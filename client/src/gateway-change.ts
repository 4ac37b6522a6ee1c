import type { Gateway } from './contract.ts';

export type GatewayChange =
  /** It was there at first, or was created, or restored. */
  | { readonly type: 'appeared'; readonly gateway: Gateway }
  /** A move is one change, too: `factory_id` is another. */
  | { readonly type: 'changed'; readonly gateway: Gateway; readonly before: Gateway }
  /** It was deleted, or the bucket cannot show it any more (too large for NATS, or not to be read): the gateway as it was last known. */
  | { readonly type: 'disappeared'; readonly gateway: Gateway }
  /** All that is there now has been told. It comes again after each recovery. */
  | { readonly type: 'current' };
