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
export type {
  EventOrigin,
  EventPlace,
  Kind,
  KnownEvent,
  ParkedEvent,
  RegistryEvent,
  UnknownEvent,
} from './event.ts';
export { sendHeartbeat } from './heartbeat.ts';
export { type Delivery, type Gap, type SubscribeOptions, subscribeEvents } from './subscription.ts';
export { type FailureCode, SubscriptionFailed, type Trouble, type TroubleListener } from './trouble.ts';
export { type GatewayChange, type WatchOptions, watchGateways } from './watch.ts';
