// Opens what the registry has sealed to the key of a connector: every byte of it is in the registry's ADR 17.
import {
  createDecipheriv,
  createPrivateKey,
  createPublicKey,
  diffieHellman,
  hkdfSync,
  type KeyObject,
  timingSafeEqual,
} from 'node:crypto';

/** The pair of a connector. */
export interface KeyPair {
  readonly privateKey: KeyObject;
  /** The public key: 32 bytes in base64url. */
  readonly encoded: string;
}

export interface Sealed {
  readonly request_id: string;
  readonly id: string;
  readonly credential_version: number;
  readonly url: string;
  readonly email: string;
  readonly epk: string;
  readonly iv: string;
  readonly ciphertext: string;
}

export const credentialsSubject = 'mti.svc.v1.gateway.credentials';

const tagBytes = 16;

/** What stands before the 32 bytes of a private key in PKCS #8: that it is one of X25519. */
const pkcs8 = Buffer.from('302e020100300506032b656e04220420', 'hex');

/**
 * The pair of a private key: 32 bytes in base64url.
 *
 * @throws TypeError when it is none; the message does not repeat it
 */
export function keyPairOf(privateKey: string): KeyPair {
  const bytes = Buffer.from(privateKey.trim(), 'base64url');
  if (bytes.length !== 32) throw new TypeError('the private key must be 32 bytes in base64url');
  const key = createPrivateKey({ key: Buffer.concat([pkcs8, bytes]), format: 'der', type: 'pkcs8' });
  const { x } = createPublicKey(key).export({ format: 'jwk' });
  if (x === undefined) throw new TypeError('the private key has no public one');
  return { privateKey: key, encoded: x };
}

/**
 * The password in an answer.
 *
 * @throws Error when anything in the answer is not as it was sealed, or it was sealed to another key
 */
export function openSealed(sealed: Sealed, { privateKey, encoded }: KeyPair): string {
  const publicKey = createPublicKey({ key: { kty: 'OKP', crv: 'X25519', x: sealed.epk }, format: 'jwk' });
  const theirs = Buffer.from(sealed.epk, 'base64url');
  const ours = Buffer.from(encoded, 'base64url');
  const secret = diffieHellman({ privateKey, publicKey });
  if (timingSafeEqual(secret, Buffer.alloc(secret.length)))
    throw new Error('the key of the answer agrees with everybody');
  const key = Buffer.from(hkdfSync('sha256', secret, Buffer.concat([theirs, ours]), credentialsSubject, 32));

  const { request_id, id, credential_version, url, email } = sealed;
  const said = [credentialsSubject, request_id, id, String(credential_version), url, email];
  const bytes = Buffer.from(sealed.ciphertext, 'base64url');
  const decipher = createDecipheriv('aes-256-gcm', key, Buffer.from(sealed.iv, 'base64url'), {
    authTagLength: tagBytes,
  });
  decipher.setAAD(Buffer.concat([...said.map((text) => Buffer.from(text)), theirs, ours].flatMap(withLength)));
  decipher.setAuthTag(bytes.subarray(-tagBytes));
  const padded = Buffer.concat([decipher.update(bytes.subarray(0, -tagBytes)), decipher.final()]);
  return padded.toString('utf8', 2, 2 + padded.readUInt16BE(0));
}

function withLength(part: Buffer): readonly Buffer[] {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(part.length);
  return [length, part];
}
