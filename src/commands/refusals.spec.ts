import { describe, expect, it } from 'vitest';
import {
  aDevice,
  aFactory,
  aGateway,
  anOrganization,
  anotherDevice,
  anotherFactory,
  anotherGateway,
  anotherOrganization,
  anotherReservation,
  factoryCreated,
  factorySoftDeleted,
  gatewayCreated,
  gatewayIdReserved,
  gatewaySoftDeleted,
  now,
  organizationCreated,
  organizationSoftDeleted,
  storedInOrder,
} from '../../test/support/examples.ts';
import { memoryLog } from '../../test/support/memory-log.ts';
import type { RegistryEvent } from '../events/catalogue.ts';
import type { DefinedCommand } from './definition.ts';
import { commands } from './index.ts';

const ids = { organization: anOrganization, factory: aFactory, gateway: aGateway };

describe('the refusals that a command declares', () => {
  it.each(commands)('are all there are, in every world, and each occurs in one: $name', async (command) => {
    const refused = new Set<string>();
    for (const world of worlds()) {
      const outcome = await run(command, world);
      if (outcome.outcome === 'rejected') refused.add(outcome.reason);
    }
    expect([...refused].sort()).toEqual([...command.refusals].sort());
  });
});

describe('deleting with care', () => {
  it.each([
    ['SoftDeleteFactory', [factoryCreated(), factorySoftDeleted()]],
    ['SoftDeleteOrganization', [organizationCreated(), organizationSoftDeleted()]],
  ])('asks no table about what is deleted already: %s', async (name, world) => {
    const command = commands.find((candidate) => candidate.name === name);
    if (command === undefined) throw new Error(`there is no command ${name}`);
    const unasked = () => Promise.reject(new Error('the tables are away'));
    expect(await run(command, world, unasked)).toMatchObject({ outcome: 'ignored' });
  });
});

// Each aggregate never made, active or deleted; another factory of either organization; another gateway without or with one
// of the two device ids.
function worlds(): readonly (readonly RegistryEvent[])[] {
  const organization = [[], [organizationCreated()], [organizationCreated(), organizationSoftDeleted()]];
  const factory = [[], [factoryCreated()], [factoryCreated(), factorySoftDeleted()]];
  const mine = [gatewayIdReserved(), gatewayCreated()];
  const gateway = [[], mine, [...mine, gatewaySoftDeleted()]];
  const elsewhere = [[], factoryOf(anOrganization), factoryOf(anotherOrganization)];
  const rival = [[], rivalWith(aDevice), rivalWith(anotherDevice)];
  return organization.flatMap((o) =>
    factory.flatMap((f) =>
      gateway.flatMap((g) => rival.flatMap((r) => elsewhere.map((e) => [...o, ...f, ...g, ...r, ...e]))),
    ),
  );
}

function factoryOf(organizationId: typeof anOrganization): readonly RegistryEvent[] {
  return [factoryCreated({ id: anotherFactory, organizationId })];
}

function rivalWith(gatewayId: typeof aDevice): readonly RegistryEvent[] {
  const holder = { id: anotherGateway, gatewayId, reservationId: anotherReservation };
  return [gatewayIdReserved(holder), gatewayCreated(holder)];
}

function run(command: DefinedCommand, world: readonly RegistryEvent[], hasActiveChildren = async () => true) {
  const example = command.body?.meta()?.examples as readonly object[] | undefined;
  const parent = command.name === 'MoveGateway' ? anotherFactory : aFactory;
  const parents = { organization_id: anOrganization, factory_id: parent, gateway_id: anotherDevice };
  const known = Object.entries(parents).filter(([field]) => field in shapeOf(command));
  const body = command.body?.parse({ ...example?.[0], ...Object.fromEntries(known) });
  const dependencies = {
    log: memoryLog(...storedInOrder(...world)),
    sealPassword: () => 'sealed',
    now: () => new Date(now),
    hasActiveChildren,
    reservationGrace: 10_000,
  };
  const sender = { actor: 'a-tester', correlationId: 'a-correlation' };
  return command.run(dependencies, { id: ids[command.category], body, query: { cascade: false }, sender });
}

function shapeOf({ body }: DefinedCommand): object {
  return body !== undefined && 'shape' in body ? (body.shape as object) : {};
}
