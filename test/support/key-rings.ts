// Keys for specs: the same ones everywhere, and worth nothing.
import { type EncryptionKey, parseKey, parseKeys, ringOf } from '../../src/infrastructure/key-ring.ts';

/** 32 times the same byte, in base64. */
export function encodedKey(byte: number): string {
  return Buffer.alloc(32, byte).toString('base64');
}

/** A key that has a name. */
export function aKeyCalled(id: string, byte: number): EncryptionKey {
  return parseKeys(`${id}:${encodedKey(byte)}`)[0];
}

/** The ring of whoever sets ENCRYPTION_KEY alone. */
export const aKeyRing = ringOf([parseKey(encodedKey(0xa1))]);
