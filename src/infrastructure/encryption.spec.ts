import { describe, expect, it } from 'vitest';
import { aGateway, anotherGateway } from '../../test/support/examples.ts';
import { createEncryption, DecryptionError, isEncryptionKey } from './encryption.ts';

const aKey = Buffer.alloc(32, 0xa1).toString('base64');
const anotherKey = Buffer.alloc(32, 0xb2).toString('base64');
const { seal, open } = createEncryption(aKey);

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
    expect(createEncryption(aKey).open(seal('hunter2', aGateway), aGateway)).toBe('hunter2');
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
    expect(sealed.split('.')[1]).toBe(createEncryption(aKey).seal('other', anotherGateway).split('.')[1]);
  });

  it('does not open with another key, and the error names both keys by their ids', () => {
    const other = createEncryption(anotherKey);
    const [, here] = seal('', aGateway).split('.');
    const [, there] = other.seal('', aGateway).split('.');
    expect(here).not.toBe(there);
    expect(() => open(other.seal('hunter2', aGateway), aGateway)).toThrow(
      new DecryptionError(`the password was sealed with key ${there}; the key here is ${here}`),
    );
  });

  it('does not open with another key under the name of this one', () => {
    const [, here] = seal('', aGateway).split('.');
    const [version, , ...rest] = createEncryption(anotherKey).seal('hunter2', aGateway).split('.');
    expect(() => open([version, here, ...rest].join('.'), aGateway)).toThrow(DecryptionError);
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

describe('an encryption key', () => {
  it('is 32 bytes in base64', () => {
    expect(isEncryptionKey(aKey)).toBe(true);
    expect(() => createEncryption(aKey)).not.toThrow();
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
    expect(() => createEncryption(key)).toThrow(
      new Error('the encryption key is not 32 bytes in base64; make one with: openssl rand -base64 32'),
    );
  });
});
