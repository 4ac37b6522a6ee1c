export type * from './contract.ts';
export { eventTypes } from './contract.ts';
export {
  type Credential,
  type CredentialOptions,
  CredentialRefused,
  type Credentials,
  CredentialUnavailable,
  openCredentials,
} from './credentials.ts';
export type { Delivery } from './delivery.ts';
export type {
  EventOrigin,
  EventPlace,
  Kind,
  KnownEvent,
  ParkedEvent,
  RegistryEvent,
  UnknownEvent,
} from './event.ts';
export type { GatewayChange } from './gateway-change.ts';
export { sendHeartbeat } from './heartbeat.ts';
export type { Gap } from './revisions.ts';
export type { SubscribeOptions } from './subscribe-options.ts';
export { subscribeEvents } from './subscription.ts';
export { type FailureCode, SubscriptionFailed, type Trouble, type TroubleListener } from './trouble.ts';
export { type WatchOptions, watchGateways } from './watch.ts';
