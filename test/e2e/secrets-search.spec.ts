import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { createEncryption } from '../../src/infrastructure/encryption.ts';
import { aGateway } from '../support/examples.ts';
import { aKeyRing } from '../support/key-rings.ts';
import { findLeaks, formsOfSealed, formsOfWord } from './secrets-search.ts';

const word = 'kQ7zX9wPbT';
const password = `${word} "ü\\/+&<%😀\n' ${word}`;

describe('a word is found', () => {
  it.each([
    ['as it is', password],
    ['in JSON', JSON.stringify({ password })],
    ['in JSON within JSON', JSON.stringify({ text: JSON.stringify({ password }) })],
    ['in a URL', `/?password=${encodeURIComponent(password)}`],
    ['in a form', new URLSearchParams({ password }).toString()],
    ['in hexadecimal', Buffer.from(`a${password}`).toString('hex')],
    ...['', 'a', 'ab', 'abc'].map((before) => [
      `in base64, ${before.length} bytes in`,
      Buffer.from(before + password).toString('base64'),
    ]),
    ['in base64url', Buffer.from(JSON.stringify({ password })).toString('base64url')],
    ['in UTF-16', Buffer.from(password, 'utf16le').toString('latin1')],
    ['hashed', createHash('sha256').update(word).digest('base64')],
  ])('%s', (_, text = '') => {
    expect(findLeaks([{ where: 'here', text: `before ${text} after` }], formsOfWord(word))).toContainEqual(
      expect.objectContaining({ where: 'here' }),
    );
  });

  it('and nothing else is', () => {
    const text = `${password.replaceAll(word, 'kQ7zX9wPb')} ${Buffer.alloc(300, 7).toString('base64')}`;
    expect(findLeaks([{ where: 'here', text }], formsOfWord(word))).toEqual([]);
  });
});

it('a sealed password is found by any of its parts', () => {
  const { seal } = createEncryption(aKeyRing);
  const sealed = seal(password, aGateway);
  const [, , ...parts] = sealed.split('.');
  const needles = formsOfSealed(sealed);
  for (const part of parts) {
    expect(findLeaks([{ where: 'here', text: `"${part}"` }], needles)).not.toEqual([]);
    const hex = Buffer.from(part, 'base64url').toString('hex');
    expect(findLeaks([{ where: 'here', text: `\\x${hex}` }], needles)).not.toEqual([]);
  }
  expect(findLeaks([{ where: 'here', text: seal(password, aGateway) }], needles)).toEqual([]);
});
