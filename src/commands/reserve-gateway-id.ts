// How a command takes a device id before its gateway event is appended. The rules are in domain/gateway-identity.ts.
import type { Gateway, GatewayIds } from '../domain/gateway.ts';
import {
  type Claim,
  gatewayIdentityStream,
  isNear,
  judgeReservation,
  reservationAbandoned,
  reserved,
  withdrawn,
} from '../domain/gateway-identity.ts';
import { decode, UndecodableEvent } from '../events/codec.ts';
import type { EventLog, ExpectedRevision } from '../events/event-log.ts';
import { uuidv7 } from '../events/new-id.ts';
import { gateways } from './aggregate.ts';
import { type Cause, stamp } from './cause.ts';
import { load } from './load.ts';

/** Rivals for one device id that overtake a command this often make it give up. */
const mostRounds = 20;

/** A reservation that was made: where in the stream of the device id, and when (ISO-8601 UTC). */
export interface MadeReservation {
  readonly revision: bigint;
  readonly reservedAt: string;
}

export type ReservationOutcome =
  /** The gateway's event may be appended, at the revision that was read before. */
  | ({ readonly status: 'reserved' } & MadeReservation)
  /** Another gateway is active and has it. */
  | { readonly status: 'taken'; readonly holder: GatewayIds }
  /** Another gateway is about to have it, or the command that would give it has died a moment ago. */
  | { readonly status: 'in-flight' }
  /** Rivals kept overtaking. */
  | { readonly status: 'contended' };

/**
 * Reserves a device id for a gateway.
 *
 * @param graceMs for how long a reservation without a gateway event counts as in flight
 * @throws EventLogUnavailable
 */
export async function reserveGatewayId(
  log: EventLog,
  claim: Claim,
  cause: Cause,
  graceMs: number,
): Promise<ReservationOutcome> {
  const stream = gatewayIdentityStream(claim.gatewayId);
  // Most device ids are new, and a refused append costs less than a read.
  let expected: ExpectedRevision = 'no_stream';
  let notBefore: string | undefined;

  for (let round = 0; round < mostRounds; round++) {
    const reservedAt = notBefore !== undefined && notBefore > cause.now ? notBefore : cause.now;
    const appended = await log.append(stream, expected, stamp([reserved(claim)], cause, notBefore));
    if (appended.status === 'appended') return { status: 'reserved', revision: appended.revision, reservedAt };

    const refusal = await refusalByLast();
    if (refusal !== undefined) return refusal;
  }
  return { status: 'contended' };

  /** Reads who reserved last and judges, until it is clear why the id is not to be had, or that it is free at `expected`. */
  async function refusalByLast(): Promise<ReservationOutcome | undefined> {
    for (let look = 0; look < mostRounds; look++) {
      const stored = await log.readLast(stream);
      const last = stored && decode(stored);
      if (last?.type !== 'GatewayIdReserved' && last?.type !== 'GatewayIdReservationWithdrawn') {
        throw new UndecodableEvent(`${stream} does not end with an event that this version knows`);
      }
      expected = last.revision;
      const { occurredAt } = last.metadata;
      // Time in a stream does not go back, unless a clock ran ahead: what took over its time would seem to lie ahead as well.
      const isPast = occurredAt <= cause.now || isNear(occurredAt, cause.now, graceMs);
      notBefore = isPast ? occurredAt : undefined;

      const { id } = last.data;
      const reservation = {
        claim: last.data,
        reservedAt: occurredAt,
        withdrawn: last.type === 'GatewayIdReservationWithdrawn',
      };
      const holder = await load(log, gateways, id);
      const judgement = judgeReservation(reservation, holder.state, claim.id, cause.now, graceMs);
      if (judgement === 'free') return undefined;
      // Where it stands now: it may have been moved since it took the id.
      if (judgement === 'taken') return { status: 'taken', holder: idsOf(holder.state) };
      if (judgement === 'in-flight') return { status: 'in-flight' };

      // Under an id of its own: in the holder's stream nothing of this command has happened.
      const fencing = { ...cause, commandId: uuidv7() };
      const fence = stamp([reservationAbandoned(last.data)], fencing, holder.last?.occurredAt);
      await log.append(gateways.stream(id), holder.revision, fence);
      // Appended or overtaken, the holder's stream says more now than it did: judge again.
    }
    return { status: 'contended' };
  }
}

/**
 * Gives a reservation back whose gateway event was refused and therefore will never come, so that the device id is free at
 * once and not after the grace period. Somebody who has reserved it since is left alone.
 *
 * @throws EventLogUnavailable
 */
export async function withdrawReservation(
  log: EventLog,
  claim: Claim,
  cause: Cause,
  { revision, reservedAt }: MadeReservation,
): Promise<void> {
  await log.append(gatewayIdentityStream(claim.gatewayId), revision, stamp([withdrawn(claim)], cause, reservedAt));
}

function idsOf(holder: Gateway): GatewayIds {
  if (holder.status === 'none') throw new Error('what was never created holds no device id');
  return holder.ids;
}
