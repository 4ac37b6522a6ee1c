// One active gateway per device id, without a table. The identity stream of a device id names its last holder;
// whether the holder still has it, its own stream says. See docs/adr/0003-gateway-identity.md.
import type { RegistryEvent } from '../events/catalogue.ts';
import type { GatewayEvent } from '../events/gateway.ts';
import type { GatewayIdentityEvent } from '../events/gateway-identity.ts';
import type { DeviceId, GatewayId, ReservationId } from '../events/ids.ts';
import type { Gateway, GatewayIds } from './gateway.ts';

/**
 * A stream of its own for each device id, whatever that holds: what a stream name should not hold is percent-encoded.
 * 255 characters become 3,060 at most; EventStoreDB limits a name only by what a record may hold, 16 MiB.
 *
 * @throws URIError for half a surrogate pair, which is refused before it gets here
 */
export const gatewayIdentityStream = (id: DeviceId) => `gatewayIdentity-${encodeURIComponent(id)}` as const;

/** An attempt of a gateway to take a device id. */
export interface Claim extends GatewayIds {
  readonly gatewayId: DeviceId;
  readonly reservationId: ReservationId;
}

/** The claim that has to be reserved before an event may be appended, if the event takes a device id. */
export function claimOf(event: RegistryEvent): Claim | undefined {
  switch (event.type) {
    case 'GatewayCreated':
    case 'GatewayUpdated':
    case 'GatewayRestored': {
      const { id, factoryId, organizationId, gatewayId, reservationId } = event.data;
      if (gatewayId === undefined || reservationId === undefined) return undefined;
      return { id, factoryId, organizationId, gatewayId, reservationId };
    }
    default:
      return undefined;
  }
}

/** Who reserved the device id last, and when (ISO-8601 UTC). */
export interface Reservation {
  readonly claim: Claim;
  readonly reservedAt: string;
  /** Whether its own command has given it back. */
  readonly withdrawn: boolean;
}

export type Judgement =
  /** The taker may reserve the id at the revision of the identity stream that was read. */
  | 'free'
  /** Another gateway is active and has it. */
  | 'taken'
  /** A command that takes it for another gateway may still go on. */
  | 'in-flight'
  /** The command that reserved it seems dead: make sure that it is, then judge again. */
  | 'abandoned';

/**
 * Judges the last reservation of a device id by what its holder's stream says.
 *
 * @param reservation what the last event of the identity stream says of it
 * @param holder the gateway that the reservation names
 * @param taker the gateway that wants the device id
 * @param now ISO-8601 UTC
 * @param graceMs for how long a reservation that its holder's stream does not mention counts as in flight, and by how
 *   much it may seem to lie ahead
 */
export function judgeReservation(
  { claim, reservedAt, withdrawn }: Reservation,
  holder: Gateway,
  taker: GatewayId,
  now: string,
  graceMs: number,
): Judgement {
  // Rival commands of one gateway meet in that gateway's own stream, where only one can append.
  if (claim.id === taker) return 'free';
  if (holder.status === 'active' && holder.fields.gatewayId === claim.gatewayId) return 'taken';
  if (withdrawn || holder.settled.includes(claim.reservationId)) return 'free';
  return isNear(reservedAt, now, graceMs) ? 'in-flight' : 'abandoned';
}

/**
 * Whether two times (ISO-8601 UTC) are less than the grace period apart. One that lies further ahead is from another clock,
 * and says nothing of how long ago it was.
 */
export function isNear(time: string, now: string, graceMs: number): boolean {
  return Math.abs(Date.parse(now) - Date.parse(time)) < graceMs;
}

/** Written to the stream of the device id, at the revision at which the id was judged free. */
export function reserved(claim: Claim): GatewayIdentityEvent {
  return { type: 'GatewayIdReserved', data: claim };
}

/** Written behind the reservation, when it is certain that no event of the gateway will repeat it. */
export function withdrawn(claim: Claim): GatewayIdentityEvent {
  return { type: 'GatewayIdReservationWithdrawn', data: claim };
}

/** Written to the holder's stream: whoever read that stream before can no longer append to it. */
export function reservationAbandoned(claim: Claim): GatewayEvent {
  return { type: 'GatewayIdReservationAbandoned', data: claim };
}
