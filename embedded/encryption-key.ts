import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { presentSecret, secretFile } from './secret-file.ts';

const keyBytes = 32;

/**
 * The key that encrypts the passwords kept in this data directory's event store: 32 bytes, base64. Made once, in
 * `<dataDir>/encryption.key`. Throws when the file does not hold such a key: a new one could read none of the passwords
 * stored so far, so only a person can decide.
 */
export function encryptionKeyOf(dataDir: string): string {
  const file = fileIn(dataDir);
  return checked(
    secretFile(file, () => randomBytes(keyBytes).toString('base64')),
    file,
  );
}

/** The same key if it was made, else undefined; with keys from elsewhere none is made. Throws as `encryptionKeyOf`. */
export function presentEncryptionKeyOf(dataDir: string): string | undefined {
  const file = fileIn(dataDir);
  const key = presentSecret(file);
  return key === undefined ? undefined : checked(key, file);
}

function fileIn(dataDir: string): string {
  return join(dataDir, 'encryption.key');
}

function checked(key: string, file: string): string {
  const bytes = Buffer.from(key, 'base64');
  if (bytes.length === keyBytes && bytes.toString('base64') === key) return key;
  throw new Error(
    `${file} does not hold an encryption key (${keyBytes} bytes in base64). The gateway passwords stored so far can be ` +
      'read with the key that was there and no other: restore the file from a backup. Only if there are no passwords to ' +
      'keep, delete it: a new key is made at the next start.',
  );
}
