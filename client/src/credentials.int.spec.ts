import { createPublicKey, generateKeyPairSync } from 'node:crypto';
import { pino } from 'pino';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { encodePrivateKey } from '../../src/credentials/keys.ts';
import { sealFor } from '../../src/credentials/sealing.ts';
import { startCredentialService } from '../../src/credentials/service.ts';
import { signToken, thumbprintOf } from '../../src/credentials/token.ts';
import { connectNats } from '../../src/infrastructure/nats.ts';
import { connectorKey } from '../../test/support/connector.ts';
import { eventually } from '../../test/support/eventually.ts';
import { type NatsClient, natsClient } from '../../test/support/nats-client.ts';
import { anId, type Registry, startRegistry } from '../../test/support/registry.ts';
import { startNats, type TestNats } from '../../test/support/servers.ts';
import { CredentialRefused, CredentialUnavailable, openCredentials } from './credentials.ts';

const signer = generateKeyPairSync('ed25519');
const publicKey = createPublicKey(connectorKey);
const privateKey = `${encodePrivateKey(connectorKey)}\n`;
const password = 'correct horse "ü" battery staple';
const credentialsSubject = 'mti.svc.v1.gateway.credentials';

let nats: TestNats;
let client: NatsClient;
let registry: Registry;
const scope = new AsyncDisposableStack();

beforeAll(async () => {
  nats = scope.use(await startNats());
  client = scope.use(await natsClient(nats.url));
  registry = scope.use(await startRegistry());
});

afterAll(() => scope.disposeAsync());

describe('the password of a gateway', () => {
  it('is read with the key and the token of a connector', async () => {
    await using _service = await serving();
    const id = await aGateway();
    const token = await aToken();
    const credentials = openCredentials(client.connection, { privateKey, token });

    expect(await credentials.read(id)).toEqual({
      id,
      credential_version: 0,
      url: 'ws://10.0.0.1',
      email: 'a@acme.example',
      password,
    });
  });

  it('is read with the token of the moment', async () => {
    await using _service = await serving();
    const id = await aGateway();
    const tokens = ['none', await aToken()];
    const credentials = openCredentials(client.connection, { privateKey, token: async () => tokens.shift() ?? '' });

    await expect(credentials.read(id)).rejects.toMatchObject({ code: 'UNAUTHORIZED' });
    expect(await credentials.read(id)).toMatchObject({ password });
  });

  it('is refused by an error that says why, and when to come again', async () => {
    await using _service = await serving(1);
    const id = await aGateway();
    const credentials = openCredentials(client.connection, { privateKey, token: await aToken() });
    await credentials.read(id);
    const refused = await credentials.read(id).catch((error: unknown) => error);

    expect(refused).toBeInstanceOf(CredentialRefused);
    expect(refused).toMatchObject({ code: 'TOO_MANY_REQUESTS', retryAfter: expect.any(Number) });
  });

  it('is refused for a gateway that is not there', async () => {
    await using _service = await serving();
    const credentials = openCredentials(client.connection, { privateKey, token: await aToken() });

    await expect(credentials.read(anId())).rejects.toMatchObject({
      name: 'CredentialRefused',
      code: 'GATEWAY_NOT_FOUND',
      retryAfter: undefined,
    });
  });

  it('is not to be had while nobody tells it', async () => {
    const credentials = openCredentials(client.connection, { privateKey, token: 'none' });

    await expect(credentials.read(anId())).rejects.toThrow('nobody tells passwords at present');
  });

  it('is not waited for longer than was said', async () => {
    using _silence = answering(() => undefined);
    const credentials = openCredentials(client.connection, { privateKey, token: 'none', timeout: 50 });

    await expect(credentials.read(anId())).rejects.toThrow(CredentialUnavailable);
  });

  it.each([
    ['another request', (answer: object) => ({ ...answer, request_id: anId() }), 'to something else'],
    ['another gateway', (answer: object) => ({ ...answer, id: anId() }), 'to something else'],
    ['another address', (answer: object) => ({ ...answer, url: 'ws://evil.example' }), 'cannot be opened'],
    ['a key that agrees with everybody', (answer: object) => ({ ...answer, epk: 'A'.repeat(43) }), 'cannot be opened'],
    ['a key that is none', (answer: object) => ({ ...answer, epk: 7 }), 'cannot be opened'],
    ['nothing sealed', (answer: object) => ({ ...answer, ciphertext: '' }), 'cannot be opened'],
    ['no object', () => 'null', 'none of the registry'],
    ['an error that is none', () => ({ error: null }), 'none of the registry'],
    ['an error without a code', () => ({ error: { message: 'no' } }), 'none of the registry'],
  ])('is not taken from an answer with %s', async (_, change, why) => {
    using _stranger = answering((request) => {
      const binding = { ...request, credential_version: 0, url: 'ws://10.0.0.1', email: 'a@acme.example' };
      return change({ ...binding, ...sealFor(publicKey, password, binding) });
    });
    const credentials = openCredentials(client.connection, { privateKey, token: 'none' });

    await expect(credentials.read(anId())).rejects.toThrow(why);
  });
});

it.each(['', 'short', 'A'.repeat(44)])('a private key that is none is refused, and not repeated: %j', (text) => {
  expect(() => openCredentials(client.connection, { privateKey: text, token: '' })).toThrow('32 bytes in base64url');
});

interface Request {
  readonly request_id: string;
  readonly id: string;
}

/** Somebody else who answers. */
function answering(answer: (request: Request) => object | string | undefined): Disposable {
  const subscription = client.connection.subscribe(credentialsSubject, {
    callback: (_, message) => {
      const { request_id, id } = message.json<Request>();
      const body = answer({ request_id, id });
      if (body !== undefined) message.respond(typeof body === 'string' ? body : JSON.stringify(body));
    },
  });
  return { [Symbol.dispose]: () => subscription.unsubscribe() };
}

async function serving(perGateway = 1_000): Promise<AsyncDisposable> {
  const logger = pino({ level: 'silent' });
  const bus = connectNats({ url: nats.url, name: 'credentials-spec', logger });
  const loop = startCredentialService({
    log: registry.log,
    bus,
    openPassword: registry.encryption.open,
    verifyingKeys: [{ id: 'a', key: signer.publicKey }],
    rates: { perSubject: 1_000, perGateway },
    version: '1.2.3',
    now: () => new Date(),
    logger,
  });
  await eventually(() => expect(loop.health().status).toBe('running'));
  return {
    async [Symbol.asyncDispose]() {
      await loop.stop();
      await bus.close();
    },
  };
}

async function aToken(): Promise<string> {
  const right = { subject: 'orchestrator-1', organizations: '*' } as const;
  const thumbprint = await thumbprintOf(publicKey);
  return signToken({ signer: { id: 'a', key: signer.privateKey }, right, thumbprint, now: new Date(), days: 1 });
}

async function aGateway(): Promise<string> {
  const [organization, factory, id] = [anId(), anId(), anId()];
  await registry.run('CreateOrganization', organization, { name: 'Acme' });
  await registry.run('CreateFactory', factory, { organization_id: organization, name: 'Berlin' });
  const fields = { name: 'Hall 1', url: 'ws://10.0.0.1', email: 'a@acme.example', password };
  await registry.run('CreateGateway', id, { factory_id: factory, gateway_id: `GW ${id}`, ...fields });
  return id;
}
