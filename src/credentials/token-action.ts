import { text } from 'node:stream/consumers';
import { z } from 'zod';
import type { Action } from '../actions.ts';
import { connectorKeyOf, KeyError, parseSigningKey, type SigningKey } from './keys.ts';
import { ConnectorName, longestDays, Organizations } from './right.ts';
import { readPairs } from './words.ts';

const takes = 'subject=<name> organizations=<ids or *> key=<public key> [days=1]';
const usage = `npm run credentials --silent -- token ${takes} < signing.key`;

const Words = z.strictObject({
  subject: ConnectorName,
  organizations: z
    .string()
    .transform((list) => (list === '*' ? list : list.split(',')))
    .pipe(Organizations),
  key: z.string().transform((encoded, context) => {
    const key = connectorKeyOf(encoded);
    if (key !== undefined) return key;
    context.addIssue({ code: 'custom', message: 'must be a public key of X25519, 32 bytes in base64url' });
    return z.NEVER;
  }),
  days: z
    .string()
    .regex(/^\d{1,2}$/, `must be a whole number from 1 to ${longestDays}`)
    .transform(Number)
    .pipe(z.int().min(1).max(longestDays, `must be a whole number from 1 to ${longestDays}`))
    .default(1),
});

export const tokenAction: Action = {
  takes,
  help: `Signs a token, which is the right to read the passwords of the gateways of some organizations (their ids, separated by
commas) or of all ('*'), for at most ${longestDays} days and for one connector's public key. The private key is read from standard input:
${usage}`,
  servers: [],
  run: async ({ words }) => {
    const { subject, organizations, key, days } = readWords(words);
    if (process.stdin.isTTY) console.error('Paste the private key, then Enter and Ctrl-D:');
    const signer = readSigner(await text(process.stdin));
    // Not before it is needed: every other script would have to wait until it is loaded.
    const { signToken, thumbprintOf } = await import('./token.ts');
    const right = { subject, organizations };
    console.log(await signToken({ signer, right, thumbprint: await thumbprintOf(key), now: new Date(), days }));
  },
};

/** @throws Error that says what is wrong with the key, and where it is read from */
export function readSigner(input: string): SigningKey {
  try {
    return parseSigningKey(input);
  } catch (error) {
    if (!(error instanceof KeyError)) throw error;
    throw new Error(`On standard input, ${error.message}\nUsage: ${usage}`, { cause: error });
  }
}

/** @throws Error that says what is wrong with which word */
export function readWords(words: readonly string[]): z.output<typeof Words> {
  return readPairs(words, { schema: Words, complaint: 'This is no token to be signed', usage });
}
