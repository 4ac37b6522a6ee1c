// The log of a registry whose gateways beat: organizations of 2,000 gateways, in factories of 200. The same each time.

import { encode } from '../src/events/codec.ts';
import type { EventLog } from '../src/events/event-log.ts';
import { DeviceId, FactoryId, GatewayId, OrganizationId, ReservationId } from '../src/events/ids.ts';
import { uuidv7 } from '../src/events/new-id.ts';
import { heartbeatSubject } from '../src/presence/heartbeats.ts';
import { factoryId, gatewayId } from './queries-data.ts';

const gatewaysPerFactory = 200;
const gatewaysPerOrganization = 2_000;
const appendsAtOnce = 64;

/** Appends what has made so many gateways. */
export async function fillLog(log: EventLog, gateways: number): Promise<void> {
  const everyFirst = (each: number) => numbersUpTo(gateways).filter((number) => number % each === 1 % each);
  for (const number of everyFirst(gatewaysPerOrganization)) await createOrganization(log, number);
  await inBatches(everyFirst(gatewaysPerFactory), (number) => createFactory(log, number));
  await inBatches(numbersUpTo(gateways), (number) => createGateway(log, number));
}

/** The subject of the heartbeats of a gateway, by its number from 1 on. */
export function subjectOf(number: number): string {
  const { id, organizationId } = idsOf(number);
  return heartbeatSubject({ organization: organizationId, gateway: id });
}

function idsOf(number: number) {
  return {
    id: GatewayId.parse(gatewayId(number)),
    factoryId: FactoryId.parse(factoryId(Math.ceil(number / gatewaysPerFactory))),
    organizationId: OrganizationId.parse(
      gatewayId(Math.ceil(number / gatewaysPerOrganization)).replace(/^0194c/, '0194a'),
    ),
  };
}

async function createOrganization(log: EventLog, number: number): Promise<void> {
  const { organizationId: id } = idsOf(number);
  const event = { type: 'OrganizationCreated', data: { id, name: `Organization ${number}`, metadata: {} } } as const;
  await log.append(`organization-${id}`, 'no_stream', [encode(uuidv7(), event, metadata())]);
}

async function createFactory(log: EventLog, number: number): Promise<void> {
  const { factoryId: id, organizationId } = idsOf(number);
  const place = { name: `Factory ${number}`, location: 'Berlin, Germany', timezone: 'Europe/Berlin' };
  const event = { type: 'FactoryCreated', data: { id, organizationId, ...place, metadata: {} } } as const;
  await log.append(`factory-${id}`, 'no_stream', [encode(uuidv7(), event, metadata())]);
}

async function createGateway(log: EventLog, number: number): Promise<void> {
  const ids = idsOf(number);
  const data = {
    ...ids,
    gatewayId: DeviceId.parse(`GW-${number}`),
    reservationId: ReservationId.parse(uuidv7()),
    name: `Gateway ${number} of hall ${number % 40}`,
    url: `wss://10.${number % 250}.0.1:8443/sensors`,
    email: `gateway-${number}@example.com`,
    passwordEncrypted: `v1.key.${'A'.repeat(16)}.${'B'.repeat(48)}`,
    model: `SG-${(number % 7) * 100}`,
    firmwareVersion: `1.${number % 23}.0`,
    metadata: { line: number % 9, floor: 'ground' },
  };
  await log.append(`gateway-${ids.id}`, 'no_stream', [encode(uuidv7(), { type: 'GatewayCreated', data }, metadata())]);
}

function metadata() {
  const command = uuidv7();
  return {
    $correlationId: command,
    $causationId: command,
    actor: 'operator@example.com',
    commandId: command,
    occurredAt: new Date().toISOString(),
  };
}

function numbersUpTo(count: number): readonly number[] {
  return Array.from({ length: count }, (_, index) => index + 1);
}

async function inBatches(numbers: readonly number[], work: (number: number) => Promise<void>): Promise<void> {
  for (let first = 0; first < numbers.length; first += appendsAtOnce) {
    await Promise.all(numbers.slice(first, first + appendsAtOnce).map(work));
  }
}
