// A log to replay: gateways that are created over time in a few factories, and changed again and again afterwards, as a
// registry would have written it. The same number of events is the same log each time, ids and clock included.

import { definitions } from '../src/events/catalogue.ts';

export interface LoggedEvent {
  readonly stream: string;
  readonly revision: bigint;
  readonly id: string;
  readonly type: string;
  readonly data: object;
  readonly metadata: object;
}

interface Gateway {
  readonly id: string;
  readonly organizationId: string;
  readonly factoryId: string;
  revision: bigint;
  isDeleted: boolean;
}

/** How many of the events that are neither an organization's nor a factory's come to each gateway. */
export const eventsPerGateway = 5;
const gatewaysPerFactory = 100;
const factoriesPerOrganization = 20;
const beginning = Date.parse('2026-01-01T00:00:00.000Z');
const passwordEncrypted = `v1.example-key.${'A'.repeat(16)}.${'B'.repeat(48)}`;

/** So many events, of which every fifth reserves a device id, which no table shows. */
export function* replayEvents(count: number): Generator<LoggedEvent> {
  const random = randomNumbers(1);
  const gateways: Gateway[] = [];
  const waiting: LoggedEvent[] = [];
  let organizationId = '';
  let factoryId = '';
  let number = 0;

  const event = (stream: string, revision: bigint, type: string, data: object): LoggedEvent => {
    number += 1;
    return { stream, revision, id: uuid('e', number), type, data, metadata: metadataOf(type, number) };
  };

  function create(): void {
    const created = gateways.length;
    if (created % (gatewaysPerFactory * factoriesPerOrganization) === 0) {
      organizationId = uuid('a', created);
      const data = { id: organizationId, name: `Organization ${created}`, metadata: { country: 'DE' } };
      waiting.push(event(`organization-${organizationId}`, 0n, 'OrganizationCreated', data));
    }
    if (created % gatewaysPerFactory === 0) {
      factoryId = uuid('b', created);
      const place = { name: `Factory ${created}`, location: 'Berlin, Germany', timezone: 'Europe/Berlin' };
      const data = { id: factoryId, organizationId, ...place, metadata: { halls: 3 } };
      waiting.push(event(`factory-${factoryId}`, 0n, 'FactoryCreated', data));
    }
    const ids = { id: uuid('c', created), factoryId, organizationId };
    const reserved = { ...ids, gatewayId: `GW-${created}`, reservationId: uuid('d', created) };
    waiting.push(event(`gatewayIdentity-GW-${created}`, 0n, 'GatewayIdReserved', reserved));
    const data = {
      ...reserved,
      name: `Hall ${created % 7}, gateway ${created}`,
      url: `wss://gateway-${created}.acme.example:8443/ws`,
      email: `gateway-${created}@acme.example`,
      passwordEncrypted,
      model: `SG-${100 * (1 + (created % 4))}`,
      firmwareVersion: '1.4.2',
      metadata: { rack: created % 50, line: 'A' },
    };
    waiting.push(event(`gateway-${ids.id}`, 0n, 'GatewayCreated', data));
    gateways.push({ ...ids, revision: 0n, isDeleted: false });
  }

  function change(): void {
    // Half of the changes come soon after the creation, the others whenever.
    const reach = random() < 0.5 ? Math.min(1_000, gateways.length) : gateways.length;
    const gateway = gateways[gateways.length - 1 - Math.floor(random() * reach)];
    if (gateway === undefined || gateway.isDeleted) return;
    gateway.revision += 1n;
    const { id, factoryId, organizationId } = gateway;
    const ids = { id, factoryId, organizationId };
    const [type, data] = changeOf(random());
    gateway.isDeleted = type === 'GatewaySoftDeleted';
    waiting.push(event(`gateway-${id}`, gateway.revision, type, { ...ids, ...data }));
  }

  for (let made = 0; made < count; ) {
    if (gateways.length * eventsPerGateway <= made) create();
    else change();
    for (const next of waiting.splice(0)) {
      if (made >= count) return;
      made += 1;
      yield next;
    }
  }
}

function changeOf(dice: number): [string, object] {
  const version = Math.floor(dice * 1_000);
  if (dice < 0.6) return ['GatewayUpdated', { firmwareVersion: `1.5.${version}`, metadata: { rack: version } }];
  if (dice < 0.8) return ['GatewayUpdated', { name: `Hall ${version}` }];
  if (dice < 0.98) return ['GatewayPasswordChanged', { passwordEncrypted }];
  return ['GatewaySoftDeleted', { cause: null }];
}

function metadataOf(type: string, number: number): object {
  return {
    $correlationId: uuid('f', number),
    $causationId: uuid('8', number),
    actor: 'operator@acme.example',
    commandId: uuid('8', number),
    occurredAt: new Date(beginning + number * 50).toISOString(),
    schemaVersion: definitions.get(type)?.version ?? 1,
  };
}

function uuid(kind: string, number: number): string {
  return `0194${kind}000-0000-7000-8000-${number.toString(16).padStart(12, '0')}`;
}

/** Numbers from 0 to 1 that are the same each time (mulberry32). */
function randomNumbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
