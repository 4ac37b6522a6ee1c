// A connector from nothing to a password, as the README tells it: keys, a token, the registry, docs/connector.mjs.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { plainEnvironment } from '../support/plain-environment.ts';
import { dataFolder, type TemporaryFolder } from '../support/temporary-folder.ts';
import { keysOfConnector } from './connector-keys.ts';
import { natsUrlOf, type Service, startService } from './service.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));
const password = 'correct horse "ü" battery staple';

let folder: TemporaryFolder;
let file: (name: string) => string;
/** What the registry is told of who signs tokens. */
let publicKeys: string;

beforeAll(async () => {
  folder = await dataFolder();
  file = (name) => join(folder.path, name);
  ({ publicKeys } = await keysOfConnector(folder.path));
});

afterAll(() => folder[Symbol.asyncDispose]());

it('a connector is told the password that a gateway has, as long as it has one', async () => {
  await using service = await startService({
    dataDir: folder.path,
    environment: { CREDENTIALS_PUBLIC_KEYS: publicKeys, LOG_LEVEL: 'trace' },
  });
  const id = await createGateway(service);
  const read = await connect(service, id);
  expect(read.errors).toBe('');
  expect(JSON.parse(read.output)).toEqual({
    id,
    credential_version: 0,
    url: 'wss://10.0.0.1/ws',
    email: 'admin@acme.example',
    password,
  });

  await service.ask('PUT', `/api/gateways/${id}`, { password: 'another one' });
  expect(JSON.parse((await connect(service, id)).output)).toMatchObject({
    password: 'another one',
    credential_version: 1,
  });
  await service.ask('DELETE', `/api/gateways/${id}`);
  expect(await connect(service, id)).toMatchObject({ code: 1, errors: expect.stringContaining('GATEWAY_NOT_FOUND') });

  const audit = await run(['src/main.ts', 'credentials', 'audit', `gateway=${id}`], '', { DATA_DIR: service.dataDir });
  expect(audit).toMatchObject({ code: 0 });
  expect(audit.output.trim().split('\n')).toEqual([
    expect.stringMatching(`orchestrator-1  gateway ${id}  version 0 `),
    expect.stringMatching(`orchestrator-1  gateway ${id}  version 1 `),
  ]);

  const history = await service.ask('GET', `/api/gateways/${id}/history`);
  expect(history.body.data).toHaveLength(3);
  const health = await service.ask('GET', '/api/health');
  expect(JSON.stringify(health.body)).toContain('"credentials"');
  for (const secret of [password, 'another one', readFileSync(file('connector.token'), 'utf8').trim()]) {
    expect(service.log()).not.toContain(secret);
  }
});

it('nobody answers unless it is asked for', async () => {
  await using service = await startService({ dataDir: folder.path });
  expect(await connect(service, crypto.randomUUID())).toMatchObject({
    code: 1,
    errors: expect.stringContaining('is the service switched on?'),
  });
});

it('a connector says in a line what it lacks', async () => {
  const wordless = await run(['docs/connector.mjs']);
  expect(wordless).toMatchObject({ code: 1, output: '', errors: expect.stringMatching(/^Say which gateway.*\n$/) });
  const words = ['docs/connector.mjs', crypto.randomUUID(), file('connector.key'), file('connector.token')];
  const alone = await run(words, '', { NATS_URL: 'nats://127.0.0.1:1' });
  expect(alone).toMatchObject({
    code: 1,
    output: '',
    errors: expect.stringMatching(/^NATS cannot be reached.*NATS_URL.*\n$/),
  });
});

it('no token is signed without a key, nor for longer than it may', async () => {
  const words = ['src/main.ts', 'credentials', 'token', 'subject=a', 'organizations=*', `key=${'A'.repeat(42)}E`];
  const keyless = await run(words);
  expect(keyless).toMatchObject({
    code: 1,
    output: '',
    errors: expect.stringContaining('the private key is not id:key'),
  });
  const long = await run([...words, 'days=31'], readFileSync(file('signing.key'), 'utf8'));
  expect(long).toMatchObject({ code: 1, output: '', errors: expect.stringContaining('from 1 to 30') });
});

async function createGateway({ ask }: Service): Promise<string> {
  const { body: organization } = await ask('POST', '/api/organizations', { name: 'Acme' });
  const { body: factory } = await ask('POST', '/api/factories', { organization_id: organization.id, name: 'Berlin' });
  const fields = {
    gateway_id: 'GW-1',
    name: 'Hall 1',
    url: 'wss://10.0.0.1/ws',
    email: 'admin@acme.example',
    password,
  };
  const { body: gateway } = await ask('POST', '/api/gateways', { factory_id: factory.id, ...fields });
  return gateway.id;
}

function connect({ dataDir }: Service, id: string) {
  const args = ['docs/connector.mjs', id, file('connector.key'), file('connector.token')];
  return run(args, '', { NATS_URL: natsUrlOf(dataDir) });
}

/** Runs a program of the project with something on standard input. */
async function run(args: readonly string[], input = '', environment: Readonly<Record<string, string>> = {}) {
  const [program = '', ...rest] = args;
  const child = spawn(process.execPath, [join(root, program), ...rest], {
    // Not in the project, where the .env of a developer may be.
    cwd: folder.path,
    env: { ...plainEnvironment(), ...environment },
  });
  child.stdin.end(input);
  const [output, errors, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')]);
  return { output, errors, code: code as number | null };
}
