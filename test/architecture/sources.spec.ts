import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** Names for things without a subject. */
const drawers = ['utils', 'helpers', 'common', 'shared', 'core', 'lib'];

/** What would make a rule depend on anything but what it is given. */
const impure = /\b(async|await|Promise|Math\.random|Date\.now|setTimeout|process|crypto|console)\b|new Date\(\)/;

describe('a folder', () => {
  it('is named for its subject', () => {
    const folders = ['src', 'client', 'embedded', 'test', 'migrations', 'tools', 'docs', 'examples'].flatMap((top) => [
      top,
      ...below(top),
    ]);
    expect(folders.filter((folder) => drawers.includes(folder.split('/').at(-1) ?? ''))).toEqual([]);
  });
});

describe('the domain', () => {
  it('has no clock, no chance, and waits for nothing', () => {
    const files = readdirSync(join(root, 'src/domain')).filter((file) => !file.endsWith('.spec.ts'));
    const sources = files.map((file) => ({
      file,
      code: withoutComments(readFileSync(join(root, 'src/domain', file), 'utf8')),
    }));
    expect(sources.filter(({ code }) => impure.test(code)).map(({ file }) => file)).toEqual([]);
  });

  it.each(['async function f() {}', 'const now = Date.now();', 'Math.random()', 'const at = new Date();'])(
    'would be caught with: %s',
    (code) => {
      expect(impure.test(code)).toBe(true);
    },
  );
});

function below(folder: string): readonly string[] {
  const entries = readdirSync(join(root, folder), { withFileTypes: true });
  const folders = entries.filter((entry) => entry.isDirectory()).map(({ name }) => `${folder}/${name}`);
  return folders.flatMap((inner) => [inner, ...below(inner)]);
}

function withoutComments(code: string): string {
  return code.replace(/\/\*[\s\S]*?\*\//g, '').replace(/\/\/.*$/gm, '');
}
