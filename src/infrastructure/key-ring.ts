// The keys that passwords are encrypted with. The first one encrypts, every one of them decrypts: a new key is put first,
// passwords are moved to it, and the old one is taken out.
//
// Keys are KeyObjects, which neither a log nor an error can spell out. What is told of a key is its id.
import { createHash, createSecretKey, hkdfSync, type KeyObject } from 'node:crypto';

export interface EncryptionKey {
  /** 1 to 32 letters, digits, `_` and `-`. It is no secret: whatever is sealed with the key names it. */
  readonly id: string;
  readonly key: KeyObject;
}

/** The keys by which passwords open, each id once; the first one seals. */
export type KeyRing = readonly [EncryptionKey, ...EncryptionKey[]];

/** A key or a ring that is none. The message names keys by id or place, and repeats nothing that might be a key. */
export class KeyRingError extends Error {
  override readonly name = 'KeyRingError';
}

const keyBytes = 32;
const form = 'id:key, the id 1 to 32 letters, digits, _ or -, the key 32 bytes in base64';

/**
 * What ENCRYPTION_KEYS says: `id:base64`, separated by commas.
 *
 * @throws KeyRingError
 */
export function parseKeys(text: string): KeyRing {
  return ringOf(text.split(',').map((entry, index) => parseEntry(entry.trim(), index + 1)));
}

function parseEntry(entry: string, place: number): EncryptionKey {
  const [id = '', encoded, ...more] = entry.split(':');
  if (!/^[A-Za-z0-9_-]{1,32}$/.test(id) || encoded === undefined)
    throw new KeyRingError(`entry ${place} is not ${form}`);
  if (more.length > 0 || !isEncryptionKey(encoded)) throw new KeyRingError(`key ${id} is not 32 bytes in base64`);
  return { id, key: keyOf(encoded) };
}

/**
 * What ENCRYPTION_KEY says, 32 bytes in base64: a key whose id is made of itself.
 *
 * @throws KeyRingError
 */
export function parseKey(encoded: string): EncryptionKey {
  if (!isEncryptionKey(encoded)) {
    throw new KeyRingError('the encryption key is not 32 bytes in base64; make one with: openssl rand -base64 32');
  }
  const key = keyOf(encoded);
  return { id: idOf(key), key };
}

/** Whether a key's id is made of the key: then no other key has had it. */
export function isNamedAfterItself({ id, key }: EncryptionKey): boolean {
  return id === idOf(key);
}

/** Whether a text is 32 bytes in base64. */
export function isEncryptionKey(encoded: string): boolean {
  const key = Buffer.from(encoded, 'base64');
  return key.length === keyBytes && key.toString('base64') === encoded;
}

/**
 * A ring of keys. One that is there twice under the same id counts once.
 *
 * @throws KeyRingError when there is none, or two have the same id
 */
export function ringOf(keys: readonly EncryptionKey[]): KeyRing {
  const ring: EncryptionKey[] = [];
  for (const { id, key } of keys) {
    const same = ring.find((present) => present.id === id);
    if (same === undefined) ring.push({ id, key });
    else if (!same.key.equals(key)) throw new KeyRingError(`two keys have the id ${id}`);
  }
  const [first, ...rest] = ring;
  if (first === undefined) throw new KeyRingError('there is no encryption key');
  return [first, ...rest];
}

/**
 * A secret for each key, in the order of the ring, by which idempotency keys are recognized and not told. Derived (HKDF,
 * RFC 5869), so that it says nothing about the key and is of no use for passwords.
 */
export function idempotencySecretsOf(ring: KeyRing): readonly Buffer[] {
  return ring.map(({ key }) => Buffer.from(hkdfSync('sha256', key, '', 'gateway-registry idempotency keys', 32)));
}

function keyOf(encoded: string): KeyObject {
  return createSecretKey(encoded, 'base64');
}

// Tells keys apart without telling anything about them.
function idOf(key: KeyObject): string {
  return createHash('sha256').update('gateway-registry key id').update(key.export()).digest('hex').slice(0, 8);
}
