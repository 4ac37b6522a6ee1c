import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { temporaryFolder } from '../test/support/temporary-folder.ts';
import { findNatsServer } from './nats.ts';

describe('the nats-server to run', () => {
  it('is the first on PATH that can be executed', async () => {
    await using folder = await temporaryFolder();
    const plainFile = program(join(folder.path, 'a'), 0o644);
    const executable = program(join(folder.path, 'b'), 0o755);
    const searchPath = ['', join(folder.path, 'missing'), plainFile.folder, executable.folder].join(delimiter);
    expect(findNatsServer(searchPath, () => 'packaged')).toBe(executable.file);
  });

  it('is else the one from npm', () => {
    expect(findNatsServer('', () => '/from/npm')).toBe('/from/npm');
  });

  it('is else asked for, with the ways to get it', () => {
    expect(() => findNatsServer('', () => null)).toThrow(/no nats-server on PATH.*npm.*apt install.*NATS_URL=/s);
  });
});

function program(folder: string, mode: number): { folder: string; file: string } {
  const file = join(folder, 'nats-server');
  mkdirSync(folder);
  writeFileSync(file, '');
  chmodSync(file, mode);
  return { folder, file };
}
