// A connector, as anybody might write one from docs/adr/0017-credentials.md: it shares no code with what seals.
import { createDecipheriv, createPublicKey, diffieHellman, hkdfSync, type KeyObject } from 'node:crypto';
import { privateKeyOf } from '../../src/credentials/keys.ts';
import type { Binding, SealedPassword } from '../../src/credentials/sealing.ts';

/** Fixed, and worth nothing. */
export const connectorKey = privateKeyOf('X25519', Buffer.alloc(32, 0x17).toString('base64url'));

/** Opens an answer; throws when any part of it is not what was sealed. */
export function openAnswer(privateKey: KeyObject, answer: Binding & SealedPassword): string {
  const { x } = createPublicKey(privateKey).export({ format: 'jwk' });
  const ours = decode(x ?? '');
  const theirs = decode(answer.epk);
  const publicKey = createPublicKey({ key: { kty: 'OKP', crv: 'X25519', x: answer.epk }, format: 'jwk' });
  const secret = diffieHellman({ privateKey, publicKey });
  const service = 'mti.svc.v1.gateway.credentials';
  const key = Buffer.from(hkdfSync('sha256', secret, Buffer.concat([theirs, ours]), service, 32));
  const words = [service, answer.request_id, answer.id, `${answer.credential_version}`, answer.url, answer.email];
  const sealed = decode(answer.ciphertext);
  const decipher = createDecipheriv('aes-256-gcm', key, decode(answer.iv), { authTagLength: 16 });
  decipher.setAAD(lengthPrefixed([...words.map((word) => Buffer.from(word)), theirs, ours]));
  decipher.setAuthTag(sealed.subarray(-16));
  const text = Buffer.concat([decipher.update(sealed.subarray(0, -16)), decipher.final()]);
  return text.toString('utf8', 2, 2 + text.readUInt16BE());
}

function lengthPrefixed(parts: readonly Buffer[]): Buffer {
  return Buffer.concat(
    parts.flatMap((part) => {
      const length = Buffer.alloc(4);
      length.writeUInt32BE(part.length);
      return [length, part];
    }),
  );
}

function decode(text: string): Buffer {
  return Buffer.from(text, 'base64url');
}
