// The past as the log tells it, beside what the tables told when it was the present.
import { setImmediate as turn } from 'node:timers/promises';
import fc from 'fast-check';
import { pino } from 'pino';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createMigratedDatabase } from '../../test/support/database.ts';
import { eventually } from '../../test/support/eventually.ts';
import { aKeyRing } from '../../test/support/key-rings.ts';
import { startEventStore, startNats } from '../../test/support/servers.ts';
import { type App, startApp } from '../app.ts';
import type { History } from './history.ts';

const scope = new AsyncDisposableStack();
let app: App;
let berlin: string;
let spandau: string;

beforeAll(async () => {
  const eventStore = scope.use(await startEventStore());
  const database = scope.use(await createMigratedDatabase());
  const nats = scope.use(await startNats());
  app = scope.use(
    await startApp({
      eventStoreUrl: eventStore.url,
      databaseUrl: database.url,
      natsUrl: nats.url,
      host: '127.0.0.1',
      port: 0,
      databasePool: { min: 0, max: 5 },
      encryptionKeys: aKeyRing,
      corsOrigins: [],
      version: '0.0.0',
      logger: pino({ level: 'silent' }),
    }),
  );
  const organization_id = await created('organizations', { name: 'Acme' });
  berlin = await created('factories', { organization_id, name: 'Berlin' });
  spandau = await created('factories', { organization_id, name: 'Spandau' });
});

afterAll(() => scope.disposeAsync());

let devices = 0;
const aPassword = 'correct horse';
const anotherPassword = 'battery staple';

describe('the history of a gateway', () => {
  it('is its whole life, newest event first', async () => {
    const id = await aNewGateway();
    await send('PUT', `/api/gateways/${id}`, { name: 'South', firmware_version: '2.1.0' }, { 'x-actor': 'dana' });
    await send('PUT', `/api/gateways/${id}`, { password: anotherPassword }, { 'x-correlation-id': 'order-4711' });
    await send('POST', `/api/gateways/${id}/move`, { factory_id: spandau });
    await send('DELETE', `/api/gateways/${id}`);
    await send('POST', `/api/gateways/${id}/restore`);

    const { body } = await get(`/api/gateways/${id}/history`);
    const { data, pagination } = body as unknown as History;
    expect(data.map(({ revision, type }) => `${revision} ${type}`)).toEqual([
      '5 GatewayRestored',
      '4 GatewaySoftDeleted',
      '3 GatewayMoved',
      '2 GatewayPasswordChanged',
      '1 GatewayUpdated',
      '0 GatewayCreated',
    ]);
    const [restored, deleted, moved, secret, updated, creation] = data;
    expect(creation?.changes).toMatchObject({ name: { before: null, after: 'North' }, password: 'set' });
    expect(updated).toMatchObject({
      actor: 'dana',
      changes: {
        name: { before: 'North', after: 'South' },
        firmware_version: { before: null, after: '2.1.0' },
      },
    });
    expect(secret).toMatchObject({ correlation_id: 'order-4711', changes: { password: 'changed' } });
    expect(moved?.changes).toEqual({ factory_id: { before: berlin, after: spandau } });
    expect(deleted?.changes).toEqual({ deleted_at: { before: null, after: deleted?.occurred_at } });
    expect(restored?.changes).toEqual({ deleted_at: { before: deleted?.occurred_at, after: null } });
    expect(pagination).toEqual({ total: 6, limit: 20, hasNext: false });
    expect(JSON.stringify(body)).not.toMatch(new RegExp(`${aPassword}|${anotherPassword}|encrypted`, 'i'));
  });

  it('names the deletion of its factory as the cause of its own', async () => {
    const { organization_id } = (await get(`/api/factories/${berlin}`)).body;
    const factory = await created('factories', { organization_id, name: 'Closing' });
    const id = await aNewGateway(factory);
    await send('DELETE', `/api/factories/${factory}`);
    await eventually(async () => expect((await get(`/api/gateways/${id}`)).status).toBe(404));

    const [ofFactory] = ((await get(`/api/factories/${factory}/history`)).body as unknown as History).data;
    const [ofGateway] = ((await get(`/api/gateways/${id}/history`)).body as unknown as History).data;
    expect(ofFactory?.type).toBe('FactorySoftDeleted');
    expect(ofGateway).toMatchObject({ type: 'GatewaySoftDeleted', cause: ofFactory?.event_id });
  });
});

const steps = fc.constantFrom<readonly [method: string, path: string, body?: () => object]>(
  ['PUT', '', () => ({ name: 'South' })],
  ['PUT', '', () => ({ name: 'West', metadata: { rack: 8 } })],
  ['PUT', '', () => ({ model: 'SG-200', url: 'ws://10.0.0.2' })],
  ['PUT', '', () => ({ model: null, gateway_id: `GW-${++devices}` })],
  ['PUT', '', () => ({ password: anotherPassword })],
  ['PUT', '', () => ({ name: 'East', password: anotherPassword })],
  ['POST', '/move', () => ({ factory_id: spandau })],
  ['POST', '/move', () => ({ factory_id: berlin })],
  ['DELETE', ''],
  ['DELETE', ''],
  ['POST', '/restore'],
  ['POST', '/restore'],
);

describe('the past of a gateway', () => {
  it('is what a GET was answered with, at any moment between any two commands', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(steps, { minLength: 5, maxLength: 15 }), async (life) => {
        const before = await thisMoment();
        const id = await aNewGateway();
        const moments = [await presentOf(id)];
        for (const [method, path, body] of life) {
          await ask(method, `/api/gateways/${id}${path}`, body?.());
          moments.push(await presentOf(id));
        }

        expect((await get(`/api/gateways/${id}?as_of=${before}`)).status).toBe(404);
        for (const { at, revision, answers } of moments) {
          expect(await answersAt(id, `as_of=${at}`)).toEqual(answers);
          expect(await answersAt(id, `revision=${revision}`)).toEqual(answers);
        }
      }),
      { numRuns: 6 },
    );
  });
});

async function presentOf(id: string) {
  const answers = await answersAt(id, '');
  const { revision } = ((await get(`/api/gateways/${id}/history?limit=1`)).body as unknown as History).data[0] ?? {};
  return { at: await thisMoment(), revision, answers };
}

// Without and with what is deleted; without what the log does not know.
function answersAt(id: string, query: string) {
  return Promise.all(
    ['', 'include_deleted=true'].map(async (deleted) => {
      const {
        status: code,
        etag,
        body,
      } = await get(`/api/gateways/${id}?${[query, deleted].filter(Boolean).join('&')}`);
      const { status: _, last_seen_at: __, error, ...gateway } = body;
      return { code, etag, gateway, error: error?.code };
    }),
  );
}

/** A moment at which no command is on its way; whatever comes next is later. */
async function thisMoment(): Promise<string> {
  const now = Date.now();
  while (Date.now() === now) await turn();
  return new Date(now).toISOString();
}

function aNewGateway(factory_id = berlin): Promise<string> {
  return created('gateways', {
    factory_id,
    gateway_id: `GW-${++devices}`,
    name: 'North',
    url: 'ws://10.0.0.1',
    email: 'a@acme.example',
    password: aPassword,
  });
}

async function created(kind: string, body: object): Promise<string> {
  return (await send('POST', `/api/${kind}`, body)).id;
}

/** What a spec looks at in a body. */
interface Body {
  readonly organization_id?: string;
  readonly status?: string;
  readonly last_seen_at?: string | null;
  readonly error?: { readonly code: string };
}

async function get(path: string) {
  const answer = await fetch(`${app.url}${path}`);
  return { status: answer.status, etag: answer.headers.get('etag'), body: (await answer.json()) as Body };
}

/** Sends a command and waits until queries see what it did. */
async function send(method: string, path: string, body?: object, headers: Readonly<Record<string, string>> = {}) {
  const { ok, text } = await ask(method, path, body, headers);
  expect(ok, text).toBe(true);
  return text === '' ? undefined : JSON.parse(text);
}

async function ask(method: string, path: string, body?: object, headers: Readonly<Record<string, string>> = {}) {
  const answer = await fetch(`${app.url}${path}`, {
    method,
    headers: { ...headers, prefer: 'wait=20', ...(body && { 'content-type': 'application/json' }) },
    ...(body && { body: JSON.stringify(body) }),
  });
  return { ok: answer.ok, text: await answer.text() };
}
