// What the tests of the orchestrator play on: a registry, devices that are none, and orchestrators, each for an organization of
// its own.
import { generateKeyPairSync } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';
import { type FakeGateway, startFakeGateways } from '../../examples/orchestrator/fake-gateways.ts';
import { newSigningKey } from '../../src/credentials/keygen.ts';
import { encodePrivateKey, parseSigningKey } from '../../src/credentials/keys.ts';
import { signToken, thumbprintOf } from '../../src/credentials/token.ts';
import { natsClient } from '../support/nats-client.ts';
import { dataFolder } from '../support/temporary-folder.ts';
import { natsUrlOf, type Running, runProgram, type Service, startService } from './service.ts';

/** Who logs in to each device, unless the device or the registry is told otherwise. */
export const login = { email: 'admin@acme.example', password: 'correct horse ü' };

export interface House extends AsyncDisposable {
  readonly folder: string;
  readonly ask: Service['ask'];
  /** Kills the registry, and with it its servers. */
  kill(): Promise<void>;
  /** Starts it again, on what it has stored. */
  restart(): Promise<void>;
  /** A device that the registry does not know. */
  addDevice(): FakeGateway;
  /** Runs the orchestrator with these options. */
  run(...options: readonly string[]): Running;
  /** Runs it for the gateways of an organization. */
  orchestrate(organization: string): Orchestrator;
}

/** Disposed of, it is interrupted; it has to end with 0. */
export interface Orchestrator extends AsyncDisposable {
  output(): string;
  /** Resolves to its exit code. */
  interrupt(): Promise<number | null>;
}

export async function openHouse(): Promise<House> {
  await using scope = new AsyncDisposableStack();
  const { path: folder } = scope.use(await dataFolder());
  const fakes = scope.use(await startFakeGateways());
  const environment = { CREDENTIALS_PUBLIC_KEYS: await writeConnector(folder) };
  let service = await startService({ dataDir: folder, environment });
  // Another one may have taken its place.
  scope.defer(() => service[Symbol.asyncDispose]());
  const run: House['run'] = (...options) =>
    runProgram('examples/orchestrator/main.ts', options, folder, { NATS_URL: natsUrlOf(folder) });
  let devices = 0;
  const kept = scope.move();
  return {
    folder,
    ask: (...request) => service.ask(...request),
    kill: async () => void (await service.end('SIGKILL')),
    async restart() {
      service = await startService({ dataDir: folder, environment });
    },
    addDevice() {
      devices += 1;
      return fakes.add(`/gateway-${devices}`, login);
    },
    run,
    orchestrate(organization) {
      const files = ['--key', join(folder, 'connector.key'), '--token', join(folder, 'connector.token')];
      const { child, ended, output } = run(
        ...files,
        ...['--organization', organization, '--beat-every', '0.2', '--patience', '2'],
      );
      const interrupt = async () => {
        child.kill('SIGINT');
        return await ended;
      };
      return {
        output,
        interrupt,
        async [Symbol.asyncDispose]() {
          expect(await interrupt(), output()).toBe(0);
        },
      };
    },
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  };
}

/** An organization with a factory, an orchestrator for it alone, and whoever hears its heartbeats. */
export async function startScene(house: House) {
  const organization = (await house.ask('POST', '/api/organizations', { name: 'Acme' })).body.id;
  const createFactory = async () =>
    (await house.ask('POST', '/api/factories', { organization_id: organization, name: 'Berlin' })).body.id;
  const factory = await createFactory();
  const client = await natsClient(natsUrlOf(house.folder));
  const beats = new Map<string, number>();
  client.connection.subscribe(`mti.hb.v1.${organization}.*`, {
    callback: (_, { subject }) => {
      const id = subject.split('.').at(-1) ?? '';
      beats.set(id, (beats.get(id) ?? 0) + 1);
    },
  });
  const orchestrator = house.orchestrate(organization);
  return {
    ...orchestrator,
    organization,
    factory,
    createFactory,
    beatsOf: (id: string) => beats.get(id) ?? 0,
    statusOf: async (id: string) => (await house.ask('GET', `/api/gateways/${id}`)).body.status,
    /** In the registry, with a device that knows the same. */
    async create(fields: Readonly<Record<string, unknown>> = {}) {
      const device = house.addDevice();
      const gateway_id = device.url.split('/').at(-1);
      const known = { factory_id: factory, gateway_id, name: 'Hall 1', url: device.url, ...login };
      const { status, body } = await house.ask('POST', '/api/gateways', { ...known, ...fields });
      expect(status).toBe(201);
      return { id: body.id, device };
    },
    async [Symbol.asyncDispose]() {
      await orchestrator[Symbol.asyncDispose]();
      await client[Symbol.asyncDispose]();
    },
  };
}

/** Keys and a token, in files; what the registry has to know of them is returned. */
async function writeConnector(folder: string): Promise<string> {
  const signing = newSigningKey(new Date());
  const { privateKey, publicKey } = generateKeyPairSync('x25519');
  const token = await signToken({
    signer: parseSigningKey(`${signing.id}:${signing.privateKey}`),
    right: { subject: 'orchestrator-1', organizations: '*' },
    thumbprint: await thumbprintOf(publicKey),
    now: new Date(),
    days: 1,
  });
  writeFileSync(join(folder, 'connector.key'), `${encodePrivateKey(privateKey)}\n`);
  writeFileSync(join(folder, 'connector.token'), `${token}\n`);
  return `${signing.id}:${signing.publicKey}`;
}
