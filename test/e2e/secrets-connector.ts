// A connector that asks for a password over NATS, rightly and wrongly.
import { createPublicKey } from 'node:crypto';
import { encodePublicKey, privateKeyOf } from '../../src/credentials/keys.ts';
import { signToken, thumbprintOf } from '../../src/credentials/token.ts';
import { connectorKey, openAnswer } from '../support/connector.ts';
import { natsClient } from '../support/nats-client.ts';

/** Fixed, and worth nothing. */
const signingKey = privateKeyOf('Ed25519', Buffer.alloc(32, 0x51).toString('base64url'));
const publicKey = createPublicKey(connectorKey);

/** What the registry is told so that it answers. */
export const credentialsEnvironment = {
  CREDENTIALS_PUBLIC_KEYS: `secrets:${encodePublicKey(createPublicKey(signingKey))}`,
};

/** Is refused in some ways, and then told the password, which it returns. */
export async function askAsConnector(natsUrl: string, id: string): Promise<string> {
  await using client = await natsClient(natsUrl);
  const now = new Date();
  const thumbprint = await thumbprintOf(publicKey);
  const right = { subject: 'a-connector', organizations: '*' } as const;
  const token = await signToken({ signer: { id: 'secrets', key: signingKey }, right, thumbprint, now, days: 1 });
  const ask = async (changes: object) => {
    const once = { request_id: crypto.randomUUID(), requested_at: now.toISOString() };
    const request = { ...once, id, public_key: encodePublicKey(publicKey), token, ...changes };
    const subject = 'mti.svc.v1.gateway.credentials';
    return (await client.connection.request(subject, JSON.stringify(request), { timeout: 10_000 })).json();
  };
  for (const changes of [{ token: 'none' }, { id: crypto.randomUUID() }, { public_key: 'none' }, { more: 'fields' }]) {
    const answer = (await ask(changes)) as object;
    if (!('error' in answer)) throw new Error(`this was not refused: ${Object.keys(changes).join()}`);
  }
  return openAnswer(connectorKey, (await ask({})) as Parameters<typeof openAnswer>[1]);
}
