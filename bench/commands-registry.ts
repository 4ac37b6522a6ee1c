// The service among the measured: what there must be before commands can be sent, and when it is through with them.

import { connect, type Subscription } from 'nats';
import { startIn } from './run.ts';
import { startService } from './service.ts';

export interface Registry {
  readonly url: string;
  readonly factories: readonly string[];
  /** Resolves as soon as the tables and NATS have everything that was appended before. */
  drained(): Promise<void>;
}

const factories = 100;
const patienceSeconds = 30;
const longestDrainMs = 120_000;

/** Starts the service on the servers of a data directory, with an organization and its factories. */
export async function startRegistry(
  running: AsyncDisposableStack,
  dataDir: string,
  natsUrl: string,
  flags: readonly string[],
): Promise<Registry> {
  const service = startService(dataDir, flags);
  running.defer(() => service.stop());
  const url = await service.url;
  const send = senderTo(url);
  const organization = await idOf(await send('POST', '/api/organizations', { name: 'Measured' }));
  const ids: string[] = [];
  for (let number = 0; number < factories; number++) {
    const body = { organization_id: organization, name: `Hall ${number}` };
    ids.push(await idOf(await send('POST', '/api/factories', body)));
  }
  const nats = await startIn(running, connect({ servers: natsUrl.replace(/^nats:\/\//, '') }), (connection) =>
    connection.close(),
  );
  let marks = 0;

  /** What comes last is there when all before it is: a change is made, and looked for in the tables and in NATS. */
  async function drained(): Promise<void> {
    const name = `mark ${++marks}`;
    const heard = nats.subscribe(`mti.evt.v1.${organization}.*.organization.>`);
    const late = setTimeout(() => heard.unsubscribe(), longestDrainMs);
    try {
      await nats.flush();
      const { headers } = await send('PUT', `/api/organizations/${organization}`, { name });
      await Promise.all([untilHeard(heard, name), untilShown(url, headers.get('x-commit-position') ?? '')]);
    } finally {
      clearTimeout(late);
      heard.unsubscribe();
    }
  }

  await drained();
  return { url, factories: ids, drained };
}

function senderTo(url: string) {
  return async (method: string, path: string, body: object): Promise<Response> => {
    const headers = { 'content-type': 'application/json', prefer: 'respond-async' };
    const answer = await fetch(`${url}${path}`, { method, headers, body: JSON.stringify(body) });
    if (!answer.ok) throw new Error(`${method} ${path} was answered with ${answer.status}: ${await answer.text()}`);
    return answer;
  };
}

async function idOf(answer: Response): Promise<string> {
  const { id } = (await answer.json()) as { readonly id: string };
  return id;
}

async function untilHeard(messages: Subscription, name: string): Promise<void> {
  for await (const message of messages) {
    if (message.json<{ readonly name?: string }>().name === name) return;
  }
  throw new Error(`NATS had not everything within ${longestDrainMs / 1_000} s.`);
}

async function untilShown(url: string, position: string): Promise<void> {
  const headers = { 'x-min-position': position, prefer: `wait=${patienceSeconds}` };
  for (let waited = 0; waited < longestDrainMs / 1_000; waited += patienceSeconds) {
    const { ok } = await fetch(`${url}/api/organizations?limit=1`, { headers });
    if (ok) return;
  }
  throw new Error(`The tables did not show everything within ${longestDrainMs / 1_000} s.`);
}
