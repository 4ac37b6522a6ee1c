import { chmodSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { temporaryFolder } from '../test/support/temporary-folder.ts';
import { encryptionKeyOf, presentEncryptionKeyOf } from './encryption-key.ts';

describe('the encryption key of a data directory', () => {
  it('is made on first use: 32 bytes, readable by its owner alone', async () => {
    await using folder = await temporaryFolder();
    const dataDir = join(folder.path, 'not', 'there', 'yet');
    const key = encryptionKeyOf(dataDir);
    expect(Buffer.from(key, 'base64')).toHaveLength(32);
    expect(statSync(join(dataDir, 'encryption.key')).mode & 0o777).toBe(0o600);
    expect(readdirSync(dataDir)).toEqual(['encryption.key']);
  });

  it('is the same ever after, and another in another data directory', async () => {
    await using here = await temporaryFolder();
    await using there = await temporaryFolder();
    expect(encryptionKeyOf(here.path)).toBe(encryptionKeyOf(here.path));
    expect(encryptionKeyOf(here.path)).not.toBe(encryptionKeyOf(there.path));
  });

  it('is not made by whoever only asks whether there is one', async () => {
    await using folder = await temporaryFolder();
    expect(presentEncryptionKeyOf(folder.path)).toBeUndefined();
    expect(readdirSync(folder.path)).toEqual([]);
    const key = encryptionKeyOf(folder.path);
    expect(presentEncryptionKeyOf(folder.path)).toBe(key);
  });

  it.each(['', 'not base64!', Buffer.alloc(31).toString('base64'), Buffer.alloc(33).toString('base64')])(
    'is refused when damaged (%j), and never replaced',
    async (damaged) => {
      await using folder = await temporaryFolder();
      const file = join(folder.path, 'encryption.key');
      writeFileSync(file, damaged);
      expect(() => encryptionKeyOf(folder.path)).toThrow(
        /encryption\.key does not hold .* restore the file from a backup/s,
      );
      expect(() => presentEncryptionKeyOf(folder.path)).toThrow(/restore the file from a backup/);
      expect(readFileSync(file, 'utf8')).toBe(damaged);
    },
  );

  it('may be in a folder that is read-only by then', async () => {
    await using folder = await temporaryFolder();
    const key = encryptionKeyOf(folder.path);
    chmodSync(folder.path, 0o500);
    expect(encryptionKeyOf(folder.path)).toBe(key);
    chmodSync(folder.path, 0o700);
  });
});
