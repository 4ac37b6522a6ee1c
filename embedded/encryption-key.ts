import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { secretFile } from './secret-file.ts';

const keyBytes = 32;

/**
 * The key that encrypts the passwords kept in this data directory's event store: 32 bytes, base64. Made once, in
 * `<dataDir>/encryption.key`. Throws when the file does not hold such a key: a new one could read none of the passwords
 * stored so far, so only a person can decide.
 */
export function encryptionKeyOf(dataDir: string): string {
  const file = join(dataDir, 'encryption.key');
  const key = secretFile(file, () => randomBytes(keyBytes).toString('base64'));
  const bytes = Buffer.from(key, 'base64');
  if (bytes.length === keyBytes && bytes.toString('base64') === key) return key;
  throw new Error(
    `${file} does not hold an encryption key (${keyBytes} bytes in base64). The gateway passwords stored so far can be ` +
      'read with the key that was there and no other: restore the file from a backup. Only if there are no passwords to ' +
      'keep, delete it: a new key is made at the next start.',
  );
}
