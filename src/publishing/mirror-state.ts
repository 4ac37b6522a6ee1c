// A gateway as the mirror knows it: what the events so far have made of it.
import { decode, type Recorded } from '../events/codec.ts';
import type { Position, StoredEvent } from '../events/event-log.ts';
import { type GatewayEvent, gatewayEvents } from '../events/gateway.ts';
import { foldGateway, type RecordedGateway } from '../resources/gateway.ts';
import { canBeParked, ownerIn } from './parked.ts';
import { isUnreadable } from './unreadable.ts';

/** A gateway after its events so far, be it active or deleted. */
export interface Mirrored {
  /** `<organization>.<factory>.<gateway>`; `_` for what no event has told. */
  readonly key: string;
  /** Undefined from the first event on that cannot be read: what that has changed nobody knows. */
  readonly gateway: RecordedGateway | undefined;
  readonly isActive: boolean;
  /** The revision of the event that set the password. */
  readonly credentialVersion: bigint;
  readonly revision: bigint;
  readonly position: Position;
}

/**
 * The gateway after an event as it is stored; undefined as long as it was never created. An event whose type is unknown to
 * this version, or about something else, leaves it as it is: the very same object.
 *
 * @throws UndecodableEvent when a later version of the service has written the event, or its stream has a name for no key
 */
export function foldStored(before: Mirrored | undefined, stored: StoredEvent): Mirrored | undefined {
  try {
    const event = decode(stored);
    return event !== undefined && isGatewayEvent(event) ? foldMirrored(before, event) : before;
  } catch (error) {
    if (!isUnreadable(error, stored) || !canBeParked(stored)) throw error;
    return foldUnreadable(before, stored);
  }
}

/** A gateway after all of these events of it; throws as `foldStored`. */
export function foldAll(events: readonly StoredEvent[]): Mirrored | undefined {
  return events.reduce<Mirrored | undefined>(foldStored, undefined);
}

/** The gateway after an event; undefined as long as it was never created. */
export function foldMirrored(before: Mirrored | undefined, event: Recorded<GatewayEvent>): Mirrored | undefined {
  const isUnknown = before !== undefined && before.gateway === undefined;
  const gateway = isUnknown ? undefined : foldGateway(before?.gateway, event);
  if (gateway === undefined && !isUnknown) return undefined;
  return { ...placed(before, event), key: keyOf(event.data), gateway };
}

/** What is known of a gateway after an event that cannot be read: not even whose it is, if the event is no help. */
function foldUnreadable(before: Mirrored | undefined, stored: StoredEvent): Mirrored {
  const [organization = '_', factory = '_'] = before?.key.split('.') ?? [];
  const told = (field: string, otherwise: string) => {
    const owner = ownerIn(stored, field);
    return owner === '_' ? otherwise : owner;
  };
  const organizationId = told('organizationId', organization);
  const factoryId = told('factoryId', factory);
  const id = stored.stream.slice(stored.stream.indexOf('-') + 1);
  return { ...placed(before, stored), key: keyOf({ organizationId, factoryId, id }), gateway: undefined };
}

function placed(
  before: Mirrored | undefined,
  { type, revision, position }: Pick<StoredEvent, 'type' | 'revision' | 'position'>,
): Omit<Mirrored, 'key' | 'gateway'> {
  const setsPassword = type === 'GatewayCreated' || type === 'GatewayPasswordChanged';
  return {
    isActive: isActiveAfter(type, before),
    credentialVersion: setsPassword ? revision : (before?.credentialVersion ?? revision),
    revision,
    position,
  };
}

function keyOf({ organizationId, factoryId, id }: Owned): string {
  return `${organizationId}.${factoryId}.${id}`;
}

interface Owned {
  readonly organizationId: string;
  readonly factoryId: string;
  readonly id: string;
}

function isActiveAfter(type: string, before: Mirrored | undefined): boolean {
  if (type === 'GatewayCreated' || type === 'GatewayRestored') return true;
  return type !== 'GatewaySoftDeleted' && before?.isActive === true;
}

function isGatewayEvent(event: Recorded): event is Recorded<GatewayEvent> {
  return Object.hasOwn(gatewayEvents, event.type);
}
