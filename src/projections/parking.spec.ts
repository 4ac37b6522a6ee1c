import { describe, expect, it } from 'vitest';
import {
  aFactory,
  anOrganization,
  anotherFactory,
  anotherGateway,
  anotherOrganization,
  factoryCreated,
  gatewayCreated,
  gatewayUpdated,
  organizationCreated,
  organizationUpdated,
  storedInOrder,
} from '../../test/support/examples.ts';
import type { RegistryEvent } from '../events/catalogue.ts';
import { decode, type Recorded } from '../events/codec.ts';
import { divide, isPoison } from './parking.ts';

describe('an error', () => {
  it.each([
    ['22001', true],
    ['22P05', true],
    ['23505', true],
    ['54000', true],
    ['25P02', false],
    ['40001', false],
    ['40P01', false],
    ['42P01', false],
    ['53100', false],
    ['57P01', false],
    ['08006', false],
    ['ECONNRESET', false],
    ['2200', false],
    [undefined, false],
  ])('of class %s is the fault of an event: %s', (code, expected) => {
    expect(isPoison(Object.assign(new Error('as Postgres says it'), code && { code }))).toBe(expected);
  });
});

describe('while a stream is parked', () => {
  const other = { organizationId: anotherOrganization };

  it('its later events wait behind it, and others go on', () => {
    expect(waitingBehind([`organization-${anOrganization}`], organizationUpdated(), organizationCreated())).toEqual([
      ['OrganizationUpdated', `organization-${anOrganization}`],
      ['OrganizationCreated', `organization-${anOrganization}`],
    ]);
    expect(
      waitingBehind([`organization-${anotherOrganization}`], organizationUpdated(), factoryCreated(), gatewayCreated()),
    ).toEqual([]);
  });

  it('what belongs to it waits, and what belongs to that', () => {
    expect(
      waitingBehind(
        [`organization-${anOrganization}`],
        factoryCreated(),
        factoryCreated({ id: anotherFactory, ...other }),
        gatewayCreated(),
        gatewayCreated({ id: anotherGateway, factoryId: anotherFactory, ...other }),
      ),
    ).toEqual([
      ['FactoryCreated', `organization-${anOrganization}`],
      ['GatewayCreated', `factory-${aFactory}`],
    ]);
  });

  it('what it belongs to goes on', () => {
    const waiting = [`gateway-${anotherGateway}`];
    expect(waitingBehind(waiting, organizationUpdated(), factoryCreated(), gatewayUpdated())).toEqual([]);
  });
});

function waitingBehind(waiting: readonly string[], ...events: readonly RegistryEvent[]) {
  const recorded = storedInOrder(...events).map((event) => decode(event) as Recorded);
  const { free, queued } = divide(recorded, new Set(waiting));
  expect(free.length + queued.length).toBe(events.length);
  return queued.map(({ event, behind }) => [event.type, behind]);
}
