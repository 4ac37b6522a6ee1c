// Passwords at rest: AES-256-GCM (NIST SP 800-38D) with a fresh random 96-bit IV for each encryption.
//
// A sealed password is `v1.<key id>.<iv>.<tag>.<ciphertext>`, the last three in base64url. The gateway's id and
// the key id are authenticated with it, so that it opens for no other gateway and under no other name of a key.
import { createCipheriv, createDecipheriv, createHash, randomBytes } from 'node:crypto';
import type { GatewayId } from '../events/ids.ts';

const algorithm = 'aes-256-gcm';
const keyBytes = 32;
const ivBytes = 12;
const tagBytes = 16;

/** A sealed password that cannot be opened: altered, for another gateway, or sealed with a key that is not here. */
export class DecryptionError extends Error {
  override readonly name = 'DecryptionError';
}

export interface Encryption {
  /** Seals a password for one gateway; the same password never gives the same text twice. */
  seal(password: string, gateway: GatewayId): string;
  /** @throws DecryptionError when it was altered, belongs to another gateway or to another key */
  open(sealed: string, gateway: GatewayId): string;
}

/**
 * @param encodedKey 32 bytes in base64
 * @throws Error when it is anything else; the message does not repeat the key
 */
export function createEncryption(encodedKey: string): Encryption {
  const key = parseKey(encodedKey);
  const keyId = keyIdOf(key);

  return {
    seal: (password, gateway) => {
      const iv = randomBytes(ivBytes);
      const cipher = createCipheriv(algorithm, key, iv, { authTagLength: tagBytes });
      cipher.setAAD(authenticated(keyId, gateway));
      const text = Buffer.concat([cipher.update(password, 'utf8'), cipher.final()]);
      return ['v1', keyId, ...[iv, cipher.getAuthTag(), text].map((part) => part.toString('base64url'))].join('.');
    },
    open: (sealed, gateway) => {
      const { iv, tag, text } = parseSealed(sealed, keyId);
      const decipher = createDecipheriv(algorithm, key, iv, { authTagLength: tagBytes });
      decipher.setAAD(authenticated(keyId, gateway));
      decipher.setAuthTag(tag);
      try {
        return Buffer.concat([decipher.update(text), decipher.final()]).toString('utf8');
      } catch (cause) {
        throw new DecryptionError(`the password of gateway ${gateway} was altered or sealed for another`, { cause });
      }
    },
  };
}

function parseKey(encoded: string): Buffer {
  if (!isEncryptionKey(encoded)) {
    throw new Error('the encryption key is not 32 bytes in base64; make one with: openssl rand -base64 32');
  }
  return Buffer.from(encoded, 'base64');
}

/** Whether a text is 32 bytes in base64. */
export function isEncryptionKey(encoded: string): boolean {
  const key = Buffer.from(encoded, 'base64');
  return key.length === keyBytes && key.toString('base64') === encoded;
}

// Tells keys apart without telling anything about them.
function keyIdOf(key: Buffer): string {
  return createHash('sha256').update('gateway-registry key id').update(key).digest('hex').slice(0, 8);
}

function authenticated(keyId: string, gateway: GatewayId): Buffer {
  return Buffer.from(`v1.${keyId}.${gateway}`, 'utf8');
}

function parseSealed(sealed: string, keyId: string) {
  const [version, sealedWith, ...encoded] = sealed.split('.');
  const [iv, tag, text, ...rest] = encoded.map((part) => Buffer.from(part, 'base64url'));
  const wellFormed =
    version === 'v1' &&
    rest.length === 0 &&
    iv?.length === ivBytes &&
    tag?.length === tagBytes &&
    text !== undefined &&
    // Base64 has spare bits at the end that decode to the same bytes: only the one true spelling is taken.
    [iv, tag, text].every((part, index) => part.toString('base64url') === encoded[index]);
  if (!wellFormed) throw new DecryptionError('this is not a sealed password');
  if (sealedWith !== keyId) {
    throw new DecryptionError(`the password was sealed with key ${sealedWith}; the key here is ${keyId}`);
  }
  return { iv, tag, text };
}
