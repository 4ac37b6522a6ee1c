import { createPublicKey, generateKeyPairSync, sign, verify } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import {
  connectorKeyOf,
  encodePrivateKey,
  encodePublicKey,
  KeyError,
  parseSigningKey,
  parseVerifyingKeys,
  privateKeyOf,
} from './keys.ts';
import { thumbprintOf } from './token.ts';

const signer = generateKeyPairSync('ed25519');
const connector = generateKeyPairSync('x25519');
const data = Buffer.from('signed');

describe('a key', () => {
  it('of who signs is read back from its text', () => {
    const [verifying] = parseVerifyingKeys(`a:${encodePublicKey(signer.publicKey)}`);
    const signing = parseSigningKey(` a:${encodePrivateKey(signer.privateKey)}\n`);
    expect([verifying?.id, signing.id]).toEqual(['a', 'a']);
    expect(verify(null, data, verifying?.key ?? '', sign(null, data, signing.key))).toBe(true);
  });

  it('of a connector is read back from its text', () => {
    const text = encodePublicKey(connector.publicKey);
    expect(connectorKeyOf(text)?.equals(connector.publicKey)).toBe(true);
    const privateKey = privateKeyOf('X25519', encodePrivateKey(connector.privateKey));
    expect(createPublicKey(privateKey).equals(connector.publicKey)).toBe(true);
  });

  it.each(['', 'a', 'A'.repeat(42), `${'A'.repeat(42)}B`, 'A'.repeat(44), 'ä'.repeat(43)])(
    'of a connector is not: %s',
    (text) => {
      expect(connectorKeyOf(text)).toBeUndefined();
    },
  );

  it('has the thumbprint of RFC 7638', async () => {
    const key = connectorKeyOf('DMubYH5zsBWGxY_WYOd1s0pvjMPoi6WnC6yY0f58hSM');
    expect(key && (await thumbprintOf(key))).toMatchInlineSnapshot(`"eiaK4swe1F4nuyjgPUVxKMGEgo1AHgMKPcqO1HAZFvc"`);
  });
});

describe('a list of keys', () => {
  const one = encodePublicKey(signer.publicKey);

  it.each([
    ['', 'entry 1 is not id:key'],
    [`a:${one},`, 'entry 2 is not id:key'],
    [`a:${one}:x`, 'entry 1 is not id:key'],
    [`a b:${one}`, 'entry 1 is not id:key'],
    [one, 'entry 1 is not id:key'],
    ['a:kQ7zX9wPbT', 'entry 1 is not id:key'],
    [`a:${one},a:${one}`, 'two keys have the id a'],
  ])('is none, and nothing of it is repeated: %s', (text, reason) => {
    expect(() => parseVerifyingKeys(text)).toThrow(KeyError);
    expect(() => parseVerifyingKeys(text)).toThrow(reason);
    expect(() => parseVerifyingKeys(text)).not.toThrow(/kQ7zX9wPbT/);
  });
});
