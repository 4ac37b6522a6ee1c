// New keys. The private one is printed once, alone on standard output, and kept nowhere.
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import type { Action } from '../actions.ts';
import { encodePrivateKey, encodePublicKey } from './keys.ts';

export const keygenAction: Action = {
  takes: '',
  help: `Makes a pair of keys for signing tokens (Ed25519). The private one is alone on standard output, the public one and what
to do with both is said on standard error: npm run credentials --silent -- keygen > signing.key`,
  servers: [],
  run: async () => {
    const { id, privateKey, publicKey } = newSigningKey(new Date());
    console.log(`${id}:${privateKey}`);
    console.error(`
That is the private key, and a secret: whoever has it can read all passwords. The registry must not have it; keep it where
you sign tokens (npm run credentials -- token), and nowhere else.
This is the public key. The registry answers requests once it has it:
  CREDENTIALS_PUBLIC_KEYS=${id}:${publicKey}
To replace a key put the new one behind the old one, separated by a comma, and take the old one out when its tokens have
expired. What is taken out is worth nothing from the restart on.`);
  },
};

export const connectorKeygenAction: Action = {
  takes: '',
  help: `Makes a pair of keys for one connector (X25519), as it can do by itself. The private one is alone on standard output,
the public one on standard error: npm run credentials --silent -- connector-keygen > connector.key`,
  servers: [],
  run: async () => {
    const { privateKey, publicKey } = generateKeyPairSync('x25519');
    console.log(encodePrivateKey(privateKey));
    console.error(`
That is the private key, and a secret: it opens what is sealed for the connector. It belongs to the connector alone.
This is the public key; a token is made for it with npm run credentials -- token:
  ${encodePublicKey(publicKey)}`);
  },
};

/** A pair that nobody has yet. Its id says when it was made. */
export function newSigningKey(now: Date) {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  return {
    id: `${now.toISOString().slice(0, 10)}-${randomBytes(3).toString('hex')}`,
    privateKey: encodePrivateKey(privateKey),
    publicKey: encodePublicKey(publicKey),
  };
}
