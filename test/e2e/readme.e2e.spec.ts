// Every command of README.md, run as it stands there; only addresses and the data directory are those of the test.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { useStack } from '../../embedded/stack.ts';
import { eventually } from '../support/eventually.ts';
import { plainEnvironment } from '../support/plain-environment.ts';
import { type TemporaryFolder, temporaryFolder } from '../support/temporary-folder.ts';
import { type Service, startService } from './service.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const readme = readFileSync(join(root, 'README.md'), 'utf8');
const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
  scripts: Readonly<Record<string, string>>;
};

/** The blocks of shell commands under a heading. */
function blocksUnder(heading: string): readonly string[] {
  const section = readme.split(/^## /m).find((part) => part.startsWith(`${heading}\n`)) ?? '';
  return [...section.matchAll(/^```sh\n([\s\S]*?)^```$/gm)].map(([, block = '']) => block);
}

let folder: TemporaryFolder;

beforeAll(async () => {
  folder = await temporaryFolder();
});

afterAll(() => folder?.[Symbol.asyncDispose]());

describe('README.md', () => {
  it('has commands under these headings and no others, so that all of them are run here', () => {
    const headings = readme
      .split(/^## /m)
      .flatMap((part) => (part.includes('\n```sh\n') ? [part.split('\n', 1)[0]] : []));

    expect(headings).toEqual(['Two commands', 'The life of a gateway', 'Servers that run elsewhere', 'Containers']);
  });

  it('names every npm script that there is, and only those', () => {
    const named = [...readme.matchAll(/npm (?:run ([\w:-]+)|(start|test))\b/g)].map(
      ([, run, word]) => run ?? word ?? '',
    );
    const there = Object.keys(scripts).filter((name) => !name.startsWith('pre'));

    expect([...new Set(named)].sort()).toEqual(there.sort());
  });
});

describe('the two commands', () => {
  it('are these, and do what the tests here start and are', () => {
    const commands = blocksUnder('Two commands')[0]
      ?.split('\n')
      .map((line) => line.split('#')[0]?.trim());

    expect(commands).toEqual(['npm start', 'npm test', '']);
    expect(scripts.start).toBe('exec node src/main.ts');
    expect(scripts.test).toContain('vitest run');
  });
});

describe('the life of a gateway', () => {
  let service: Service;

  beforeAll(async () => {
    service = await startService({ dataDir: folder.path });
  });

  afterAll(() => service?.[Symbol.asyncDispose]());

  it('can be pasted, twice, and is heard by who watches', async () => {
    const [watch = '', life = ''] = blocksUnder('The life of a gateway');
    await using watching = script(watch);
    await eventually(() => expect(watching.output()).toContain('Listening'));

    for (let round = 1; round <= 2; round++) {
      const { code, output } = await bash(life.replace('http://127.0.0.1:3000', service.url));
      expect(code, output).toBe(0);
      const answers = output
        .split('\n')
        .filter((line) => line !== '')
        .map((line) => JSON.parse(line));
      expect(answers).toEqual([
        expect.objectContaining({ name: 'North Wing Gateway' }),
        expect.objectContaining({ pagination: expect.objectContaining({ total: 1 }) }),
        expect.objectContaining({ name: 'South Wing Gateway', firmware_version: '2.1.0' }),
        expect.objectContaining({ name: 'South Wing Gateway' }),
        expect.objectContaining({ deleted_at: expect.any(String) }),
        expect.objectContaining({ name: 'South Wing Gateway', gateway_id: expect.stringMatching(/^GW-SPR-\d+$/) }),
        expect.objectContaining({ pagination: { total: 5, limit: 3, hasNext: true, nextBefore: 2 } }),
        expect.objectContaining({ name: 'North Wing Gateway', firmware_version: null }),
        expect.objectContaining({ name: 'South Wing Gateway', firmware_version: '2.1.0' }),
      ]);
    }

    await eventually(() => expect(watching.output().match(/gateway-restored/g)).toHaveLength(2));
    expect(eventsIn(watching.output()).slice(0, 7)).toEqual([
      'organization-created',
      'factory-created',
      'gateway-created',
      'gateway-updated',
      'gateway-password-changed',
      'gateway-soft-deleted',
      'gateway-restored',
    ]);
  });

  it('goes on with example data', async () => {
    expect(readme).toContain('`npm run db:seed`');
    await using seeding = script('npm run db:seed');

    expect(await seeding.ended).toBe(0);
    const seeded = await service.ask('GET', '/api/organizations?name=acme');
    expect(seeded.body.pagination.total).toBe(3);
  });

  it('is to be read on a page', async () => {
    expect((await fetch(`${service.url}/docs`)).status).toBe(200);
  });
});

describe('servers that run elsewhere', () => {
  it('are migrated and served by the commands that are given', async () => {
    await using elsewhere = await temporaryFolder();
    const stack = await useStack({
      dataDir: elsewhere.path,
      servers: ['eventStore', 'postgres', 'nats'],
      log: () => undefined,
    });
    try {
      const [block = ''] = blocksUnder('Servers that run elsewhere');
      const lines = block
        .replace('esdb://localhost:2113?tls=false', stack.urls.eventStore ?? '')
        .replace('postgres://postgres:postgres@localhost:5432/mti_wifi', stack.urls.postgres ?? '')
        .replace('nats://localhost:4222', stack.urls.nats ?? '')
        .split('\n')
        .filter((line) => line !== '');
      const settings = lines.filter((line) => line.startsWith('export '));
      const [migrate, start, ...more] = lines.filter((line) => !line.startsWith('export '));
      expect([migrate, start, ...more]).toEqual(['npm run db:migrate', 'npm start']);

      const migrated = await bash([...settings, scripts['db:migrate']].join('\n'));
      expect(migrated).toMatchObject({ code: 0, output: expect.stringContaining('Applied:') });

      await using serving = script([...settings, 'export PORT=0', scripts.start].join('\n'));
      await eventually(() => expect(serving.output()).toMatch(/^ready http/m));
      const [, url] = /^ready (\S+)$/m.exec(serving.output()) ?? [];
      const health = (await (await fetch(`${url}/api/health`)).json()) as { readonly version: string };
      expect(health.version).toBe('0.1.0');
    } finally {
      await stack.stop();
    }
  });
});

describe('containers', () => {
  it.each(blocksUnder('Containers').flatMap((block) => block.trim().split('\n')))(
    'are asked for by a command that explains itself: %s',
    async (line) => {
      const [, name = ''] = /^npm run ([\w:]+)/.exec(line) ?? [];
      const { code, output } = await bash(`${scripts[name]} --help`);

      expect(code).toBe(0);
      expect(output).toContain(`npm run ${name}`);
      if (line.includes('--service')) expect(output).toContain('--service');
    },
  );
});

function eventsIn(output: string): readonly string[] {
  return [...output.matchAll(/^mti\.evt\.v1\.\S+\.([a-z-]+) \{/gm)].map(([, name = '']) => name);
}

/** Runs lines of shell to their end. */
async function bash(lines: string): Promise<{ readonly code: number | null; readonly output: string }> {
  await using running = script(`set -e\n${lines}`);
  return { code: await running.ended, output: running.output() };
}

/** An empty variable is not set, and yet wins over the .env that a developer may have. */
const unset = { EVENTSTORE_URL: '', DATABASE_URL: '', DATABASE_HOST: '', NATS_URL: '', ENCRYPTION_KEY: '', PORT: '' };

/** Starts lines of shell; `npm run x` is run as npm runs it, without the step before that looks for dependencies. */
function script(lines: string) {
  const expanded = lines.replace(/^npm run ([\w:]+)$/gm, (_, name: string) => `${scripts[name]}`);
  const environment = plainEnvironment();
  const child = spawn('bash', ['-c', expanded], {
    cwd: root,
    env: {
      ...environment,
      PATH: `${join(root, 'node_modules/.bin')}:${environment.PATH}`,
      DATA_DIR: folder.path,
      NO_COLOR: '1',
      ...unset,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text;
  });
  child.stderr.resume();
  const ended = once(child, 'close').then(([code]) => code as number | null);
  return {
    output: () => output,
    ended,
    [Symbol.asyncDispose]: async () => {
      child.kill('SIGTERM');
      await ended;
    },
  };
}
