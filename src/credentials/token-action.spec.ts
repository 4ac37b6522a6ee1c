import { generateKeyPairSync } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { anOrganization, anotherOrganization } from '../../test/support/examples.ts';
import { newSigningKey } from './keygen.ts';
import { encodePublicKey, parseSigningKey, parseVerifyingKeys } from './keys.ts';
import { readToken, signToken } from './token.ts';
import { readSigner, readWords } from './token-action.ts';

const { publicKey } = generateKeyPairSync('x25519');
const key = `key=${encodePublicKey(publicKey)}`;
const words = ['subject=orchestrator-1', 'organizations=*', key];

describe('the words of a token', () => {
  it('say for whom it is, of what, and for how long', () => {
    expect(readWords(words)).toMatchObject({ subject: 'orchestrator-1', organizations: '*', days: 1 });
    const some = [words[0] ?? '', `organizations=${anOrganization},${anotherOrganization}`, key, 'days=30'];
    expect(readWords(some)).toMatchObject({ organizations: [anOrganization, anotherOrganization], days: 30 });
    expect(readWords(words).key.equals(publicKey)).toBe(true);
  });

  it.each([
    [[], 'subject is missing'],
    [['subject=a b', ...words.slice(1)], 'subject: must be'],
    [['subject=a', 'organizations=', key], 'organizations: '],
    [['subject=a', 'organizations=*,*', key], 'organizations: '],
    [['subject=a', 'organizations=*', 'key=AAAA'], 'key: must be a public key of X25519'],
    [[...words, 'days=31'], 'days: must be a whole number from 1 to 30'],
    [[...words, 'days=0'], 'days: '],
    [[...words, 'days=1.5'], 'days: must be a whole number'],
    [[...words, 'more'], 'a word too many'],
  ])('are refused: %s', (given, reason) => {
    expect(() => readWords(given)).toThrow(reason);
    expect(() => readWords(given)).toThrow('Usage: npm run credentials');
  });
});

it.each(['', 'a:b', `a:${encodePublicKey(publicKey).slice(1)}`])(
  'what is no private key is refused, and told where one is read from: "%s"',
  (input) => {
    expect(() => readSigner(input)).toThrow('On standard input, the private key is not id:key');
    expect(() => readSigner(input)).toThrow('< signing.key');
  },
);

it('a new signing key signs what its public half believes', async () => {
  const now = new Date('2026-01-02T03:04:05Z');
  const { id, privateKey, publicKey: verifying } = newSigningKey(now);
  expect(id).toMatch(/^2026-01-02-[0-9a-f]{6}$/);
  const right = { subject: 'a', organizations: '*' } as const;
  const token = await signToken({
    signer: parseSigningKey(`${id}:${privateKey}`),
    right,
    thumbprint: 't',
    now,
    days: 1,
  });
  expect(await readToken(token, parseVerifyingKeys(`${id}:${verifying}`), 't', now)).toEqual(right);
});
