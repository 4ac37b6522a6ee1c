// How a command takes a device id before its gateway event is appended. The rules are in domain/gateway-identity.ts.
import {
  type Claim,
  gatewayIdentityStream,
  judgeReservation,
  reservationAbandoned,
  reserved,
} from '../domain/gateway-identity.ts';
import { decode } from '../events/codec.ts';
import type { EventLog, ExpectedRevision } from '../events/event-log.ts';
import { gateways } from './aggregate.ts';
import { type Cause, stamp } from './cause.ts';
import { load } from './load.ts';

/** Rivals for one device id that overtake a command this often make it give up. */
const mostRounds = 20;

/**
 * Reserves a device id for a gateway.
 *
 * @param graceMs for how long a reservation without a gateway event counts as in flight
 * @returns `reserved`; `taken` when another gateway has it or is about to; `contended` when rivals kept overtaking
 * @throws EventLogUnavailable
 */
export async function reserveGatewayId(
  log: EventLog,
  claim: Claim,
  cause: Cause,
  graceMs: number,
): Promise<'reserved' | 'taken' | 'contended'> {
  const stream = gatewayIdentityStream(claim.gatewayId);
  // Most device ids are new, and a refused append costs less than a read.
  let expected: ExpectedRevision = 'no_stream';
  let notBefore: string | undefined;

  for (let round = 0; round < mostRounds; round++) {
    const appended = await log.append(stream, expected, stamp([reserved(claim)], cause, notBefore));
    if (appended.status === 'appended') return 'reserved';

    const judged = await judgeLast();
    if (judged === 'taken') return 'taken';
  }
  return 'contended';

  /** Reads who reserved last and judges, until it is clear whether the id is free at `expected` or taken. */
  async function judgeLast(): Promise<'free' | 'taken'> {
    for (;;) {
      const stored = await log.readLast(stream);
      const last = stored && decode(stored);
      if (last?.type !== 'GatewayIdReserved') {
        throw new Error(`${stream} does not end with an event that this version knows`);
      }
      expected = last.revision;
      notBefore = last.metadata.occurredAt;

      const reservation = { claim: last.data, reservedAt: last.metadata.occurredAt };
      const holder = await load(log, gateways, last.data.id);
      const judgement = judgeReservation(reservation, holder.state, claim.id, cause.now, graceMs);
      if (judgement !== 'abandoned') return judgement;

      const fence = stamp([reservationAbandoned(last.data)], cause, holder.last?.occurredAt);
      await log.append(gateways.stream(last.data.id), holder.revision, fence);
      // Appended or overtaken, the holder's stream says more now than it did: judge again.
    }
  }
}
