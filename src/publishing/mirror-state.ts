// What the mirror says of a gateway: all that the world may see of it, and how new that is.
import { z } from 'zod';
import { decode, type Recorded } from '../events/codec.ts';
import type { Position, StoredEvent } from '../events/event-log.ts';
import { type GatewayEvent, gatewayEvents } from '../events/gateway.ts';
import { foldGateway, RecordedGateway } from '../resources/gateway.ts';

/** The value under a gateway's key. What is observed of it (`status`, `last_seen_at`) is not here. */
export const GatewayState = RecordedGateway.extend({
  revision: z.int().nonnegative().describe("Of the last event in the gateway's stream: grows with each change."),
  position: z.string().regex(/^\d+$/).describe('Where that event stands in the log: its commit position.'),
  credential_version: z.int().nonnegative().describe('Grows with each change of the password.'),
});

/** A gateway after its events so far, be it active or deleted. */
export interface Mirrored {
  readonly gateway: RecordedGateway;
  readonly isActive: boolean;
  /** The revision of the event that set the password. */
  readonly credentialVersion: bigint;
  readonly revision: bigint;
  readonly position: Position;
}

/**
 * An event of a gateway; undefined when its type is unknown to this version, or about something else.
 *
 * @throws UndecodableEvent
 */
export function decodeGatewayEvent(stored: StoredEvent): Recorded<GatewayEvent> | undefined {
  const event = decode(stored);
  return event !== undefined && isGatewayEvent(event) ? event : undefined;
}

/** The gateway after an event; undefined as long as it was never created. */
export function foldMirrored(before: Mirrored | undefined, event: Recorded<GatewayEvent>): Mirrored | undefined {
  const gateway = foldGateway(before?.gateway, event);
  if (gateway === undefined) return undefined;
  const { revision, position } = event;
  const setsPassword = event.type === 'GatewayCreated' || event.type === 'GatewayPasswordChanged';
  return {
    gateway,
    isActive: isActiveAfter(event, before),
    credentialVersion: setsPassword ? revision : (before?.credentialVersion ?? revision),
    revision,
    position,
  };
}

/** `<organization>.<factory>.<gateway>` */
export function keyOf({ organization_id, factory_id, id }: RecordedGateway): string {
  return `${organization_id}.${factory_id}.${id}`;
}

/**
 * The value under the gateway's key, as text that is the same for the same events.
 *
 * @throws z.ZodError when the gateway is not what the schema promises
 */
export function textOf({ gateway, revision, position, credentialVersion }: Mirrored): string {
  const state = {
    ...gateway,
    // Numbers, because JSON has no other; the schema refuses one that would not be exact.
    revision: Number(revision),
    position: String(position.commit),
    credential_version: Number(credentialVersion),
  };
  return JSON.stringify(GatewayState.parse(state));
}

function isActiveAfter({ type }: GatewayEvent, before: Mirrored | undefined): boolean {
  if (type === 'GatewayCreated' || type === 'GatewayRestored') return true;
  return type !== 'GatewaySoftDeleted' && before?.isActive === true;
}

function isGatewayEvent(event: Recorded): event is Recorded<GatewayEvent> {
  return Object.hasOwn(gatewayEvents, event.type);
}
