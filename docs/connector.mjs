// A connector that asks the registry for the password of a gateway, with nothing but Node and a NATS client. It shares no code
// with the registry: what it does is in docs/adr/0017-credentials.md, and can be done in any language.
//
//   NATS_URL=nats://localhost:4222 node docs/connector.mjs <gateway id> <file with the private key> <file with the token>
import {
  createDecipheriv,
  createPrivateKey,
  createPublicKey,
  diffieHellman,
  hkdfSync,
  randomUUID,
  timingSafeEqual,
} from 'node:crypto';
import { readFileSync } from 'node:fs';
import { connect } from 'nats';

const service = 'mti.svc.v1.gateway.credentials';
const [id, keyFile, tokenFile] = process.argv.slice(2);
if (tokenFile === undefined) end('Say which gateway, and name the files with the private key and the token.');

const nats = await connect({ servers: process.env.NATS_URL ?? 'nats://localhost:4222' }).catch(({ message }) =>
  end(`NATS cannot be reached (${message}): set NATS_URL. Where that of npm start listens is told by npm run stack.`),
);
try {
  const { url, email, password, credential_version } = await readCredential();
  console.log(JSON.stringify({ id, credential_version, url, email, password }));
} catch (error) {
  // 503 is NATS's own word for: nobody listens.
  console.error(
    error.code === '503' ? 'Nobody tells passwords at present: is the service switched on?' : error.message,
  );
  process.exitCode = 1;
} finally {
  await nats.close();
}

function end(message) {
  console.error(message);
  process.exit(1);
}

async function readCredential() {
  const pair = readPair(readFileSync(keyFile, 'utf8').trim());
  const request = {
    request_id: randomUUID(),
    requested_at: new Date().toISOString(),
    id,
    public_key: pair.encoded,
    token: readFileSync(tokenFile, 'utf8').trim(),
  };
  const message = await nats.request(service, JSON.stringify(request), { timeout: 5_000 });
  const answer = message.json();
  if (answer.error !== undefined) throw new Error(`${answer.error.code}: ${answer.error.message}`);
  if (answer.request_id !== request.request_id || answer.id !== id) throw new Error('This answers something else.');
  return { ...answer, password: open(answer, pair) };
}

/** The pair of a private key: 32 bytes in base64url. */
function readPair(encoded) {
  const key = Buffer.concat([Buffer.from('302e020100300506032b656e04220420', 'hex'), decode(encoded)]);
  const privateKey = createPrivateKey({ key, format: 'der', type: 'pkcs8' });
  return { privateKey, encoded: createPublicKey(privateKey).export({ format: 'jwk' }).x };
}

/** Throws when anything in the answer is not as it was sealed. */
function open(answer, { privateKey, encoded }) {
  const theirs = decode(answer.epk);
  const ours = decode(encoded);
  const publicKey = createPublicKey({ key: { kty: 'OKP', crv: 'X25519', x: answer.epk }, format: 'jwk' });
  const secret = diffieHellman({ privateKey, publicKey });
  if (timingSafeEqual(secret, Buffer.alloc(32))) throw new Error('The key of this answer is none.');
  const key = Buffer.from(hkdfSync('sha256', secret, Buffer.concat([theirs, ours]), service, 32));

  const { request_id, credential_version, url, email } = answer;
  const words = [service, request_id, answer.id, String(credential_version), url, email];
  const sealed = decode(answer.ciphertext);
  const decipher = createDecipheriv('aes-256-gcm', key, decode(answer.iv), { authTagLength: 16 });
  decipher.setAAD(Buffer.concat([...words.map((word) => Buffer.from(word, 'utf8')), theirs, ours].flatMap(prefixed)));
  decipher.setAuthTag(sealed.subarray(-16));
  const text = Buffer.concat([decipher.update(sealed.subarray(0, -16)), decipher.final()]);
  return text.toString('utf8', 2, 2 + text.readUInt16BE(0));
}

function prefixed(part) {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(part.length);
  return [length, part];
}

function decode(text) {
  return Buffer.from(text, 'base64url');
}
