// The presence of a gateway as everybody sees it: who sends its heartbeats, who asks over REST, and who listens.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { type NatsClient, natsClient } from '../support/nats-client.ts';
import { dataFolder, type TemporaryFolder } from '../support/temporary-folder.ts';
import { natsUrlOf, type Service, startService } from './service.ts';
import { everythingPublished } from './subscriber.ts';

let folder: TemporaryFolder;
let service: Service;
let nats: NatsClient;
let organization: string;
let factory: string;
let gateway: string;

beforeAll(async () => {
  folder = await dataFolder();
  service = await startService({ dataDir: folder.path });
  nats = await natsClient(natsUrlOf(service.dataDir));
  organization = await created('organizations', { name: 'Acme' });
  factory = await created('factories', { organization_id: organization, name: 'Springfield Plant' });
  gateway = await created('gateways', {
    factory_id: factory,
    gateway_id: 'GW-SPR-001',
    name: 'North Wing Gateway',
    url: 'ws://10.0.0.1:8080',
    email: 'admin@example.com',
    password: 'correct horse',
    metadata: { offline_after_seconds: 3 },
  });
});

afterAll(async () => {
  await nats?.[Symbol.asyncDispose]();
  await service?.[Symbol.asyncDispose]();
  await folder?.[Symbol.asyncDispose]();
});

describe('a gateway that is heard of', () => {
  it('is online in every answer, until it falls silent', async () => {
    const path = `/api/gateways/${gateway}`;
    const before = await service.ask('GET', path);
    expect(before.body).toMatchObject({ status: 'never_seen', last_seen_at: null });
    expect(before.headers.get('etag')).toBe('"0"');

    const beating = setInterval(() => nats.connection.publish(`mti.hb.v1.${organization}.${gateway}`), 100);
    await shows('online');
    const online = await service.ask('GET', path);
    expect(online.body).toMatchObject({ status: 'online', last_seen_at: expect.any(String) });
    expect(online.headers.get('etag')).toMatch(/^"0\.\d+-0"$/);
    expect((await service.ask('GET', '/api/gateways?status=online')).body.data).toMatchObject([{ id: gateway }]);
    expect((await service.ask('GET', '/api/gateways?status=offline')).body.data).toEqual([]);

    // A command answers as a query does; what is observed is no change that another writer could have made.
    const etag = online.headers.get('etag') ?? '';
    const renamed = await service.ask('PUT', path, { name: 'South Wing Gateway' }, { 'if-match': etag });
    expect(renamed).toMatchObject({ status: 200, body: { name: 'South Wing Gateway', status: 'online' } });
    expect(renamed.headers.get('etag')).toMatch(/^"1\.\d+-0"$/);
    clearInterval(beating);

    await shows('offline');
    const offline = await service.ask('GET', path);
    expect(offline.headers.get('etag')).toMatch(/^"1\.\d+-1"$/);
    expect(offline.body).toMatchObject({ status: 'offline', updated_at: updatedAt(renamed.body) });
    expect((await service.ask('GET', '/api/gateways?status=offline')).body.data).toMatchObject([{ id: gateway }]);
    expect((await service.ask('GET', '/api/gateways?status=never_seen')).body.data).toEqual([]);
  });

  it('is told of on NATS like anything else that happens, in a count of its own', async () => {
    await eventually(async () => {
      const all = await everythingPublished(natsUrlOf(service.dataDir));
      const told = all.filter(({ subject }) => subject.includes(`.gateway.${gateway}.`));
      const seen = {
        id: gateway,
        factory_id: factory,
        organization_id: organization,
        last_seen_at: expect.any(String),
      };
      expect(
        told.map(({ subject, headers, body }) => [
          subject.split('.').at(-1),
          headers['registry-stream'],
          headers['registry-revision'],
          JSON.parse(body),
        ]),
      ).toEqual([
        ['gateway-created', `gateway-${gateway}`, '0', expect.objectContaining({ name: 'North Wing Gateway' })],
        ['gateway-connected', `gatewayPresence-${gateway}`, '0', seen],
        ['gateway-updated', `gateway-${gateway}`, '1', expect.objectContaining({ name: 'South Wing Gateway' })],
        ['gateway-disconnected', `gatewayPresence-${gateway}`, '1', seen],
      ]);
    });
  });

  it('is as it was when the service was killed and comes back', async () => {
    const before = await service.ask('GET', `/api/gateways/${gateway}`);
    await service.end('SIGKILL');
    service = await startService({ dataDir: folder.path });
    expect((await service.ask('GET', `/api/gateways/${gateway}`)).body).toEqual(before.body);
  });
});

describe('a timeout that makes no sense', () => {
  it('is refused, with the field that it is in', async () => {
    const answer = await service.ask('PUT', `/api/gateways/${gateway}`, { metadata: { offline_after_seconds: '30' } });
    expect(answer.status).toBe(400);
    expect(answer.body.error.details).toEqual([
      { path: 'metadata.offline_after_seconds', message: 'must be a number of seconds from 1 to 604800' },
    ]);
  });
});

async function shows(status: string): Promise<void> {
  await eventually(async () => expect((await service.ask('GET', `/api/gateways/${gateway}`)).body.status).toBe(status));
}

function updatedAt(body: object): unknown {
  return 'updated_at' in body ? body.updated_at : undefined;
}

async function created(kind: string, body: object): Promise<string> {
  const answer = await service.ask('POST', `/api/${kind}`, body);
  expect(answer.status).toBe(201);
  return answer.body.id;
}
