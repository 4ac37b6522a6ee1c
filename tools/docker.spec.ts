import { spawnSync } from 'node:child_process';
import { chmodSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readCompose } from '../test/containers.ts';
import { temporaryFolder } from '../test/support/temporary-folder.ts';

const script = join(import.meta.dirname, 'docker.mjs');
const key = Buffer.alloc(32, 7).toString('base64');

/** Notes how it was called; answers as Docker does, but for what FAILS names. */
const fakeDocker = `#!${process.execPath}
const fs = require('node:fs');
const called = process.argv.slice(2).join(' ');
fs.appendFileSync(process.env.CALLS, called + '\\n');
if (process.env.FAILS && called.includes(process.env.FAILS)) { console.error('cannot connect'); process.exit(3); }
if (called.includes('config')) console.log(process.env.CONFIG);
`;

describe('npm run docker:up', () => {
  it('starts the servers, waits for them and tells how to reach them', async () => {
    const { status, stdout, calls } = await run(['up'], {
      variables: { POSTGRES_PORT: '5555', POSTGRES_PASSWORD: 'a/b$c' },
    });
    expect(status).toBe(0);
    expect(calls).toContain('compose up --detach --wait');
    expect(stdout).toContain('EVENTSTORE_URL=esdb://127.0.0.1:2113?tls=false\n');
    expect(stdout).toContain('DATABASE_URL=postgres://postgres:a%2Fb%24c@127.0.0.1:5555/mti_wifi\n');
    expect(stdout).toContain('NATS_URL=nats://127.0.0.1:4222\n');
  });

  it('runs the registry as well when it is asked to', async () => {
    const { status, stdout, calls } = await run(['up', '--service'], {
      variables: { ENCRYPTION_KEY: key, PORT: '3001' },
    });
    expect(status).toBe(0);
    expect(calls).toContain('compose --profile service up --detach --wait');
    expect(stdout).toContain('ready http://127.0.0.1:3001');
  });

  it('runs the registry with a ring of keys as well', async () => {
    const { status } = await run(['up', '--service'], { variables: { ENCRYPTION_KEYS: `new:${key}` } });
    expect(status).toBe(0);
  });

  it('says that it failed, and where to look', async () => {
    const { status, stderr } = await run(['up'], { fails: '--wait' });
    expect(status).toBe(1);
    expect(stderr).toContain('docker compose up --detach --wait ended with exit code 3; docker compose logs may say');
  });
});

describe('npm run docker:down', () => {
  it('stops everything, the registry included, and keeps what is stored', async () => {
    const { status, calls } = await run(['down']);
    expect(status).toBe(0);
    expect(calls.at(-1)).toBe('compose --profile service down');
  });
});

describe('npm run docker:reset', () => {
  it('removes everything with what it stored, and starts it anew', async () => {
    const { status, calls } = await run(['reset']);
    expect(status).toBe(0);
    const changes = calls.filter((call) => / (up|down)\b/.test(call));
    expect(changes).toEqual(['compose --profile service down --volumes', 'compose up --detach --wait']);
  });

  it('removes nothing when what is asked for cannot start', async () => {
    const { status, stderr, calls } = await run(['reset', '--service']);
    expect(status).toBe(1);
    expect(stderr).toContain('ENCRYPTION_KEY is not set');
    expect(calls.join()).not.toContain('down');
  });

  it('starts nothing when removing failed', async () => {
    const { status, calls } = await run(['reset'], { fails: 'down' });
    expect(status).toBe(1);
    expect(calls.join()).not.toContain('--wait');
  });
});

describe.each(['up', 'down', 'reset'])('npm run docker:%s', (name) => {
  it('explains itself without Docker', async () => {
    const { status, stdout, calls } = await run([name, '--help'], { docker: false });
    expect(status).toBe(0);
    expect(stdout).toMatch(new RegExp(`^npm run docker:${name}`));
    expect(calls).toEqual([]);
  });

  it.each([
    ['no Docker', { docker: false }, 'Docker is not installed: there is no docker on PATH.'],
    ['no Compose', { fails: 'compose version' }, 'This Docker has no Compose plugin.'],
    ['no engine', { fails: 'version --format' }, "Docker's engine does not answer: cannot connect"],
  ])('where there is %s says so, and what needs none', async (_, environment, message) => {
    const { status, stderr, calls } = await run([name], environment);
    expect(status).toBe(1);
    expect(stderr).toMatch(/^.*\nEither install .*\n {2}npm start .*\n {2}npm run stack .*\n$/);
    expect(stderr).toContain(message);
    expect(calls.filter((call) => / (up|down)\b/.test(call))).toEqual([]);
  });

  it('refuses an option that it does not have', async () => {
    const { status, stderr } = await run([name, '--volume']);
    expect(status).toBe(1);
    expect(stderr).toContain("Unknown option '--volume'");
  });
});

interface Circumstances {
  readonly docker?: boolean;
  /** The calls that fail: those with this in them. */
  readonly fails?: string;
  readonly variables?: Readonly<Record<string, string>>;
}

async function run(args: readonly string[], { docker = true, fails = '', variables = {} }: Circumstances = {}) {
  await using folder = await temporaryFolder();
  const calls = join(folder.path, 'calls');
  writeFileSync(calls, '');
  if (docker) {
    writeFileSync(join(folder.path, 'docker'), fakeDocker);
    chmodSync(join(folder.path, 'docker'), 0o755);
  }
  const env = { PATH: folder.path, CALLS: calls, FAILS: fails, CONFIG: resolvedConfig(variables) };
  const { status, stdout, stderr } = spawnSync(process.execPath, [script, ...args], { env, encoding: 'utf8' });
  const called = readFileSync(calls, 'utf8').split('\n').slice(0, -1);
  return { status, stdout, stderr, calls: called };
}

/** What `docker compose config --format json` prints: ports taken apart, every $ doubled. */
function resolvedConfig(variables: Readonly<Record<string, string>>): string {
  const services = Object.entries(readCompose(variables).services).map(([name, service]) => {
    const ports = (service.ports ?? []).map((port) => {
      const [address, published, target] = port.split(':');
      return { mode: 'ingress', host_ip: address, target: Number(target), published, protocol: 'tcp' };
    });
    return [name, { ...service, ports }];
  });
  return JSON.stringify({ services: Object.fromEntries(services) }).replaceAll('$', () => '$$');
}
