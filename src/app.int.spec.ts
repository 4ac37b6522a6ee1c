import { pino } from 'pino';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createMigratedDatabase } from '../test/support/database.ts';
import { startEventStore, startNats } from '../test/support/servers.ts';
import { type App, startApp } from './app.ts';
import { GatewayId } from './events/ids.ts';
import { DecryptionError } from './infrastructure/encryption.ts';

const scope = new AsyncDisposableStack();
let servers: { readonly eventStoreUrl: string; readonly databaseUrl: string; readonly natsUrl: string };
let app: App;

beforeAll(async () => {
  const eventStore = scope.use(await startEventStore());
  const database = scope.use(await createMigratedDatabase());
  const nats = scope.use(await startNats());
  servers = { eventStoreUrl: eventStore.url, databaseUrl: database.url, natsUrl: nats.url };
  app = scope.use(await start(7));
});

afterAll(() => scope.disposeAsync());

describe('the password of a gateway', () => {
  it('is known inside of the process, as it was set last', async () => {
    const { id: organization_id } = await send('POST', '/api/organizations', { name: 'Acme' });
    const { id: factory_id } = await send('POST', '/api/factories', { organization_id, name: 'Berlin' });
    const fields = { factory_id, gateway_id: 'GW-1', name: 'Hall 1', url: 'ws://10.0.0.1', email: 'a@acme.example' };
    const { id } = await send('POST', '/api/gateways', { ...fields, password: 'correct horse' });
    const gateway = GatewayId.parse(id);

    expect(await app.gatewayPassword(gateway)).toBe('correct horse');
    await send('PUT', `/api/gateways/${id}`, { password: 'battery staple' });
    expect(await app.gatewayPassword(gateway)).toBe('battery staple');

    await using withAnotherKey = await start(8);
    await expect(withAnotherKey.gatewayPassword(gateway)).rejects.toThrow(DecryptionError);
  });

  it('is unknown of a gateway that does not exist', async () => {
    expect(await app.gatewayPassword(GatewayId.parse('0194c000-0000-7000-8000-000000000001'))).toBeUndefined();
  });
});

function start(key: number): Promise<App> {
  return startApp({
    ...servers,
    host: '127.0.0.1',
    port: 0,
    databasePool: { min: 0, max: 5 },
    encryptionKey: Buffer.alloc(32, key).toString('base64'),
    corsOrigins: [],
    version: '0.0.0',
    logger: pino({ level: 'silent' }),
  });
}

async function send(method: string, path: string, body: object): Promise<{ readonly id: string }> {
  const headers = { 'content-type': 'application/json' };
  const answer = await fetch(`${app.url}${path}`, { method, headers, body: JSON.stringify(body) });
  expect(answer.ok).toBe(true);
  return (await answer.json()) as { readonly id: string };
}
