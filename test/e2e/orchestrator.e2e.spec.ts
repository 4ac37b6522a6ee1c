// The orchestrator of examples/, as it is run, between the registry, as it is run, and devices that are none.
import { generateKeyPairSync } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { type FakeGateway, type FakeGateways, startFakeGateways } from '../../examples/orchestrator/fake-gateways.ts';
import { newSigningKey } from '../../src/credentials/keygen.ts';
import { encodePrivateKey, parseSigningKey } from '../../src/credentials/keys.ts';
import { signToken, thumbprintOf } from '../../src/credentials/token.ts';
import { natsClient } from '../support/nats-client.ts';
import { type TemporaryFolder, temporaryFolder } from '../support/temporary-folder.ts';
import { natsUrlOf, runProgram, type Service, startService } from './service.ts';

const email = 'admin@acme.example';
const password = 'correct horse ü';
const running = new AsyncDisposableStack();

let folder: TemporaryFolder;
let fakes: FakeGateways;
let service: Service;
let start: () => Promise<Service>;

beforeAll(async () => {
  folder = running.use(await temporaryFolder());
  fakes = running.use(await startFakeGateways());
  const publicKeys = await writeConnector();
  start = () => startService({ dataDir: folder.path, environment: { CREDENTIALS_PUBLIC_KEYS: publicKeys } });
  service = await start();
  // Another one may have taken its place.
  running.defer(() => service[Symbol.asyncDispose]());
});

afterAll(() => running.disposeAsync());

describe('a gateway', () => {
  it('that is created is logged in to, and online by its heartbeats', async () => {
    await using scene = await startScene();
    const { id, device } = await scene.create();
    await eventually(() => device.sessions() === 1);
    await eventually(() => scene.beatsOf(id) > 2);
    await eventually(async () => (await scene.statusOf(id)) === 'online');
    expect(device.logins()).toEqual({ accepted: 1, refused: 0 });
  });

  it('that was there before the orchestrator is logged in to as well', async () => {
    await using before = await startScene();
    const { device } = await before.create();
    await eventually(() => device.sessions() === 1);
    await before[Symbol.asyncDispose]();
    await eventually(() => device.sessions() === 0);
    await using orchestrator = startOrchestrator(before.organization);
    await eventually(() => device.sessions() === 1);
    await eventually(() => orchestrator.output().includes('logging in → connected'));
  });

  it('that gets a new password is logged in to anew, with that', async () => {
    await using scene = await startScene();
    const { id, device } = await scene.create();
    await eventually(() => device.sessions() === 1);
    await scene.ask('PUT', `/api/gateways/${id}`, { password: 'battery staple' });
    await eventually(() => device.logins().refused > 0);
    device.setLogin({ email, password: 'battery staple' });
    await eventually(() => device.sessions() === 1);
    expect(scene.output()).toContain('it refuses the login');
    expect(scene.output()).not.toMatch(/correct horse|battery staple/);
  });

  it('that gets another address is left at the one before', async () => {
    await using scene = await startScene();
    const { id, device } = await scene.create();
    await eventually(() => device.sessions() === 1);
    const other = addDevice();
    await scene.ask('PUT', `/api/gateways/${id}`, { url: other.url });
    await eventually(() => other.sessions() === 1 && device.sessions() === 0);
  });

  it('that moves, and gets another name, keeps its connection', async () => {
    await using scene = await startScene();
    const { id, device } = await scene.create();
    await eventually(() => device.sessions() === 1);
    const factory = await scene.createFactory();
    const moved = await scene.ask('POST', `/api/gateways/${id}/move`, { factory_id: factory });
    expect(moved.status).toBe(200);
    await scene.ask('PUT', `/api/gateways/${id}`, { name: 'Hall 2' });
    // Changes are heard in their order: who has come after the move is connected when the move has been heard.
    const witness = await scene.create();
    await eventually(() => witness.device.sessions() === 1);
    const beats = scene.beatsOf(id);
    await eventually(() => scene.beatsOf(id) > beats);
    expect(device.logins().accepted).toBe(1);
    expect(device.sessions()).toBe(1);
  });

  it('that is deleted is left, and has no more heartbeats until it is restored', async () => {
    await using scene = await startScene();
    const { id, device } = await scene.create();
    await eventually(() => device.sessions() === 1);
    await scene.ask('DELETE', `/api/gateways/${id}`);
    await eventually(() => device.sessions() === 0);
    const beats = scene.beatsOf(id);
    const witness = await scene.create();
    await eventually(() => scene.beatsOf(witness.id) > 5);
    expect(scene.beatsOf(id)).toBe(beats);

    await scene.ask('POST', `/api/gateways/${id}/restore`);
    await eventually(() => device.sessions() === 1 && scene.beatsOf(id) > beats);
  });

  it('that goes with its factory is left, and comes back with it', async () => {
    await using scene = await startScene();
    const { device } = await scene.create();
    await eventually(() => device.sessions() === 1);
    await scene.ask('DELETE', `/api/factories/${scene.factory}`);
    await eventually(() => device.sessions() === 0);
    await scene.ask('POST', `/api/factories/${scene.factory}/restore`);
    await eventually(() => device.sessions() === 1);
  });

  it('that hangs is offline, and has heartbeats again when it works', async () => {
    await using scene = await startScene();
    const { id, device } = await scene.create({ metadata: { offline_after_seconds: 1 } });
    await eventually(async () => (await scene.statusOf(id)) === 'online');
    device.silence();
    await eventually(async () => (await scene.statusOf(id)) === 'offline');
    const beats = scene.beatsOf(id);
    device.speak();
    await eventually(() => scene.beatsOf(id) > beats);
  });
});

describe('a registry that is killed, NATS with it,', () => {
  it('costs no connection, and what changes afterwards is heard', async () => {
    await using scene = await startScene();
    const { id, device } = await scene.create();
    await eventually(() => device.sessions() === 1);
    await service.end('SIGKILL');
    await eventually(() => scene.output().includes('NATS is away'));
    service = await start();
    await eventually(() => scene.output().includes('NATS is back'));
    expect(device.logins()).toEqual({ accepted: 1, refused: 0 });
    const beats = scene.beatsOf(id);
    await eventually(() => scene.beatsOf(id) > beats);

    device.setLogin({ email, password: 'battery staple' });
    await service.ask('PUT', `/api/gateways/${id}`, { password: 'battery staple' });
    await eventually(() => device.sessions() === 1);
    const later = await scene.create();
    await eventually(() => later.device.sessions() === 1);
  });
});

describe('the orchestrator', () => {
  it('says what it can be told', async () => {
    const asked = runProgram('examples/orchestrator/main.ts', ['--help'], folder.path);
    expect(await asked.ended).toBe(0);
    expect(asked.output()).toContain('--beat-every <seconds>');
  });

  it('names the file that it misses, and the option for it', async () => {
    const asked = runProgram('examples/orchestrator/main.ts', ['--key', 'nowhere.key'], folder.path);
    expect(await asked.ended).toBe(1);
    expect(asked.output()).toMatch(/^nowhere\.key cannot be read \(ENOENT\)\. Name the file with --key/);
  });

  it('waits for NATS, and can be ended meanwhile', async () => {
    const url = 'nats://127.0.0.1:1';
    const waiting = runProgram('examples/orchestrator/main.ts', ['--nats', url], folder.path);
    await waiting.line(/(NATS cannot be reached)/);
    waiting.child.kill('SIGTERM');
    expect(await waiting.ended).toBe(0);
  });

  it('ends when it is interrupted, though a gateway hangs, and leaves all of them', async () => {
    await using scene = await startScene();
    const [hanging, other] = [await scene.create(), await scene.create()];
    await eventually(() => hanging.device.sessions() === 1 && other.device.sessions() === 1);
    hanging.device.silence();
    expect(await scene.interrupt()).toBe(0);
    await eventually(() => hanging.device.sessions() === 0 && other.device.sessions() === 0);
  });
});

/** An organization with a factory, and an orchestrator for it alone. */
async function startScene() {
  const { ask } = service;
  const { body: organization } = await ask('POST', '/api/organizations', { name: 'Acme' });
  const createFactory = async () =>
    (await service.ask('POST', '/api/factories', { organization_id: organization.id, name: 'Berlin' })).body.id;
  const factory = await createFactory();
  const client = await natsClient(natsUrlOf(folder.path));
  const beats = new Map<string, number>();
  client.connection.subscribe(`mti.hb.v1.${organization.id}.*`, {
    callback: (_, { subject }) => {
      const id = subject.split('.').at(-1) ?? '';
      beats.set(id, (beats.get(id) ?? 0) + 1);
    },
  });
  const orchestrator = startOrchestrator(organization.id);
  return {
    ...orchestrator,
    organization: organization.id,
    factory,
    createFactory,
    ask: (...request: Parameters<Service['ask']>) => service.ask(...request),
    beatsOf: (id: string) => beats.get(id) ?? 0,
    statusOf: async (id: string) => (await service.ask('GET', `/api/gateways/${id}`)).body.status,
    async create(fields: Readonly<Record<string, unknown>> = {}) {
      const device = addDevice();
      const gateway_id = device.url.split('/').at(-1);
      const known = { factory_id: factory, gateway_id, name: 'Hall 1', url: device.url, email, password };
      const { status, body } = await service.ask('POST', '/api/gateways', { ...known, ...fields });
      expect(status).toBe(201);
      return { id: body.id, device };
    },
    async [Symbol.asyncDispose]() {
      await orchestrator[Symbol.asyncDispose]();
      await client[Symbol.asyncDispose]();
    },
  };
}

function startOrchestrator(organization: string) {
  const files = ['--key', join(folder.path, 'connector.key'), '--token', join(folder.path, 'connector.token')];
  const options = [...files, '--organization', organization, '--beat-every', '0.2', '--patience', '2'];
  const nats = natsUrlOf(folder.path);
  const running = runProgram('examples/orchestrator/main.ts', options, folder.path, { NATS_URL: nats });
  const interrupt = async () => {
    running.child.kill('SIGINT');
    return await running.ended;
  };
  return {
    output: running.output,
    interrupt,
    async [Symbol.asyncDispose]() {
      expect(await interrupt(), running.output()).toBe(0);
    },
  };
}

/** Keys and a token, in files; what the registry has to know of them is returned. */
async function writeConnector(): Promise<string> {
  const signing = newSigningKey(new Date());
  const { privateKey, publicKey } = generateKeyPairSync('x25519');
  const token = await signToken({
    signer: parseSigningKey(`${signing.id}:${signing.privateKey}`),
    right: { subject: 'orchestrator-1', organizations: '*' },
    thumbprint: await thumbprintOf(publicKey),
    now: new Date(),
    days: 1,
  });
  writeFileSync(join(folder.path, 'connector.key'), `${encodePrivateKey(privateKey)}\n`);
  writeFileSync(join(folder.path, 'connector.token'), `${token}\n`);
  return `${signing.id}:${signing.publicKey}`;
}

let devices = 0;

function addDevice(): FakeGateway {
  devices += 1;
  return fakes.add(`/gateway-${devices}`, { email, password });
}

async function eventually(condition: () => boolean | Promise<boolean>): Promise<void> {
  await vi.waitFor(async () => expect(await condition(), String(condition)).toBe(true), {
    timeout: 60_000,
    interval: 20,
  });
}
