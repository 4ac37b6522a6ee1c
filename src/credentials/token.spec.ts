import { generateKeyPairSync } from 'node:crypto';
import { SignJWT, UnsecuredJWT } from 'jose';
import { describe, expect, it } from 'vitest';
import { anOrganization } from '../../test/support/examples.ts';
import { credentialsSubject } from './subject.ts';
import { readToken, signToken, type TokenFault } from './token.ts';

const pair = generateKeyPairSync('ed25519');
const stranger = generateKeyPairSync('ed25519');
const keys = [
  { id: 'older', key: generateKeyPairSync('ed25519').publicKey },
  { id: 'a', key: pair.publicKey },
];
const now = new Date('2026-01-02T03:04:05Z');
const seconds = now.getTime() / 1_000;
const thumbprint = 'the-thumbprint-of-the-connector';
const right = { subject: 'orchestrator-1', organizations: [anOrganization] };
const header = { alg: 'EdDSA', typ: 'gateway-credentials+jwt', kid: 'a' };
const claims = {
  sub: right.subject,
  aud: credentialsSubject,
  iat: seconds,
  exp: seconds + 3_600,
  organizations: right.organizations,
  cnf: { jkt: thumbprint },
};

function signed(changes: object = {}, headers: object = {}, key = pair.privateKey): Promise<string> {
  return new SignJWT({ ...claims, ...changes }).setProtectedHeader({ ...header, ...headers }).sign(key);
}

function read(token: string, at = now): ReturnType<typeof readToken> {
  return readToken(token, keys, thumbprint, at);
}

describe('a token', () => {
  it('gives the right that was signed', async () => {
    const signer = { id: 'a', key: pair.privateKey };
    for (const organizations of ['*', [anOrganization]] as const) {
      const token = await signToken({ signer, right: { ...right, organizations }, thumbprint, now, days: 30 });
      expect(await read(token)).toEqual({ subject: 'orchestrator-1', organizations });
    }
    expect(await read(await signed())).toEqual(right);
  });

  const refused: readonly (readonly [string, TokenFault, () => Promise<string> | string])[] = [
    ['has expired', 'expired', () => signed({ exp: seconds - 31 })],
    ['never expires', 'claims', () => signed({ exp: undefined })],
    ['is valid for longer than thirty days', 'lifetime', () => signed({ exp: seconds + 30 * 86_400 + 1 })],
    ['does not say since when', 'claims', () => signed({ iat: undefined })],
    ['was issued in the future', 'notYetValid', () => signed({ iat: seconds + 31 })],
    ['is not valid yet', 'notYetValid', () => signed({ nbf: seconds + 31 })],
    ['is for another service', 'audience', () => signed({ aud: 'mti.svc.v1.gateway' })],
    ['is for no service', 'audience', () => signed({ aud: undefined })],
    ['is of another kind', 'claims', () => signed({}, { typ: 'JWT' })],
    ['belongs to another key', 'notBound', () => signed({ cnf: { jkt: 'another' } })],
    ['belongs to no key', 'claims', () => signed({ cnf: undefined })],
    ['names nobody', 'claims', () => signed({ sub: undefined })],
    ['names somebody with a line of log in the name', 'claims', () => signed({ sub: 'a\nb' })],
    ['names no organization', 'claims', () => signed({ organizations: [] })],
    ['names an organization that is none', 'claims', () => signed({ organizations: ['*'] })],
    ['was signed by somebody else', 'signature', () => signed({}, {}, stranger.privateKey)],
    ['names a key that is not known', 'unknownKey', () => signed({}, { kid: 'b' })],
    ['names no key', 'unknownKey', () => signed({}, { kid: undefined })],
    ['has another algorithm', 'malformed', () => hmacSigned()],
    ['has no signature', 'malformed', () => new UnsecuredJWT(claims).encode()],
    ['says that it needs none', 'malformed', async () => withHeader(await signed(), { ...header, alg: 'none' })],
    ['has other claims than were signed', 'signature', async () => withClaims(await signed(), { organizations: '*' })],
    ['is no token', 'malformed', () => 'not.a.token'],
    ['is empty', 'malformed', () => ''],
  ];

  it.each(refused)('gives none when it %s', async (_, fault, token) => {
    expect(await read(await token())).toBe(fault);
  });

  it('allows clocks half a minute of difference', async () => {
    expect(await read(await signed({ exp: seconds - 29 }))).toEqual(right);
    expect(await read(await signed({ iat: seconds + 29 }))).toEqual(right);
  });
});

// The public key is no secret: whoever takes it for one must not be believed.
function hmacSigned(): Promise<string> {
  const secret = pair.publicKey.export({ format: 'der', type: 'spki' });
  return new SignJWT(claims).setProtectedHeader({ ...header, alg: 'HS256' }).sign(secret);
}

function withHeader(token: string, changed: object): string {
  return [encode(changed), ...token.split('.').slice(1)].join('.');
}

function withClaims(token: string, changes: object): string {
  const [first, , last] = token.split('.');
  return [first, encode({ ...claims, ...changes }), last].join('.');
}

function encode(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}
