import { credentialAuditEvents } from './credential-audit.ts';
import type { EventDefinition, EventsOf } from './definition.ts';
import { factoryEvents } from './factory.ts';
import { gatewayEvents } from './gateway.ts';
import { gatewayIdentityEvents } from './gateway-identity.ts';
import { gatewayPresenceEvents } from './gateway-presence.ts';
import { organizationEvents } from './organization.ts';

/** Every event this version knows, by the category of the streams it is written to. */
export const catalogue = {
  organization: organizationEvents,
  factory: factoryEvents,
  gateway: gatewayEvents,
  gatewayIdentity: gatewayIdentityEvents,
  gatewayPresence: gatewayPresenceEvents,
  credentialAudit: credentialAuditEvents,
} as const;

export type Category = keyof typeof catalogue;

export type RegistryEvent = { [C in Category]: EventsOf<(typeof catalogue)[C]> }[Category];

/** The definition of each event type; a type is unique over all categories. */
export const definitions: ReadonlyMap<string, EventDefinition> = new Map(
  Object.values(catalogue).flatMap((events): [string, EventDefinition][] => Object.entries(events)),
);

/** The prefix that every stream of a category has; what a filtered subscription asks for. */
export function streamPrefix(category: Category): string {
  return `${category}-`;
}
