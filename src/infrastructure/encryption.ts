// Passwords at rest: AES-256-GCM (NIST SP 800-38D) with a fresh random 96-bit IV for each encryption.
//
// A sealed password is `v1.<key id>.<iv>.<tag>.<ciphertext>`, the last three in base64url. The gateway's id and
// the key id are authenticated with it, so that it opens for no other gateway and under no other name of a key.
import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import type { GatewayId } from '../events/ids.ts';
import type { KeyRing } from './key-ring.ts';

const algorithm = 'aes-256-gcm';
const ivBytes = 12;
const tagBytes = 16;

/** A sealed password that cannot be opened: altered, for another gateway, or sealed with a key that is not here. */
export class DecryptionError extends Error {
  override readonly name = 'DecryptionError';
}

export interface Encryption {
  /** The id of the key that seals. */
  readonly primaryKeyId: string;
  /** Seals a password for one gateway; the same password never gives the same text twice. */
  seal(password: string, gateway: GatewayId): string;
  /** @throws DecryptionError when it was altered, belongs to another gateway or to a key that is not here */
  open(sealed: string, gateway: GatewayId): string;
  /**
   * Seals a sealed password anew; undefined when the key that seals has sealed it.
   *
   * @throws DecryptionError as `open`
   */
  reseal(sealed: string, gateway: GatewayId): string | undefined;
  /** The id of the key that sealed a password, be that key here or not; undefined when it is no sealed password. */
  keyIdOf(sealed: string): string | undefined;
}

/** @param ring its first key seals, all of them open */
export function createEncryption(ring: KeyRing): Encryption {
  const [primary] = ring;
  const keys = new Map(ring.map(({ id, key }) => [id, key]));

  return {
    primaryKeyId: primary.id,
    seal,
    open,
    reseal: (sealed, gateway) =>
      parseSealed(sealed)?.keyId === primary.id ? undefined : seal(open(sealed, gateway), gateway),
    keyIdOf: (sealed) => parseSealed(sealed)?.keyId,
  };

  function seal(password: string, gateway: GatewayId): string {
    const iv = randomBytes(ivBytes);
    const cipher = createCipheriv(algorithm, primary.key, iv, { authTagLength: tagBytes });
    cipher.setAAD(authenticated(primary.id, gateway));
    const text = Buffer.concat([cipher.update(password, 'utf8'), cipher.final()]);
    return ['v1', primary.id, ...[iv, cipher.getAuthTag(), text].map((part) => part.toString('base64url'))].join('.');
  }

  function open(sealed: string, gateway: GatewayId): string {
    const parsed = parseSealed(sealed);
    if (parsed === undefined) throw new DecryptionError(`what gateway ${gateway} has is not a sealed password`);
    const { keyId, iv, tag, text } = parsed;
    const key = keys.get(keyId);
    if (key === undefined) {
      throw new DecryptionError(
        `the password of gateway ${gateway} was sealed with key ${keyId}, which is not here (${[...keys.keys()].join(', ')} ` +
          `${keys.size === 1 ? 'is' : 'are'}): add it to ENCRYPTION_KEYS`,
      );
    }
    const decipher = createDecipheriv(algorithm, key, iv, { authTagLength: tagBytes });
    decipher.setAAD(authenticated(keyId, gateway));
    decipher.setAuthTag(tag);
    try {
      return Buffer.concat([decipher.update(text), decipher.final()]).toString('utf8');
    } catch (cause) {
      throw new DecryptionError(
        `the password of gateway ${gateway} does not open with key ${keyId}: it was altered or sealed for another ` +
          'gateway, or another key had this id',
        { cause },
      );
    }
  }
}

function authenticated(keyId: string, gateway: GatewayId): Buffer {
  return Buffer.from(`v1.${keyId}.${gateway}`, 'utf8');
}

function parseSealed(sealed: string) {
  const [version, keyId, ...encoded] = sealed.split('.');
  const [iv, tag, text, ...rest] = encoded.map((part) => Buffer.from(part, 'base64url'));
  const wellFormed =
    version === 'v1' &&
    keyId !== undefined &&
    rest.length === 0 &&
    iv?.length === ivBytes &&
    tag?.length === tagBytes &&
    text !== undefined &&
    // Base64 has spare bits at the end that decode to the same bytes: only the one true spelling is taken.
    [iv, tag, text].every((part, index) => part.toString('base64url') === encoded[index]);
  return wellFormed ? { keyId, iv, tag, text } : undefined;
}
