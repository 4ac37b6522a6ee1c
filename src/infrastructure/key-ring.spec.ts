import { inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import { aKeyCalled, encodedKey } from '../../test/support/key-rings.ts';
import { idempotencySecretsOf, isEncryptionKey, KeyRingError, parseKey, parseKeys, ringOf } from './key-ring.ts';

const aKey = encodedKey(0xa1);
const anotherKey = encodedKey(0xb2);

describe('an encryption key', () => {
  it('is 32 bytes in base64', () => {
    expect(isEncryptionKey(aKey)).toBe(true);
    expect(parseKey(aKey).key.export().toString('base64')).toBe(aKey);
  });

  it('has an id that is made of it, the same ever after', () => {
    expect(parseKey(aKey).id).toBe('3209e33e');
    expect(parseKey(anotherKey).id).not.toBe(parseKey(aKey).id);
  });

  const spareBits = `${aKey.slice(0, 42)}F=`;

  it.each([
    ['empty', ''],
    ['31 bytes', Buffer.alloc(31, 0xa1).toString('base64')],
    ['33 bytes', Buffer.alloc(33, 0xa1).toString('base64')],
    ['64 hexadecimal digits', Buffer.alloc(32, 0xa1).toString('hex')],
    ['base64url', Buffer.alloc(32, 0xff).toString('base64url')],
    ['base64url with padding', `${Buffer.alloc(32, 0xff).toString('base64url')}=`],
    ['without padding', aKey.slice(0, -1)],
    ['with a line break', `${aKey}\n`],
    ['with a space before', ` ${aKey}`],
    ['with a space within', `${aKey.slice(0, 10)} ${aKey.slice(10)}`],
    ['in quotes', `"${aKey}"`],
    ['with bits that no byte has', spareBits],
  ])('is nothing else, and the error does not repeat it: %s', (_, key) => {
    expect(isEncryptionKey(key)).toBe(false);
    expect(() => parseKey(key)).toThrow(
      new KeyRingError('the encryption key is not 32 bytes in base64; make one with: openssl rand -base64 32'),
    );
  });

  it('is not spelled out by whoever logs it', () => {
    const ring = ringOf([parseKey(aKey), aKeyCalled('another', 0xb2)]);
    expect(inspect(ring, { depth: null, showHidden: true }) + JSON.stringify(ring)).not.toMatch(/oaGh|a1a1|a1 a1/i);
  });
});

describe('a ring of keys', () => {
  it('has them in their order, with their ids', () => {
    const longest = 'Aa0_-'.repeat(6).padEnd(32, 'z');
    const ring = parseKeys(`new:${aKey}, ${longest}:${anotherKey}`);
    expect(ring.map(({ id }) => id)).toEqual(['new', longest]);
    expect(ring.map(({ key }) => key.export().toString('base64'))).toEqual([aKey, anotherKey]);
  });

  it.each([
    ['a key without an id', aKey, /^entry 1 is not id:key/],
    ['an id without a key', `one:${aKey},two`, /^entry 2 is not id:key/],
    ['nothing between commas', `one:${aKey},,two:${anotherKey}`, /^entry 2 is not id:key/],
    ['a key before its id', `${aKey}:one`, /^entry 1 is not id:key/],
    ['an empty id', `:${aKey}`, /^entry 1 is not id:key/],
    ['an id with another character', `o.ne:${aKey}`, /^entry 1 is not id:key/],
    ['an id that is too long', `${'a'.repeat(33)}:${aKey}`, /^entry 1 is not id:key/],
    ['a key that is too short', `one:${aKey.slice(4)}`, /^key one is not 32 bytes in base64$/],
    ['a key with something behind it', `one:${aKey}:x`, /^key one is not 32 bytes in base64$/],
    ['two keys of one id', `one:${aKey},one:${anotherKey}`, /^two keys have the id one$/],
  ])('is nothing else, and the error repeats no key: %s', (_, text, message) => {
    expect(() => parseKeys(text)).toThrow(
      expect.objectContaining({ name: 'KeyRingError', message: expect.stringMatching(message) }),
    );
    expect(() => parseKeys(text)).not.toThrow(/oaGh|srKy/);
  });

  it('has a key once that was named twice', () => {
    const key = parseKey(aKey);
    expect(ringOf([...parseKeys(`new:${anotherKey},${key.id}:${aKey}`), key])).toHaveLength(2);
  });

  it('is not empty', () => {
    expect(() => ringOf([])).toThrow(new KeyRingError('there is no encryption key'));
  });
});

describe('the secrets for idempotency keys', () => {
  const secrets = idempotencySecretsOf(ringOf([aKeyCalled('new', 0xb2), aKeyCalled('old', 0xa1)]));

  it('are one for each key, in the order of the ring, 32 bytes long', () => {
    expect(secrets.map(({ length }) => length)).toEqual([32, 32]);
    expect(idempotencySecretsOf(ringOf([aKeyCalled('old', 0xa1)]))).toEqual([secrets[1]]);
    expect(secrets[0]).not.toEqual(secrets[1]);
  });

  it('come from the bytes of a key alone, whatever its id, and stay the same', () => {
    expect(idempotencySecretsOf(ringOf([parseKey(aKey)]))).toEqual([secrets[1]]);
    expect(secrets[1]?.toString('hex')).toBe('a1baf4d9e108c1b3a8959050163b342860917ee8db9cf7cbbb158b2a8e225897');
  });
});
