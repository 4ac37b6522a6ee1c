// Gateways that were heard of and are not known: the tables may not have them yet, or there are none such.
import type { GatewayId, OrganizationId } from '../events/ids.ts';
import type { Heartbeat } from './heartbeats.ts';
import type { Instant } from './instant.ts';

export interface Strangers {
  heard(heartbeat: Heartbeat, at: Instant): void;
  ids(): readonly GatewayId[];
  /** When the organization that a gateway turns out to be of was last heard to speak for it. It is no stranger any more. */
  met(gateway: GatewayId, organization: OrganizationId): Instant | undefined;
  /** Forgets those who have not been heard of for some time: the tables have had it to learn of them. */
  forget(now: Instant): void;
}

/** So many are remembered; whoever is not will be heard of again. */
const mostStrangers = 20_000;

/** For so many milliseconds the tables may be behind without a first heartbeat being lost. */
const patience = 10_000;

export function createStrangers(): Strangers {
  // By organization, so that nobody who speaks for another one is heard instead.
  const strangers = new Map<GatewayId, Map<OrganizationId, Instant>>();
  let count = 0;

  return {
    heard({ gateway, organization }, at) {
      const speakers = strangers.get(gateway) ?? new Map<OrganizationId, Instant>();
      if (!speakers.has(organization)) {
        if (count >= mostStrangers) return;
        count += 1;
      }
      strangers.set(gateway, speakers.set(organization, at));
    },
    ids: () => [...strangers.keys()],
    met(gateway, organization) {
      const at = strangers.get(gateway)?.get(organization);
      remove(gateway);
      return at;
    },
    forget(now) {
      for (const [gateway, speakers] of strangers) {
        if ([...speakers.values()].every(({ steady }) => now.steady - steady >= patience)) remove(gateway);
      }
    },
  };

  function remove(gateway: GatewayId): void {
    count -= strangers.get(gateway)?.size ?? 0;
    strangers.delete(gateway);
  }
}
