// The events that a publisher catches up with: gateways with a life of updates, moves and new passwords.

import { encode } from '../src/events/codec.ts';
import type { EventLog } from '../src/events/event-log.ts';
import type { GatewayEvent } from '../src/events/gateway.ts';
import { DeviceId, FactoryId, GatewayId, OrganizationId, ReservationId } from '../src/events/ids.ts';
import { uuidv7 } from '../src/events/new-id.ts';

const eventsOfGateway = 10;
const appendsAtOnce = 64;

/** Appends so many, in streams of ten. */
export async function fillLog(log: EventLog, events: number): Promise<void> {
  const starts = Array.from({ length: Math.ceil(events / eventsOfGateway) }, (_, index) => index * eventsOfGateway);
  for (let first = 0; first < starts.length; first += appendsAtOnce) {
    const some = starts.slice(first, first + appendsAtOnce);
    await Promise.all(some.map((start) => appendGateway(log, start, Math.min(eventsOfGateway, events - start))));
  }
}

async function appendGateway(log: EventLog, number: number, count: number): Promise<void> {
  const id = GatewayId.parse(uuidv7());
  const events = Array.from({ length: count }, (_, index) => {
    const command = uuidv7();
    return encode(uuidv7(), eventOf(id, number, index), {
      $correlationId: command,
      $causationId: command,
      actor: 'operator@example.com',
      commandId: command,
      occurredAt: new Date().toISOString(),
    });
  });
  await log.append(`gateway-${id}`, 'no_stream', events);
}

const organizationId = OrganizationId.parse(uuidv7());
const factoryId = FactoryId.parse(uuidv7());
const fromFactoryId = FactoryId.parse(uuidv7());
const passwordEncrypted = `v1.key.${'A'.repeat(16)}.${'B'.repeat(48)}`;

function eventOf(id: GatewayId, number: number, index: number): GatewayEvent {
  const ids = { id, factoryId, organizationId };
  if (index === 0) {
    return {
      type: 'GatewayCreated',
      data: {
        ...ids,
        gatewayId: DeviceId.parse(`GW-${number}`),
        reservationId: ReservationId.parse(uuidv7()),
        name: `Gateway ${number} of hall ${number % 40}`,
        url: `wss://10.${number % 250}.0.1:8443/sensors`,
        email: `gateway-${number}@example.com`,
        passwordEncrypted,
        model: 'CTC-GW-100',
        firmwareVersion: `1.${number % 23}.0`,
        metadata: { line: number % 9, floor: 'ground' },
      },
    };
  }
  if (index % 4 === 1) return { type: 'GatewayPasswordChanged', data: { ...ids, passwordEncrypted } };
  if (index % 4 === 2) return { type: 'GatewayMoved', data: { ...ids, fromFactoryId } };
  return { type: 'GatewayUpdated', data: { ...ids, name: `Name ${index}`, firmwareVersion: `2.${index}.0` } };
}
