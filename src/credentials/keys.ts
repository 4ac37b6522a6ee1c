// The keys of both sides, 32 raw bytes in base64url each: Ed25519 for who signs tokens, X25519 for who is to read a password.
import { createPrivateKey, createPublicKey, diffieHellman, generateKeyPairSync, type KeyObject } from 'node:crypto';

export type Curve = 'Ed25519' | 'X25519';

/** A key that tokens are signed with, or that their signatures are checked with; a token names it. */
export interface SigningKey {
  /** 1 to 32 letters, digits, `_` and `-`. */
  readonly id: string;
  readonly key: KeyObject;
}

/** A text that is no key. The message repeats nothing of it: it may be a private key in the wrong place. */
export class KeyError extends Error {
  override readonly name = 'KeyError';
}

const keyBytes = 32;

/** What stands before the 32 bytes of a private key in PKCS #8 (RFC 8410, section 7). */
const privateKeyPrefix: Readonly<Record<Curve, string>> = {
  Ed25519: '302e020100300506032b657004220420',
  X25519: '302e020100300506032b656e04220420',
};

/** Any private key: only whether it agrees on anything with somebody's public key is asked. */
const { privateKey: probe } = generateKeyPairSync('x25519');

/**
 * What CREDENTIALS_PUBLIC_KEYS says: `id:key`, separated by commas.
 *
 * @throws KeyError
 */
export function parseVerifyingKeys(text: string): readonly SigningKey[] {
  const keys = text.split(',').map((entry, index) => parseEntry(entry.trim(), `entry ${index + 1}`, publicKeyOf));
  const twice = keys.find(({ id }, index) => keys.findIndex((other) => other.id === id) !== index);
  if (twice !== undefined) throw new KeyError(`two keys have the id ${twice.id}`);
  return keys;
}

/**
 * A private key as `keygen` prints it: `id:key`.
 *
 * @throws KeyError
 */
export function parseSigningKey(text: string): SigningKey {
  return parseEntry(text.trim(), 'the private key', privateKeyOf);
}

function parseEntry(entry: string, what: string, keyOf: (curve: Curve, encoded: string) => KeyObject): SigningKey {
  const [id = '', encoded = '', ...more] = entry.split(':');
  if (!/^[A-Za-z0-9_-]{1,32}$/.test(id) || !isKey(encoded) || more.length > 0) {
    throw new KeyError(`${what} is not id:key, the id 1 to 32 letters, digits, _ or -, the key 32 bytes in base64url`);
  }
  return { id, key: keyOf('Ed25519', encoded) };
}

/**
 * The public key of a connector; undefined when a text is none, or one that agrees on the same secret with everybody
 * (RFC 7748, section 6.1).
 */
export function connectorKeyOf(encoded: string): KeyObject | undefined {
  if (!isKey(encoded)) return undefined;
  const publicKey = publicKeyOf('X25519', encoded);
  try {
    return diffieHellman({ privateKey: probe, publicKey }).some((byte) => byte !== 0) ? publicKey : undefined;
  } catch {
    // OpenSSL refuses to derive a secret that is all zero.
    return undefined;
  }
}

/** The 32 bytes of a public key, in base64url. */
export function encodePublicKey(publicKey: KeyObject): string {
  return partOf(publicKey, 'x');
}

/** The 32 bytes of a private key, in base64url. */
export function encodePrivateKey(privateKey: KeyObject): string {
  return partOf(privateKey, 'd');
}

/** @param encoded 32 bytes in base64url */
export function privateKeyOf(curve: Curve, encoded: string): KeyObject {
  const key = Buffer.concat([Buffer.from(privateKeyPrefix[curve], 'hex'), Buffer.from(encoded, 'base64url')]);
  return createPrivateKey({ key, format: 'der', type: 'pkcs8' });
}

function publicKeyOf(crv: Curve, x: string): KeyObject {
  return createPublicKey({ key: { kty: 'OKP', crv, x }, format: 'jwk' });
}

function partOf(key: KeyObject, name: 'x' | 'd'): string {
  const part = key.export({ format: 'jwk' })[name];
  if (part === undefined) throw new Error(`a key without ${name}`);
  return part;
}

// Base64 has spare bits at the end that decode to the same bytes: only the one true spelling is taken.
function isKey(encoded: string): boolean {
  const bytes = Buffer.from(encoded, 'base64url');
  return bytes.length === keyBytes && bytes.toString('base64url') === encoded;
}
