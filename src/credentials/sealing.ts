// A password, sealed so that one connector opens it: X25519 with a key pair of ours for each answer, HKDF-SHA-256 (RFC 5869),
// AES-256-GCM. docs/adr/0017-credentials.md has every byte; whoever opens answers in another language relies on them.
import {
  createCipheriv,
  diffieHellman,
  generateKeyPairSync,
  hkdfSync,
  type KeyObject,
  type KeyPairKeyObjectResult,
  randomBytes,
} from 'node:crypto';
import { encodePublicKey } from './keys.ts';
import { credentialsSubject } from './subject.ts';

/** What an answer says in plain text: it opens only together with exactly this. */
export interface Binding {
  readonly request_id: string;
  readonly id: string;
  readonly credential_version: number;
  readonly url: string;
  readonly email: string;
}

/** All in base64url. */
export interface SealedPassword {
  /** Our public key for this answer. */
  readonly epk: string;
  readonly iv: string;
  /** The tag of 16 bytes is its end. */
  readonly ciphertext: string;
}

const ivBytes = 12;
const tagBytes = 16;

/** The plain text is as long as a multiple of this: what one sees on the bus does not tell how long a password is. */
const blockBytes = 256;

/**
 * Seals a password for one connector and one answer.
 *
 * @param once what is new for each answer; a spec fixes it, and nobody else may
 * @throws Error when the key is one that agrees on the same secret with everybody
 */
export function sealFor(
  publicKey: KeyObject,
  password: string,
  binding: Binding,
  once: { readonly pair: KeyPairKeyObjectResult; readonly iv: Buffer } = freshOnce(),
): SealedPassword {
  const { pair, iv } = once;
  const key = keyOfAnswer(pair, publicKey);
  const text = padded(password);
  try {
    const cipher = createCipheriv('aes-256-gcm', key, iv, { authTagLength: tagBytes });
    cipher.setAAD(authenticated(binding, pair.publicKey, publicKey));
    const sealed = Buffer.concat([cipher.update(text), cipher.final(), cipher.getAuthTag()]);
    return {
      epk: encodePublicKey(pair.publicKey),
      iv: iv.toString('base64url'),
      ciphertext: sealed.toString('base64url'),
    };
  } finally {
    text.fill(0);
    key.fill(0);
  }
}

function freshOnce() {
  return { pair: generateKeyPairSync('x25519'), iv: randomBytes(ivBytes) };
}

function keyOfAnswer(pair: KeyPairKeyObjectResult, publicKey: KeyObject): Buffer {
  const secret = diffieHellman({ privateKey: pair.privateKey, publicKey });
  try {
    if (secret.every((byte) => byte === 0)) throw new Error('the public key agrees on the same secret with everybody');
    const salt = Buffer.concat([bytesOf(pair.publicKey), bytesOf(publicKey)]);
    return Buffer.from(hkdfSync('sha256', secret, salt, credentialsSubject, 32));
  } finally {
    secret.fill(0);
  }
}

/** Two bytes of length, the password in UTF-8, zeros. */
function padded(password: string): Buffer {
  const length = Buffer.byteLength(password, 'utf8');
  const text = Buffer.alloc(Math.ceil((2 + length) / blockBytes) * blockBytes);
  text.writeUInt16BE(length);
  text.write(password, 2, 'utf8');
  return text;
}

/** Each part with four bytes of length before it, so that no two bindings look the same. */
function authenticated(binding: Binding, ours: KeyObject, theirs: KeyObject): Buffer {
  const { request_id, id, credential_version, url, email } = binding;
  const words = [credentialsSubject, request_id, id, String(credential_version), url, email];
  const parts = [...words.map((word) => Buffer.from(word, 'utf8')), bytesOf(ours), bytesOf(theirs)];
  return Buffer.concat(parts.flatMap((part) => [lengthOf(part), part]));
}

function lengthOf(part: Buffer): Buffer {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(part.length);
  return length;
}

function bytesOf(publicKey: KeyObject): Buffer {
  return Buffer.from(encodePublicKey(publicKey), 'base64url');
}
