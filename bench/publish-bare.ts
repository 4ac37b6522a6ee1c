// A bare pipelined publisher: <event store> <NATS>. It sends the messages that the publisher makes of the log, made before it
// is asked to: as many under way, with the same headers and the same fences, and nothing else.

import { connect, createInbox, headers as emptyHeaders, type MsgHdrs } from 'nats';
import { decode } from '../src/events/codec.ts';
import { connectEventStore } from '../src/infrastructure/event-store.ts';
import { messageIdHeader, toMessage } from '../src/publishing/message.ts';
import { fail, obey } from './publish-subject.ts';

interface Prepared {
  readonly subject: string;
  readonly headers: MsgHdrs;
  readonly body: string;
}

const window = 256;
const [eventStoreUrl = '', natsUrl = ''] = process.argv.slice(2);
const messages = await prepare();
const nats = await connect({ servers: natsUrl.replace(/^nats:\/\//, '') });

obey(
  () => publish().catch(fail),
  async () => undefined,
);

async function publish(): Promise<void> {
  const inbox = createInbox();
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  let sent = 0;
  let stored = 0;
  const replies = nats.subscribe(`${inbox}.*`, {
    callback: (error, reply) => {
      if (error || reply.json<{ error?: unknown }>().error) return reject(error ?? new Error(reply.string()));
      stored += 1;
      if (stored === messages.length) resolve();
      else send();
    },
  });
  for (let under = 0; under < window; under++) send();
  await promise;
  replies.unsubscribe();

  function send(): void {
    const message = messages[sent];
    if (message === undefined) return;
    sent += 1;
    const { subject, headers, body } = message;
    nats.publish(subject, body, { reply: `${inbox}.${sent}`, headers });
  }
}

async function prepare(): Promise<readonly Prepared[]> {
  const log = connectEventStore({ url: eventStoreUrl });
  const prepared: Prepared[] = [];
  const { signal } = new AbortController();
  let lastId: string | undefined;
  for await (const events of log.readAll({ streamPrefixes: ['gateway-'], after: 'start', signal })) {
    for (const event of events) {
      const decoded = decode(event);
      const message = decoded && toMessage(decoded);
      if (message === undefined) throw new Error(`${event.type} is not published`);
      const headers = emptyHeaders();
      for (const [name, value] of Object.entries(message.headers)) headers.set(name, value);
      headers.set('Nats-Expected-Last-Sequence', String(prepared.length));
      if (lastId !== undefined) headers.set('Nats-Expected-Last-Msg-Id', lastId);
      lastId = message.headers[messageIdHeader];
      prepared.push({ subject: message.subject, headers, body: message.body });
    }
  }
  await log.close();
  return prepared;
}
