// client/ as others have it: packed, below the node_modules of a project that has nothing else, run by plain Node, looked at by
// TypeScript, with the examples of its README, against the real service.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { natsClient } from '../support/nats-client.ts';
import { plainEnvironment } from '../support/plain-environment.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { keysOfConnector } from './connector-keys.ts';
import { natsUrlOf, type Service, startService } from './service.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));
const readme = readFileSync(join(root, 'client/README.md'), 'utf8');
const fields = { name: 'Hall 1', url: 'wss://10.0.0.1/ws', email: 'admin@acme.example', password: 'correct horse' };

/** The examples, by the heading that they stand under. */
const examples = new Map(
  readme.split(/^## /m).flatMap((section): [string, string][] => {
    const code = /^```js\n([\s\S]*?)^```$/m.exec(section)?.[1];
    return code === undefined ? [] : [[section.split('\n', 1)[0] ?? '', code]];
  }),
);

const scope = new AsyncDisposableStack();
let project: string;
let service: Service;
let organization: string;
let gateway: string;

beforeAll(async () => {
  const folder = scope.use(await temporaryFolder());
  project = join(folder.path, 'project');
  await unpackClient(folder.path, join(project, 'node_modules/gateway-registry'));
  for (const name of ['nats', '@types/node']) {
    mkdirSync(join(project, 'node_modules', name, '..'), { recursive: true });
    symlinkSync(join(root, 'node_modules', name), join(project, 'node_modules', name));
  }
  writeFileSync(join(project, 'package.json'), JSON.stringify({ name: 'a-project', type: 'module' }));
  const { publicKeys } = await keysOfConnector(project);
  const dataDir = join(folder.path, 'data');
  mkdirSync(dataDir);
  service = scope.use(await startService({ dataDir, environment: { CREDENTIALS_PUBLIC_KEYS: publicKeys } }));
  organization = (await service.ask('POST', '/api/organizations', { name: 'Acme' })).body.id;
  const factory = await service.ask('POST', '/api/factories', { organization_id: organization, name: 'Berlin' });
  gateway = (await service.ask('POST', '/api/gateways', { factory_id: factory.body.id, gateway_id: 'GW-1', ...fields }))
    .body.id;
});

afterAll(() => scope.disposeAsync());

describe('the examples of client/README.md', () => {
  it('stand under these headings, and no others, so that all of them are run here', () => {
    expect([...examples.keys()]).toEqual([
      'Which gateways there are',
      'What happens to them',
      'What happens to them, remembered by the server',
      'How to log in',
    ]);
    expect(readme.match(/^```/gm)).toHaveLength(2 * examples.size);
  });

  it('are right in the eyes of TypeScript, and what is wrong is not', async () => {
    for (const [index, code] of [...examples.values()].entries()) writeFileSync(join(project, `e${index}.mts`), code);
    expect(await typeCheck('e*.mts')).toEqual([]);

    const code = examples.get('What happens to them') ?? '';
    writeFileSync(join(project, 'wrong.mts'), code.replace('data.from_factory_id', 'data.to_factory_id'));
    expect(await typeCheck('wrong.mts')).toEqual([expect.stringContaining("'to_factory_id' does not exist")]);
  });

  it('tell which gateways there are', async () => {
    const watching = example('Which gateways there are');
    await watching.says('there is GW-1 at wss://10.0.0.1/ws\nthat is all there is now\n');
    await service.ask('PUT', `/api/gateways/${gateway}`, { name: 'Hall 2' });
    await watching.says('Hall 1 is now Hall 2\n');
    await service.ask('DELETE', `/api/gateways/${gateway}`);
    await watching.says('GW-1 has gone\n');
    await service.ask('POST', `/api/gateways/${gateway}/restore`);
    expect(await watching.ends()).toBe(0);
  });

  it('tell what happens, and go on where they were', async () => {
    const first = example('What happens to them');
    await first.says('created GW-1\n');
    await first.says('gateway-restored at ');
    expect(await first.ends()).toBe(0);

    await service.ask('PUT', `/api/gateways/${gateway}`, { name: 'Hall 3' });
    const second = example('What happens to them');
    await second.says('gateway-updated at ');
    expect(await second.ends()).toBe(0);
    expect(second.output().split('\n')).toHaveLength(2);
  });

  it('let the server remember where they were', async () => {
    const first = example('What happens to them, remembered by the server');
    await first.says(`gateway-created of ${gateway}\n`);
    await first.says(`gateway-restored of ${gateway}\n`);
    expect(await first.ends()).toBe(0);
    const second = example('What happens to them, remembered by the server');
    await service.ask('PUT', `/api/gateways/${gateway}`, { name: 'Hall 4' });
    await eventually(() => expect(second.output()).toContain('gateway-updated'));
    expect(await second.ends()).toBe(0);
    expect(second.output()).not.toContain('gateway-created');
  });

  it('log in, and say that a gateway is alive', async () => {
    await using client = await natsClient(natsUrlOf(service.dataDir));
    const heard: string[] = [];
    client.connection.subscribe('mti.hb.v1.>', { callback: (_, { subject }) => heard.push(subject) });
    await client.connection.flush();
    const asking = example('How to log in', organization, gateway);
    expect(await asking.ended).toBe(0);
    expect(asking.output()).toBe('log in to wss://10.0.0.1/ws as admin@acme.example with 13 characters\n');
    await eventually(() => expect(heard).toEqual([`mti.hb.v1.${organization}.${gateway}`]));

    const refused = example('How to log in', organization, crypto.randomUUID());
    expect(await refused.ended).toBe(0);
    expect(refused.output()).toMatch(/^GATEWAY_NOT_FOUND: /);
  });
});

describe('the package', () => {
  it('has the client, and nothing of the service', async () => {
    const manifest = JSON.parse(readFileSync(join(project, 'node_modules/gateway-registry/package.json'), 'utf8'));
    expect(manifest).toMatchObject({ name: 'gateway-registry', type: 'module', version: '0.1.0' });
    expect(Object.keys(manifest.exports)).toEqual(['./client']);
    expect(manifest.peerDependencies).toEqual({ nats: expect.stringMatching(/^\^2[.]/) });
    expect(Object.keys(manifest).filter((field) => /dependencies|scripts/i.test(field))).toEqual(['peerDependencies']);
    expect(packed.filter((file) => !/^package\/dist\/[a-z-]+([.]d)?[.][jt]s$/.test(file)).sort()).toEqual([
      'package/README.md',
      'package/package.json',
    ]);
    expect(packed.filter((file) => file.includes('.spec.') || /(?<![.]d)[.]ts$/.test(file))).toEqual([]);
  });
});

let packed: readonly string[] = [];

async function unpackClient(folder: string, target: string): Promise<void> {
  const environment = { npm_config_cache: join(folder, 'cache'), npm_config_offline: 'true' };
  await run(process.execPath, [join(root, 'tools/pack-client.ts'), folder], folder, environment);
  const archive = join(folder, 'gateway-registry-0.1.0.tgz');
  packed = (await run('tar', ['-tzf', archive], folder)).split('\n').filter((file) => file !== '');
  mkdirSync(target, { recursive: true });
  await run('tar', ['-xzf', archive, '-C', target, '--strip-components=1'], folder);
}

/** What TypeScript has against files of the project, declarations of the package included. */
async function typeCheck(files: string): Promise<readonly string[]> {
  const compilerOptions = {
    module: 'nodenext',
    target: 'es2024',
    lib: ['es2024', 'esnext.disposable'],
    types: ['node'],
    strict: true,
    exactOptionalPropertyTypes: true,
    noEmit: true,
  };
  writeFileSync(join(project, 'tsconfig.json'), JSON.stringify({ compilerOptions, include: [files] }));
  const tsc = run(join(root, 'node_modules/.bin/tsc'), ['--project', project], project);
  const said = await tsc.catch(({ message }: Error) => message);
  // The declarations of the NATS client have errors of their own, and are not left out, as ours would be with them.
  return said.split('\n').filter((line) => line.includes('error TS') && !line.includes('node_modules/nats/'));
}

/** An example that runs in the project, as a program of its own. */
function example(heading: string, ...args: readonly string[]) {
  const file = join(project, 'example.mjs');
  writeFileSync(file, examples.get(heading) ?? '');
  const child = spawn(process.execPath, [file, ...args], {
    cwd: project,
    env: { ...plainEnvironment(), NATS_URL: natsUrlOf(service.dataDir) },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (said: string) => {
    output += said;
  });
  const ended = once(child, 'close').then(([code]) => code as number | null);
  return {
    output: () => output,
    ended,
    says: (said: string) => eventually(() => expect(output).toContain(said)),
    /** As Ctrl-C ends it. */
    ends() {
      child.kill('SIGINT');
      return ended;
    },
  };
}

/** What a program has said, once it has ended well. */
async function run(program: string, args: readonly string[], cwd: string, environment = {}): Promise<string> {
  const child = spawn(program, args, {
    cwd,
    env: { ...plainEnvironment(), ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const [output, errors, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')]);
  if (code !== 0) throw new Error(`${program} ended with ${code}:\n${output}\n${errors}`);
  return output;
}
