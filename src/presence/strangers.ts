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
   * @returns whose heartbeats that were, and those that spoke for a gateway of another organization
   */
  forget(now: Instant): readonly Heartbeat[];
}

/**
 * So many are remembered in all; beyond that each organization has its share, up to twice as many. Whoever is not will be
 * heard of again.
 */
const most = 50_000;

/** For so many milliseconds the tables may be behind without a first heartbeat being lost. */
const patience = 10_000;

export function createStrangers(): Strangers {
  // By gateway, as each that is learned is looked for; what each organization has, so that nobody who speaks for one is heard
  // instead of another, or leaves it no room.
  const speakers = new Map<GatewayId, Map<OrganizationId, Instant>>();
  const shares = new Map<OrganizationId, number>();
  let count = 0;
  let mistaken: Heartbeat[] = [];

  return {
    heard({ organization, gateway }, at) {
      const ofGateway = speakers.get(gateway) ?? new Map<OrganizationId, Instant>();
      if (!ofGateway.has(organization)) {
        if (!isRoomFor(organization)) return;
        take(organization, 1);
      }
      speakers.set(gateway, ofGateway.set(organization, at));
    },
    ids: () => [...speakers.keys()],
    met(gateway, organization) {
      const ofGateway = speakers.get(gateway);
      if (ofGateway === undefined) return undefined;
      speakers.delete(gateway);
      for (const speaker of ofGateway.keys()) {
        take(speaker, -1);
        if (speaker !== organization) mistaken.push({ organization: speaker, gateway });
      }
      return ofGateway.get(organization);
    },
    forget(now) {
      const forgotten = mistaken;
      mistaken = [];
      for (const [gateway, ofGateway] of speakers) {
        for (const [organization, { steady }] of ofGateway) {
          if (now.steady - steady < patience) continue;
          ofGateway.delete(organization);
          take(organization, -1);
          forgotten.push({ organization, gateway });
        }
        if (ofGateway.size === 0) speakers.delete(gateway);
      }
      return forgotten;
    },
  };

  // The shares alone are no bound: whoever makes up organizations has one more with each.
  function isRoomFor(organization: OrganizationId): boolean {
    return count < most || (count < 2 * most && (shares.get(organization) ?? 0) < most / (shares.size + 1));
  }

  function take(organization: OrganizationId, number: 1 | -1): void {
    const share = (shares.get(organization) ?? 0) + number;
    if (share === 0) shares.delete(organization);
    else shares.set(organization, share);
    count += number;
  }
}
