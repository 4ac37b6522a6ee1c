import { describe, expect, it } from 'vitest';
import { useStack } from '../../embedded/stack.ts';
import { until } from '../../embedded/until.ts';
import { dataFolder } from '../support/temporary-folder.ts';
import { commandOf, descendantsOf, isAlive, pidOf, runCommand, startService } from './service.ts';

const organization = { name: 'Acme' };
const login = { email: 'admin@example.com', password: 'correct horse' };

/** Of all ports the one that nothing listens on: ports below 1024 are given out by hand. */
const closedPort = 1;

describe('while Postgres and NATS are away', () => {
  it('commands are taken, queries answer 503, health says degraded', async () => {
    await using folder = await dataFolder();
    await using service = await startService({
      dataDir: folder.path,
      environment: {
        DATABASE_URL: `postgres://nobody@127.0.0.1:${closedPort}/mti_wifi`,
        NATS_URL: `nats://127.0.0.1:${closedPort}`,
      },
    });

    const created = await service.ask('POST', '/api/organizations', organization);
    expect(created.status).toBe(201);
    expect(created.headers.get('x-projection')).toBe('pending');

    const path = `/api/organizations/${created.body.id}`;
    expect((await service.ask('PUT', path, { name: 'Acme Industries' })).status).toBe(200);

    // What is observed of a gateway only tables could tell.
    const factory = { organization_id: created.body.id, name: 'Springfield Plant' };
    const { body: plant } = await service.ask('POST', '/api/factories', factory);
    const gateway = { factory_id: plant.id, gateway_id: 'GW-1', name: 'North', url: 'ws://10.0.0.1', ...login };
    const { body: made } = await service.ask('POST', '/api/gateways', gateway);
    expect(made.status).toBe('never_seen');
    const renamed = await service.ask('PUT', `/api/gateways/${made.id}`, { name: 'South' });
    expect([renamed.status, renamed.body.name, renamed.body.status]).toEqual([200, 'South', undefined]);

    const query = await service.ask('GET', path);
    expect(query.status).toBe(503);
    expect(query.headers.get('retry-after')).toBe('1');
    expect(query.body.error.code).toBe('SERVICE_UNAVAILABLE');

    expect((await service.ask('GET', '/api/health')).body.status).toBe('degraded');
  });
});

describe('while the event store is away', () => {
  it('queries are answered, commands get 503', async () => {
    await using folder = await dataFolder();
    await using service = await startService({
      dataDir: folder.path,
      environment: {
        EVENTSTORE_URL: `esdb://127.0.0.1:${closedPort}?tls=false`,
        ENCRYPTION_KEY: Buffer.alloc(32, 7).toString('base64'),
      },
    });

    expect((await service.ask('GET', '/api/organizations')).body.data).toEqual([]);

    const command = await service.ask('POST', '/api/organizations', organization);
    expect(command.status).toBe(503);
    expect(command.headers.get('retry-after')).toBe('1');
  });
});

describe('a database that is not ours', () => {
  it('is migrated by a command, and until then the service refuses to start and names it', async () => {
    await using folder = await dataFolder();
    await using servers = await useServers(folder.path);
    const environment = { DATABASE_URL: servers.databaseUrl, PORT: '0' };

    const refused = await runCommand([], folder.path, environment);
    expect(refused.code).toBe(1);
    expect(refused.output).toContain('npm run db:migrate');

    const migrated = await runCommand(['db:migrate'], folder.path, environment);
    expect(migrated).toMatchObject({ code: 0, output: expect.stringContaining('1707345600001_create-organizations') });
    const again = await runCommand(['db:migrate'], folder.path, environment);
    expect(again).toMatchObject({ code: 0, output: expect.stringContaining('up to date') });

    await using service = await startService({ dataDir: folder.path, environment });
    expect((await service.ask('POST', '/api/organizations', organization)).headers.get('x-projection')).toBe('current');
  });
});

describe('an embedded server that dies', () => {
  it.each(['nats-server', 'postgres', 'event-store'])(
    'ends the service with its name, and nothing stays: %s',
    async (name) => {
      await using folder = await dataFolder();
      const service = await startService({ dataDir: folder.path });
      const children = descendantsOf(pidOf(service));
      const [victim = 0] = children.filter((pid) => commandOf(pid).includes(name) && !commandOf(pid).startsWith('sh '));

      process.kill(victim, 'SIGKILL');

      expect(await service.ended).toBe(1);
      expect(service.log()).toMatch(/ended unexpectedly/);
      expect(await until(() => !children.some(isAlive), 10_000)).toBe(true);
      // What a Postgres that was killed leaves in shared memory the next one on its files removes, and only that.
      if (name === 'postgres') await (await useServers(folder.path))[Symbol.asyncDispose]();
    },
  );
});

describe('a start that cannot succeed', () => {
  it.each([
    ['a key that is too short', { ENCRYPTION_KEY: 'c2VjcmV0' }, 'the encryption key is not 32 bytes in base64'],
    ['a port that is none', { PORT: 'eighty' }, 'PORT must be a port'],
    [
      'no key for an event store of somebody else',
      { EVENTSTORE_URL: 'esdb://127.0.0.1:1?tls=false' },
      'ENCRYPTION_KEYS is not set, nor is ENCRYPTION_KEY',
    ],
  ])('ends at once with the reason: %s', async (_, environment, reason) => {
    await using folder = await dataFolder();

    const { code, output } = await runCommand([], folder.path, environment);

    expect(code).toBe(1);
    expect(output).toContain(reason);
    expect(output).not.toContain('c2VjcmV0');
  });

  it('says that the port is taken', async () => {
    await using folder = await dataFolder();
    await using service = await startService({ dataDir: folder.path });

    const second = await runCommand([], folder.path, { PORT: new URL(service.url).port });

    expect(second.code).toBe(1);
    expect(second.output).toContain(`127.0.0.1:${new URL(service.url).port}`);
  });

  it('says that it is the host that cannot be listened on, and blames no server', async () => {
    await using folder = await dataFolder();

    // No name has an empty part: that is known without asking anybody.
    const { code, output } = await runCommand([], folder.path, { HOST: 'registry..example', PORT: '0' });

    expect(code).toBe(1);
    expect(output).toContain('The service cannot listen on registry..example:0 (ENOTFOUND). Correct HOST');
    expect(output).not.toContain('DATABASE_URL');
  });
});

it.each([[['--help']], [['serve', '--help']], [['db:migrate', '--help']]])('%s explains itself', async (args) => {
  await using folder = await dataFolder();

  const { code, output } = await runCommand(args, folder.path);

  expect(code).toBe(0);
  expect(output).toContain('DATABASE_URL');
});

/** The servers of a data directory, as `npm run stack` runs them. */
async function useServers(dataDir: string) {
  const stack = await useStack({ dataDir, servers: ['postgres'], log: () => undefined });
  const { postgres } = stack.urls;
  if (postgres === undefined) throw new Error('there is no Postgres');
  return { databaseUrl: postgres, [Symbol.asyncDispose]: () => stack.stop() };
}
