import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Stack, useStack } from '../../embedded/stack.ts';
import { dataFolder, type TemporaryFolder } from '../support/temporary-folder.ts';
import { runCommand, startService } from './service.ts';

const northWing = '01900000-0000-7000-8000-000000000201';
const development = { NODE_ENV: 'development' };

let folder: TemporaryFolder;
let servers: Stack;

// The commands join these, as they would those of npm run stack.
beforeAll(async () => {
  folder = await dataFolder();
  servers = await useStack({ dataDir: folder.path, servers: ['eventStore', 'postgres'], log: () => undefined });
});

afterAll(async () => {
  await servers?.stop();
  await folder?.[Symbol.asyncDispose]();
});

describe('the database commands', () => {
  it('tell what is missing, make it, and tell that nothing is', async () => {
    const before = await run('db:status');
    expect(before.code).toBe(1);
    expect(before.output).toContain('npm run db:migrate');
    expect(before.output).not.toContain(new URL(servers.urls.postgres ?? '').password);

    // The log is empty, so that it seeds.
    const reset = await run('db:reset');
    expect(reset.output).toContain('Seeded 6 gateways');
    expect(reset.output).toContain('Replayed 10 events');
    expect(reset.code).toBe(0);

    const after = await run('db:status');
    expect(after.code).toBe(0);
    expect(after.output).toMatch(/nothing is missing\n.*\n.*\ngateways +6$/m);
  });

  it('change nothing when they seed again', async () => {
    const again = await run('db:seed');
    expect(again.code).toBe(0);
    expect(again.output).toContain('6 gateways already there');
    expect(again.output).not.toContain('Seeded');
  });

  it('reset under a running service, which comes back by itself', async () => {
    await using service = await startService({ dataDir: folder.path });
    expect((await service.ask('GET', `/api/gateways/${northWing}`)).body.name).toBe('North Wing Gateway');

    expect((await run('db:reset')).code).toBe(0);

    await expect.poll(async () => (await service.ask('GET', '/api/gateways')).status, { timeout: 10_000 }).toBe(200);
    expect((await service.ask('GET', '/api/gateways')).body.pagination.total).toBe(6);
    await expect.poll(async () => await updated(), { timeout: 10_000 }).toBe('current');

    async function updated() {
      const name = `Renamed at ${performance.now()}`;
      return (await service.ask('PUT', `/api/gateways/${northWing}`, { name })).headers.get('x-projection');
    }
  });

  it('refuse in production what is for developers', async () => {
    const production = { NODE_ENV: 'production' };
    const [reset, seed] = await Promise.all([run('db:reset', [], production), run('db:seed', [], production)]);
    expect(reset.code).toBe(1);
    expect(reset.output).toContain('npm run db:reset -- --force=mti_wifi');
    expect(seed.code).toBe(1);
    expect(seed.output).toContain('in development only');
  });

  it('refuse what they do not know, with a line on how they are used', async () => {
    const [flag, argument, name, projections, publishing] = await Promise.all([
      run('db:reset', ['--forse=mti_wifi']),
      run('db:seed', ['twice']),
      run('db:migrate:create', ['Not A Name']),
      run('projections', ['rebiuld']),
      run('publishing', ['rebiuld-state']),
    ]);
    expect(flag).toMatchObject({ code: 1, output: expect.stringContaining('Usage: npm run db:reset') });
    expect(argument).toMatchObject({ code: 1, output: expect.stringContaining('Usage: npm run db:seed') });
    expect(name).toMatchObject({ code: 1, output: expect.stringContaining('kebab case') });
    // At once, without servers.
    expect(projections).toMatchObject({ code: 1, output: expect.stringMatching(/^Unknown: rebiuld\. There are /) });
    expect(publishing).toMatchObject({
      code: 1,
      output: expect.stringMatching(/^Unknown: rebiuld-state\. There are /),
    });
  });
});

describe('the file .env', () => {
  it('is read from the working directory, and gives way to the environment', async () => {
    await using other = await dataFolder();
    await writeFile(join(other.path, '.env'), 'DATABASE_URL=postgres://me:hunter2@127.0.0.1:1/of_the_file\n');

    const [fromFile, fromEnvironment] = await Promise.all([
      runCommand(['db:migrate'], other.path),
      runCommand(['db:migrate'], other.path, { DATABASE_URL: 'postgres://127.0.0.1:1/of_the_environment' }),
    ]);
    expect(fromFile.code).toBe(1);
    expect(fromFile.output).toContain('Postgres at postgres://me@127.0.0.1:1/of_the_file cannot be reached');
    expect(fromEnvironment.output).toContain('of_the_environment');
  });
});

function run(command: string, args: readonly string[] = [], environment = development) {
  return runCommand([command, ...args], folder.path, environment);
}
