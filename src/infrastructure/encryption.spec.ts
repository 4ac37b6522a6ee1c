import { describe, expect, it } from 'vitest';
import { aGateway, anotherGateway } from '../../test/support/examples.ts';
import { aKeyCalled, aKeyRing, encodedKey } from '../../test/support/key-rings.ts';
import { createEncryption, DecryptionError } from './encryption.ts';
import { parseKey, ringOf } from './key-ring.ts';

const anotherKeyRing = ringOf([parseKey(encodedKey(0xb2))]);
const { seal, open, primaryKeyId } = createEncryption(aKeyRing);

describe('a ring of keys', () => {
  const [older, newer] = [aKeyCalled('2025', 0xa1), aKeyCalled('2026', 0xb2)];
  const before = createEncryption(ringOf([older]));
  const between = createEncryption(ringOf([newer, older]));
  const after = createEncryption(ringOf([newer]));

  it('seals with the first key', () => {
    expect(between.primaryKeyId).toBe('2026');
    expect(between.seal('hunter2', aGateway)).toMatch(/^v1\.2026\./);
    expect(after.open(between.seal('hunter2', aGateway), aGateway)).toBe('hunter2');
  });

  it('opens with every key', () => {
    expect(between.open(before.seal('hunter2', aGateway), aGateway)).toBe('hunter2');
    expect(between.open(after.seal('hunter2', aGateway), aGateway)).toBe('hunter2');
    expect(() => after.open(before.seal('hunter2', aGateway), aGateway)).toThrow(
      /sealed with key 2025, which is not here \(2026 is\)/,
    );
  });

  it('seals anew what another key than the first has sealed, and nothing else', () => {
    const resealed = between.reseal(before.seal('hunter2', aGateway), aGateway) ?? '';
    expect(after.open(resealed, aGateway)).toBe('hunter2');
    expect(between.reseal(resealed, aGateway)).toBeUndefined();
  });

  it('seals nothing anew that it cannot open', () => {
    for (const reseal of [after.reseal, before.reseal]) {
      expect(() => reseal('hunter2', aGateway)).toThrow(`what gateway ${aGateway} has is not a sealed password`);
    }
    const sealed = before.seal('hunter2', aGateway);
    expect(() => after.reseal(sealed, aGateway)).toThrow(DecryptionError);
    expect(() => between.reseal(sealed, anotherGateway)).toThrow(DecryptionError);
  });

  it('tells the key of a sealed password, be it there or not', () => {
    expect(after.keyIdOf(before.seal('hunter2', aGateway))).toBe('2025');
    expect(after.keyIdOf('hunter2')).toBeUndefined();
  });
});

describe('a sealed password', () => {
  it.each([
    ['plain', 'hunter2'],
    ['empty', ''],
    ['with any character', 'pä$$ "wörd"\n😀'],
    ['as long as one may be', '😀'.repeat(1024)],
  ])('opens to what was sealed: %s', (_, password) => {
    expect(open(seal(password, aGateway), aGateway)).toBe(password);
  });

  it('opens wherever the same key is', () => {
    expect(createEncryption(aKeyRing).open(seal('hunter2', aGateway), aGateway)).toBe('hunter2');
  });

  it('is never the same text twice', () => {
    const sealed = Array.from({ length: 100 }, () => seal('hunter2', aGateway));
    expect(new Set(sealed).size).toBe(100);
    expect(new Set(sealed.map((text) => text.split('.')[2])).size).toBe(100);
  });

  it('shows its version, the id of its key and nothing of the password or the key', () => {
    const sealed = seal('hunter2', aGateway);
    expect(sealed).toMatch(/^v1\.[0-9a-f]{8}\.[\w-]{16}\.[\w-]{22}\.[\w-]{10}$/);
    expect(sealed).not.toContain('hunter2');
    expect(sealed).not.toContain(Buffer.from('hunter2').toString('base64url'));
    expect(sealed.split('.')[1]).toBe(createEncryption(aKeyRing).seal('other', anotherGateway).split('.')[1]);
  });

  it('does not open with another key, and the error names both keys by their ids and says what to do', () => {
    const other = createEncryption(anotherKeyRing);
    expect(primaryKeyId).not.toBe(other.primaryKeyId);
    expect(() => open(other.seal('hunter2', aGateway), aGateway)).toThrow(
      new DecryptionError(
        `the password of gateway ${aGateway} was sealed with key ${other.primaryKeyId}, which is not here ` +
          `(${primaryKeyId} is): add it to ENCRYPTION_KEYS`,
      ),
    );
  });

  it('does not open with another key under the name of this one', () => {
    const [, here] = seal('', aGateway).split('.');
    const [version, , ...rest] = createEncryption(anotherKeyRing).seal('hunter2', aGateway).split('.');
    expect(() => open([version, here, ...rest].join('.'), aGateway)).toThrow(
      expect.objectContaining({
        name: 'DecryptionError',
        message: expect.stringContaining(`does not open with key ${primaryKeyId}`),
      }),
    );
  });

  it('does not open for another gateway', () => {
    expect(() => open(seal('hunter2', aGateway), anotherGateway)).toThrow(DecryptionError);
  });

  it('does not open when any of its characters is another, is missing or is doubled', () => {
    const sealed = seal('hunter2', aGateway);
    for (let index = 0; index < sealed.length; index++) {
      const [before, char, after] = [sealed.slice(0, index), sealed.charAt(index), sealed.slice(index + 1)];
      for (const put of [...'AaZz09-_.+/= ü', '\0', '', char + char].filter((text) => text !== char)) {
        expect(() => open(before + put + after, aGateway), `${put} at ${index} of ${sealed}`).toThrow(DecryptionError);
      }
    }
  });

  it('does not open when a bit of it is flipped', () => {
    const [version, keyId, ...parts] = seal('hunter2', aGateway).split('.');
    const bytes = parts.map((part) => Buffer.from(part, 'base64url'));
    for (const [part, content] of bytes.entries()) {
      for (let bit = 0; bit < content.length * 8; bit++) {
        const flipped = bytes.map((original) => Buffer.from(original));
        const target = flipped[part] as Buffer;
        target[bit >> 3] = (target[bit >> 3] ?? 0) ^ (1 << (bit & 7));
        const text = [version, keyId, ...flipped.map((buffer) => buffer.toString('base64url'))].join('.');
        expect(() => open(text, aGateway), `bit ${bit} of part ${part}`).toThrow(DecryptionError);
      }
    }
  });

  it('does not open when parts of two are put together', () => {
    const one = seal('hunter2', aGateway).split('.');
    const other = seal('hunter3', aGateway).split('.');
    for (const part of [2, 3, 4]) {
      const mixed = one.map((text, index) => (index === part ? other[index] : text)).join('.');
      expect(() => open(mixed, aGateway)).toThrow(DecryptionError);
    }
  });

  it.each([
    '',
    'hunter2',
    '....',
    'v1....',
    'v1.a1b2c3d4.AAAAAAAAAAAAAAAA.AAAAAAAAAAAAAAAAAAAAAA',
    'v2.a1b2c3d4.AAAAAAAAAAAAAAAA.AAAAAAAAAAAAAAAAAAAAAA.AAAA',
    'v1.a1b2c3d4.AAAAAAAAAAAAAAAA.AAAA.AAAA',
  ])('is not %j', (text) => {
    expect(() => open(text, aGateway)).toThrow(DecryptionError);
  });

  it('is not opened with a shortened tag', () => {
    const [version, keyId, iv, tag = '', text] = seal('hunter2', aGateway).split('.');
    const short = Buffer.from(tag, 'base64url').subarray(0, 12).toString('base64url');
    expect(() => open([version, keyId, iv, short, text].join('.'), aGateway)).toThrow(DecryptionError);
  });
});
