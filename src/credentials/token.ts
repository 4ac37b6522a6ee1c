// The connector right: a token that an operator signs (JWT, EdDSA over Ed25519). It says who may read the passwords of which
// organizations, until when, and is bound to the key that these are sealed to (`cnf`, RFC 7800): whoever overhears it on the
// bus gets nothing that opens.
import type { KeyObject } from 'node:crypto';
import { calculateJwkThumbprint, errors, type JWTHeaderParameters, jwtVerify, SignJWT } from 'jose';
import { z } from 'zod';
import { encodePublicKey, type SigningKey } from './keys.ts';
import { ConnectorName, type ConnectorRight, longestDays, Organizations } from './right.ts';
import { credentialsSubject } from './subject.ts';

/** Why a token gives no right; the words are for whoever sent it. */
export const tokenFaults = {
  malformed: 'is not one of this service',
  unknownKey: 'was signed with a key that is not known here',
  signature: 'has a signature that is not right',
  audience: 'is for another service',
  expired: 'has expired',
  notYetValid: 'is not valid yet',
  claims: 'does not say all that it must, in the way it must',
  lifetime: 'is valid for too long',
  notBound: 'belongs to another public key',
} as const;

export type TokenFault = keyof typeof tokenFaults;

/** Clocks may differ by so much, in seconds. */
const tolerance = 30;

const daySeconds = 86_400;
const type = 'gateway-credentials+jwt';

const Claims = z.object({
  sub: ConnectorName,
  iat: z.int(),
  exp: z.int(),
  organizations: Organizations,
  cnf: z.object({ jkt: z.string() }),
});

/**
 * What a token gives its holder.
 *
 * @param thumbprint of the public key that the request names
 */
export async function readToken(
  token: string,
  keys: readonly SigningKey[],
  thumbprint: string,
  now: Date,
): Promise<ConnectorRight | TokenFault> {
  const verified = await verify(token, keys, now);
  if (typeof verified === 'string') return verified;
  const claims = Claims.safeParse(verified.payload);
  if (!claims.success) return 'claims';
  const { sub: subject, organizations, iat, exp, cnf } = claims.data;
  if (exp - iat > longestDays * daySeconds) return 'lifetime';
  return cnf.jkt === thumbprint ? { subject, organizations } : 'notBound';
}

async function verify(token: string, keys: readonly SigningKey[], now: Date) {
  const keyOf = ({ kid }: JWTHeaderParameters) => {
    const found = keys.find(({ id }) => id === kid);
    if (found === undefined) throw new errors.JWKSNoMatchingKey();
    return found.key;
  };
  try {
    return await jwtVerify(token, keyOf, {
      algorithms: ['EdDSA'],
      typ: type,
      audience: credentialsSubject,
      requiredClaims: ['exp'],
      maxTokenAge: longestDays * daySeconds,
      clockTolerance: tolerance,
      currentDate: now,
    });
  } catch (error) {
    return faultOf(error);
  }
}

function faultOf(error: unknown): TokenFault {
  if (error instanceof errors.JWKSNoMatchingKey) return 'unknownKey';
  if (error instanceof errors.JWSSignatureVerificationFailed) return 'signature';
  if (error instanceof errors.JWTExpired) return 'expired';
  if (!(error instanceof errors.JWTClaimValidationFailed)) {
    if (error instanceof errors.JOSEError) return 'malformed';
    throw error;
  }
  if (error.claim === 'aud') return 'audience';
  return ['nbf', 'iat'].includes(error.claim) && error.reason === 'check_failed' ? 'notYetValid' : 'claims';
}

export interface TokenOptions {
  readonly signer: SigningKey;
  readonly right: ConnectorRight;
  /** Of the connector's public key. */
  readonly thumbprint: string;
  readonly now: Date;
  /** At most `longestDays`. */
  readonly days: number;
}

/** Signs a token, as an operator does. */
export function signToken({ signer, right, thumbprint, now, days }: TokenOptions): Promise<string> {
  const seconds = Math.floor(now.getTime() / 1_000);
  return new SignJWT({ organizations: right.organizations, cnf: { jkt: thumbprint } })
    .setProtectedHeader({ alg: 'EdDSA', typ: type, kid: signer.id })
    .setSubject(right.subject)
    .setAudience(credentialsSubject)
    .setIssuedAt(seconds)
    .setExpirationTime(seconds + days * daySeconds)
    .sign(signer.key);
}

/** The fingerprint of a connector's public key (RFC 7638, SHA-256), by which tokens and the audit name it. */
export function thumbprintOf(publicKey: KeyObject): Promise<string> {
  return calculateJwkThumbprint({ kty: 'OKP', crv: 'X25519', x: encodePublicKey(publicKey) });
}
