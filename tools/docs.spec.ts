import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { promisify } from 'node:util';
import { type Config, createConfig, lintFromString } from '@redocly/openapi-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { definitions } from '../src/events/catalogue.ts';
import { usualTiming } from '../src/presence/timing.ts';
import { generatedFiles } from './docs.ts';

const project = new URL('../', import.meta.url);
const tool = new URL('docs.ts', import.meta.url).pathname;

const files = ['docs/openapi.json', 'docs/asyncapi.yaml', 'docs/events.md', 'client/src/contract.ts'];

let generated: Readonly<Record<string, string>>;

beforeAll(async () => {
  generated = await generatedFiles();
});

describe('what is generated', () => {
  it.each(files)('is what npm run docs writes: %s', (path) => {
    const isCurrent = readFileSync(new URL(path, project), 'utf8') === generated[path];
    expect(isCurrent, `${path} is stale: npm run docs`).toBe(true);
  });

  it('is all there is', () => {
    expect(Object.keys(generated)).toEqual(files);
  });
});

describe('docs/events.md', () => {
  it('has a section of every event, with when it happens, its fields and an example', () => {
    for (const [type, { happens, data }] of definitions) {
      const section = sectionOf(type);
      expect(section).toContain(happens);
      for (const field of fieldsOf(data)) {
        expect(section).toContain(`| \`${field}\``);
      }
      expect(section).toContain('```json\n{');
    }
  });

  it('says where an event is published, and with what', () => {
    expect(sectionOf('GatewayUpdated')).toContain(
      'Published as `mti.evt.v1.<organization>.<factory>.gateway.<gateway>.gateway-updated` with `id`, ',
    );
    expect(sectionOf('GatewayIdReserved')).toContain('Not published');
  });

  it('has links that lead somewhere', () => {
    const text = generated['docs/events.md'] ?? '';
    const headings = [...text.matchAll(/^#+ (\w+)$/gm)].map(([, heading]) => heading?.toLowerCase());
    const links = [...text.matchAll(/\]\(#(\w+)\)/g)].map(([, link]) => link);
    expect(links).toHaveLength(definitions.size);
    expect(links.filter((link) => !headings.includes(link))).toEqual([]);
  });
});

describe('what is said of presence', () => {
  const [threshold, debounce] = [usualTiming.threshold / 1_000, usualTiming.debounce / 1_000];

  it.each([
    ['README.md', `at most ${threshold} seconds and the time`],
    ['README.md', `within ${debounce} seconds`],
    ['docs/openapi.json', `at most ${threshold} seconds and the time between two heartbeats`],
    ['docs/events.md', `up to ${threshold} seconds and the time between two heartbeats earlier`],
    ['docs/adr/0018-presence.md', `No two changes of a gateway within ${debounce} s.`],
    ['docs/adr/0018-presence.md', `is up to ${threshold} s and a beat old`],
  ])('is what it does: %s, %s', (path, told) => {
    expect(generated[path] ?? readFileSync(new URL(path, project), 'utf8')).toContain(told);
  });
});

describe('docs/openapi.json', () => {
  it('is OpenAPI 3.1 that the linter has nothing against', async () => {
    expect(await problemsOf(generated['docs/openapi.json'] ?? '')).toEqual([]);
  });

  it.each([
    ['a keyword that OpenAPI does not know', '"operationId":', '"operationid":', 'struct'],
    ['a reference that leads nowhere', 'schemas/ShownGateway"', 'schemas/ShownGatway"', 'no-unresolved-refs'],
    ['an example that is not of its schema', '"hasNext": false', '"hasNext": 0', 'no-invalid-media-type-examples'],
    [
      'an example with a field too many',
      '"timezone": "America',
      '"zone": 1, "timezone": "America',
      'no-invalid-media-type-examples',
    ],
  ])('would not pass with %s', async (_, sound, broken, rule) => {
    const text = generated['docs/openapi.json'] ?? '';
    expect(text).toContain(sound);
    expect(await problemsOf(text.replaceAll(sound, broken))).toContain(rule);
  });
});

// A process of its own, which a busy machine takes seconds to start.
describe('npm run docs', { timeout: 30_000 }, () => {
  it('explains itself', async () => {
    const { stdout } = await run('--help');
    expect(stdout).toMatch(/^npm run docs\n/);
    for (const path of Object.keys(generated)) expect(stdout).toContain(path);
  });

  it('refuses what it does not know', async () => {
    await expect(run('--watch')).rejects.toMatchObject({ code: 1, stderr: 'Unknown: --watch. --help explains.\n' });
  });
});

/** The section of an event, without that of the next. */
function sectionOf(type: string): string {
  const [, section = ''] = (generated['docs/events.md'] ?? '').split(`### ${type}\n`);
  return section.split(/^##/m)[0] ?? '';
}

function fieldsOf(data: object): readonly string[] {
  return 'shape' in data ? Object.keys(data.shape as object) : [];
}

async function problemsOf(source: string): Promise<readonly string[]> {
  const problems = await lintFromString({ source, absoluteRef: '/openapi.json', config: await linterConfig() });
  return problems.map(({ ruleId }) => ruleId);
}

function linterConfig(): Promise<Config> {
  return createConfig({
    extends: ['recommended-strict'],
    rules: {
      'operation-singular-tag': 'error',
      'operation-tag-defined': 'error',
      'parameter-description': 'error',
      // This is not for everybody to use.
      'info-license': 'off',
    },
  });
}

function run(...args: readonly string[]) {
  return promisify(execFile)(process.execPath, [tool, ...args]);
}
