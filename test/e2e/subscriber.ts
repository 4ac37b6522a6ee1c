// Whoever listens to the registry over NATS.
import { natsClient, type ReadMessage } from '../support/nats-client.ts';

/** Everything that the event stream of a server holds at present, in its order. */
export async function everythingPublished(url: string): Promise<readonly ReadMessage[]> {
  await using client = await natsClient(url);
  return await client.readAll('MTI_EVENTS');
}

export interface Listener extends AsyncDisposable {
  /** The next message that arrives. */
  next(): Promise<{ readonly subject: string; readonly data: unknown }>;
}

/** Listens to a subject from now on. */
export async function listen(url: string, subject: string): Promise<Listener> {
  const client = await natsClient(url);
  const messages = client.connection.subscribe(subject)[Symbol.asyncIterator]();
  await client.connection.flush();
  return {
    next: async () => {
      const { done, value } = await messages.next();
      if (done) throw new Error('the subscription ended');
      return { subject: value.subject, data: value.json() };
    },
    [Symbol.asyncDispose]: () => client[Symbol.asyncDispose](),
  };
}
