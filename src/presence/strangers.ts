// Gateways that were heard of and are not known: the tables may not have them yet, or there are none such.
import type { GatewayId, OrganizationId } from '../events/ids.ts';
import type { Heartbeat } from './heartbeats.ts';
import type { Instant } from './instant.ts';

export interface Strangers {
  heard(heartbeat: Heartbeat, at: Instant): void;
  ids(): readonly GatewayId[];
  /** When the organization that a gateway turns out to be of was last heard to speak for it. It is no stranger any more. */
  met(gateway: GatewayId, organization: OrganizationId): Instant | undefined;
  /**
   * Forgets those who have not been heard of for some time: the tables have had it to learn of them.
   *
   * @returns whose heartbeats that were
   */
  forget(now: Instant): readonly Heartbeat[];
}

/** So many are remembered in all; beyond that each organization has its share. Whoever is not will be heard of again. */
const most = 50_000;

/** For so many milliseconds the tables may be behind without a first heartbeat being lost. */
const patience = 10_000;

export function createStrangers(): Strangers {
  // By organization, so that nobody who speaks for one is heard instead of another, or leaves it no room.
  const speakers = new Map<OrganizationId, Map<GatewayId, Instant>>();
  let count = 0;

  return {
    heard({ organization, gateway }, at) {
      const ofOrganization = speakers.get(organization) ?? new Map<GatewayId, Instant>();
      if (!ofOrganization.has(gateway)) {
        if (count >= most && ofOrganization.size >= most / (speakers.size + 1)) return;
        count += 1;
      }
      speakers.set(organization, ofOrganization.set(gateway, at));
    },
    ids: () => [...new Set([...speakers.values()].flatMap((ofOrganization) => [...ofOrganization.keys()]))],
    met(gateway, organization) {
      const at = speakers.get(organization)?.get(gateway);
      for (const other of [...speakers.keys()]) remove(other, gateway);
      return at;
    },
    forget(now) {
      const forgotten: Heartbeat[] = [];
      for (const [organization, ofOrganization] of speakers) {
        for (const [gateway, { steady }] of ofOrganization) {
          if (now.steady - steady < patience) continue;
          remove(organization, gateway);
          forgotten.push({ organization, gateway });
        }
      }
      return forgotten;
    },
  };

  function remove(organization: OrganizationId, gateway: GatewayId): void {
    const ofOrganization = speakers.get(organization);
    if (!ofOrganization?.delete(gateway)) return;
    count -= 1;
    if (ofOrganization.size === 0) speakers.delete(organization);
  }
}
