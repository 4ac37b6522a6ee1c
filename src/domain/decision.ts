import type { RegistryEvent } from '../events/catalogue.ts';

/** Why a command is refused. */
export type Rejection =
  | 'OrganizationNotFound'
  | 'FactoryNotFound'
  | 'GatewayNotFound'
  | 'AlreadyExists'
  | 'ParentDeleted'
  | 'OtherOrganization'
  | 'HasActiveChildren'
  | 'GatewayIdTaken';

/** Accepted: these events happen. Ignored: it is so already. Rejected: it may not be. */
export type Decision<Event extends RegistryEvent> =
  | { readonly outcome: 'accepted'; readonly events: readonly Event[] }
  | { readonly outcome: 'ignored' }
  | { readonly outcome: 'rejected'; readonly reason: Rejection };

/** The rules of one kind of aggregate. */
export interface Decider<Command, State, Event extends RegistryEvent> {
  readonly initial: State;
  readonly evolve: (state: State, event: Event) => State;
  readonly decide: (command: Command, state: State) => Decision<Event>;
}

export const ignore = { outcome: 'ignored' } as const;

/** These events happen, in this order. */
export function accept<Event extends RegistryEvent>(...events: readonly Event[]): Decision<Event> {
  return { outcome: 'accepted', events };
}

/** It may not be, and this is why. */
export function reject(reason: Rejection): { readonly outcome: 'rejected'; readonly reason: Rejection } {
  return { outcome: 'rejected', reason };
}

/** Closes a switch: the compiler refuses it while a case is missing. */
export function unreachable(value: never): never {
  throw new Error(`no rule for ${JSON.stringify(value)}`);
}
