import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { until } from '../../embedded/until.ts';
import { dataFolder, type TemporaryFolder } from '../support/temporary-folder.ts';
import { natsUrlOf, type Service, startService } from './service.ts';
import { everythingPublished, listen } from './subscriber.ts';

let folder: TemporaryFolder;
let service: Service;

beforeAll(async () => {
  folder = await dataFolder();
  service = await startService({ dataDir: folder.path });
});

afterAll(async () => {
  await service?.[Symbol.asyncDispose]();
  await folder?.[Symbol.asyncDispose]();
});

describe('a person with curl', () => {
  it('manages an organization, a factory and a gateway, and whoever listens hears of it', async () => {
    const organization = await service.ask('POST', '/api/organizations', { name: 'Acme' });
    expect(organization.status).toBe(201);
    expect(organization.headers.get('etag')).toBe('"0"');
    expect(organization.headers.get('x-projection')).toBe('current');

    const factory = await service.ask('POST', '/api/factories', {
      organization_id: organization.body.id,
      name: 'Springfield Plant',
      timezone: 'America/Chicago',
    });
    expect(factory.status).toBe(201);

    await using heard = await listen(natsUrlOf(service.dataDir), `mti.evt.v1.${organization.body.id}.>`);
    const gateway = await service.ask('POST', '/api/gateways', {
      factory_id: factory.body.id,
      gateway_id: 'GW-SPR-001',
      name: 'North Wing Gateway',
      url: 'ws://10.0.0.1:8080',
      email: 'admin@example.com',
      password: 'correct horse',
    });
    expect(gateway.status).toBe(201);
    expect(await heard.next()).toMatchObject({
      subject: `mti.evt.v1.${organization.body.id}.${factory.body.id}.gateway.${gateway.body.id}.gateway-created`,
      data: { id: gateway.body.id, gateway_id: 'GW-SPR-001', name: 'North Wing Gateway' },
    });

    const path = `/api/gateways/${gateway.body.id}`;
    expect((await service.ask('GET', path)).body).toEqual(gateway.body);

    const updated = await service.ask('PUT', path, { name: 'South Wing Gateway', password: 'battery staple' });
    expect(updated).toMatchObject({
      status: 200,
      body: { ...gateway.body, name: 'South Wing Gateway', updated_at: expect.any(String) },
    });
    expect(updated.headers.get('etag')).toBe('"2"');
    expect((await service.ask('GET', path)).body).toEqual(updated.body);

    expect((await service.ask('DELETE', path)).status).toBe(204);
    expect((await service.ask('GET', path)).body.error.code).toBe('GATEWAY_NOT_FOUND');

    expect((await service.ask('POST', `${path}/restore`)).status).toBe(200);
    const list = await service.ask('GET', `/api/gateways?factory_id=${factory.body.id}`);
    expect(list.body.pagination).toEqual({ total: 1, limit: 20, offset: 0, hasNext: false, hasPrev: false });
    expect(list.body.data[0]).toMatchObject({ id: gateway.body.id, name: 'South Wing Gateway' });

    const published = async () => {
      const all = await everythingPublished(natsUrlOf(service.dataDir));
      return all.filter(({ subject }) => subject.includes(organization.body.id));
    };
    await until(async () => (await published()).length >= 7, 10_000);
    expect((await published()).map(({ subject }) => subject.split('.').at(-1))).toEqual([
      'organization-created',
      'factory-created',
      'gateway-created',
      'gateway-updated',
      'gateway-password-changed',
      'gateway-soft-deleted',
      'gateway-restored',
    ]);
  });

  it('is told what is wrong with each field', async () => {
    const answer = await service.ask('POST', '/api/gateways', { name: '', url: 'http://10.0.0.1', colour: 'red' });

    expect(answer.status).toBe(400);
    expect(answer.body.error).toMatchObject({ code: 'VALIDATION_ERROR', statusCode: 400 });
    expect(answer.body.error.details.map(({ path }) => path).sort()).toEqual([
      'colour',
      'email',
      'factory_id',
      'gateway_id',
      'name',
      'password',
      'url',
    ]);
  });

  it('sees the health of the service', async () => {
    const { status, body } = await service.ask('GET', '/api/health');

    expect(status).toBe(200);
    expect(body).toMatchObject({
      status: 'ok',
      timestamp: expect.any(String),
      uptime: expect.any(Number),
      version: '0.1.0',
    });
  });
});

describe('a password', () => {
  it('is in no answer, no message and no line of the log', async () => {
    const secret = 'a-password-to-look-for';
    const { body: organization } = await service.ask('POST', '/api/organizations', { name: 'Secretive' });
    const { body: factory } = await service.ask('POST', '/api/factories', {
      organization_id: organization.id,
      name: 'F',
    });
    const fields = {
      gateway_id: 'GW-SECRET',
      name: 'G',
      url: 'wss://10.0.0.2',
      email: 'a@example.com',
      password: secret,
    };
    const created = await service.ask('POST', '/api/gateways', { factory_id: factory.id, ...fields });
    const path = `/api/gateways/${created.body.id}`;
    const answers = [
      created,
      await service.ask('GET', path),
      await service.ask('GET', '/api/gateways'),
      await service.ask('PUT', path, { password: `${secret}-2` }),
      await service.ask('POST', '/api/gateways', { factory_id: factory.id, ...fields }),
      await service.ask('POST', '/api/gateways', { ...fields, password: `${secret}\0` }),
    ];
    const heard = async () => await everythingPublished(natsUrlOf(service.dataDir));
    await until(async () => (await heard()).some(({ body }) => body.includes(created.body.id)), 10_000);

    for (const text of [
      ...answers.map(({ body }) => JSON.stringify(body)),
      service.log(),
      JSON.stringify(await heard()),
    ]) {
      expect(text).not.toContain(secret);
      expect(text).not.toMatch(/password_?encrypted/i);
      expect(text).not.toMatch(sealed);
    }
  });
});

/** How a sealed password begins: version, key id, IV. */
const sealed = /v1\.[0-9a-f]{8}\.[\w-]{16}\./;
