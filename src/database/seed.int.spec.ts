import pino from 'pino';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { anId, type Registry, startRegistry } from '../../test/support/registry.ts';
import { GatewayId } from '../events/ids.ts';
import { seed, seededPassword } from './seed.ts';

const acme = '01900000-0000-7000-8000-000000000001';
const springfield = '01900000-0000-7000-8000-000000000101';
const northWing = GatewayId.parse('01900000-0000-7000-8000-000000000201');

let registry: Registry;

beforeEach(async () => {
  registry = await startRegistry();
});

afterEach(() => registry[Symbol.asyncDispose]());

describe('seeding', () => {
  it('enters an organization, its factories and their gateways, and says so', async () => {
    expect(await seeded()).toEqual(['Seeded 1 organization', 'Seeded 3 factories', 'Seeded 6 gateways']);
    const [created] = await registry.log.read(`gateway-${northWing}`);
    expect(created).toMatchObject({
      type: 'GatewayCreated',
      data: {
        gatewayId: 'GW-SPR-001',
        name: 'North Wing Gateway',
        factoryId: springfield,
        organizationId: acme,
        email: 'admin@example.com',
        url: expect.stringMatching(/^ws:\/\//),
        model: 'CTC-GW-100',
      },
      metadata: { actor: 'db:seed' },
    });
  });

  it('gives every gateway an address of its own and a password that is really encrypted', async () => {
    await seeded();
    const gateways = await Promise.all(
      [1, 2, 3, 4, 5, 6].map(async (number) => {
        const id = GatewayId.parse(`01900000-0000-7000-8000-00000000020${number}`);
        const data = (await registry.log.readLast(`gateway-${id}`))?.data as { url: string; passwordEncrypted: string };
        expect(registry.encryption.open(data.passwordEncrypted, id)).toBe(seededPassword);
        return data;
      }),
    );
    expect(new Set(gateways.map(({ url }) => url)).size).toBe(6);
    expect(new Set(gateways.map(({ passwordEncrypted }) => passwordEncrypted)).size).toBe(6);
  });

  it('changes nothing the second time, not even what has been changed meanwhile', async () => {
    await seeded();
    await registry.run('UpdateGateway', northWing, { name: 'Renamed' });
    await registry.run('SoftDeleteGateway', '01900000-0000-7000-8000-000000000202');
    const head = await registry.log.head();
    expect(await seeded()).toEqual([
      '1 organization already there',
      '3 factories already there',
      '6 gateways already there',
    ]);
    expect(await registry.log.head()).toEqual(head);
  });

  it('goes on where an earlier one was interrupted', async () => {
    await registry.run('CreateOrganization', acme, { name: 'Acme Manufacturing' });
    expect(await seeded()).toEqual(['1 organization already there', 'Seeded 3 factories', 'Seeded 6 gateways']);
  });

  it('leaves out a gateway whose device id somebody else has', async () => {
    const [organization, factory, gateway] = [anId(), anId(), anId()];
    await registry.run('CreateOrganization', organization, { name: 'Other' });
    await registry.run('CreateFactory', factory, { organization_id: organization, name: 'Other' });
    await registry.run('CreateGateway', gateway, {
      factory_id: factory,
      gateway_id: 'GW-SPR-001',
      name: 'Other',
      url: 'ws://10.0.0.1',
      email: 'other@example.com',
      password: 'other',
    });
    expect(await seeded()).toEqual([
      'Seeded 1 organization',
      'Seeded 3 factories',
      'Left out North Wing Gateway: another gateway has its id',
      'Seeded 5 gateways',
    ]);
  });

  it('fails with the reason when a factory has gone', async () => {
    await registry.run('CreateOrganization', acme, { name: 'Acme Manufacturing' });
    await registry.run('CreateFactory', springfield, { organization_id: acme, name: 'Springfield Plant' });
    await registry.run('SoftDeleteFactory', springfield);
    await expect(seeded()).rejects.toThrow('The gateway North Wing Gateway could not be seeded: FactoryNotFound.');
  });
});

/** Seeds, and tells what was logged. */
async function seeded(): Promise<readonly string[]> {
  const lines: string[] = [];
  const logger = pino({}, { write: (line) => lines.push(JSON.parse(line).msg) });
  await seed({ log: registry.log, sealPassword: registry.encryption.seal, logger });
  return lines;
}
