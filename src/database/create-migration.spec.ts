import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type TemporaryFolder, temporaryFolder } from '../../test/support/temporary-folder.ts';
import { createMigration } from './create-migration.ts';

let folder: TemporaryFolder;

beforeEach(async () => {
  folder = await temporaryFolder();
});

afterEach(() => folder[Symbol.asyncDispose]());

describe('a new migration', () => {
  it('is named by the time and what it does, and goes forward only', async () => {
    const path = await create('add-gateway-notes', 1_800_000_000_000);
    expect(basename(path)).toBe('1800000000000_add-gateway-notes.ts');
    const migration: { up?: (pgm: object) => void } = await import(pathToFileURL(resolve(path)).href);
    expect(Object.keys(migration)).toEqual(['up']);

    const statements: string[] = [];
    migration.up?.({ sql: (statement: string) => statements.push(statement) });
    expect(statements).toEqual([expect.stringContaining('RAISE EXCEPTION')]);
  });

  it('comes after the last one, also when the clock is behind', async () => {
    await writeFile(join(folder.path, '1900000000000_first.ts'), '');
    expect(basename(await create('second', 1_800_000_000_000))).toBe('1900000000001_second.ts');
  });

  it.each(['', 'Add', 'add_notes', 'add notes', '-add', 'add-', 'add--notes', '../add', '1add', 'add.ts'])(
    'is refused the name "%s"',
    async (name) => {
      await expect(create(name)).rejects.toThrow(/kebab case/);
      expect(await readdir(folder.path)).toEqual([]);
    },
  );

  it('is refused the name of another', async () => {
    const path = await create('add-notes');
    const before = await readFile(path, 'utf8');
    await expect(create('add-notes')).rejects.toThrow(basename(path));
    expect(await readFile(path, 'utf8')).toBe(before);
  });

  it('is the first of a folder that holds none', async () => {
    await mkdir(join(folder.path, 'other'));
    expect(basename(await create('first', 7))).toBe('7_first.ts');
  });
});

function create(name: string, now = 1_800_000_000_000): Promise<string> {
  return createMigration({ name, directory: folder.path, now: () => now });
}
