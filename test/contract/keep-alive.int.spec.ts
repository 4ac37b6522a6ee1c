// HTTP/2 below gRPC: either side notices a peer that is gone.

import { once } from 'node:events';
import { connect } from 'node:http2';
import { expect, it } from 'vitest';
import { addressOf } from './raw.ts';
import { useEventStore } from './support.ts';

const store = useEventStore();

it('A PING is acknowledged with what it carried', async () => {
  const session = await connected();
  const payload = Buffer.from('contract');
  const returned = await new Promise<Buffer>((resolve, reject) => {
    session.ping(payload, (error, _, answer) => (error ? reject(error) : resolve(answer)));
  });
  expect(returned).toEqual(payload);
  session.destroy();
});

it('A connection that is silent is pinged by the server within twice its interval of ten seconds', async () => {
  const session = await connected();
  const [payload] = (await once(session, 'ping', { signal: AbortSignal.timeout(20_000) })) as [Buffer];
  expect(payload).toHaveLength(8);
  session.destroy();
});

async function connected() {
  const { authority, isSecure, verifies, ca } = addressOf(store.url());
  const url = `${isSecure ? 'https' : 'http'}://${authority}`;
  const session = connect(url, { rejectUnauthorized: verifies, ...(ca && { ca }) });
  await once(session, 'connect');
  return session;
}
