// What is in a JetStream stream, behind the `BusStream` port.
import type { BusStream, StoredMessage, StreamSettings } from '../publishing/bus.ts';
import { answerMs, ask, errorCode, type NatsLink, noSuchMessage, noSuchStream } from './nats-api.ts';
import { openChannel } from './nats-channel.ts';
import { ensureStream } from './nats-stream-settings.ts';

/** What servers take that say nothing of it, in bytes: their default. */
const usualPayload = 1024 * 1024;

/** A way to the stream; nothing is sent yet. */
export function createStream(settings: StreamSettings, link: NatsLink): BusStream {
  const { name } = settings;
  return {
    ensure: () => ensureStream(settings, link),
    bounds: async () => {
      const { state } = await ask(link, (manager) => manager.streams.info(name));
      // A stream from which everything was deleted keeps its last sequence, and so do we.
      return { first: state.messages === 0 ? state.last_seq + 1 : state.first_seq, last: state.last_seq };
    },
    message: (sequence) => findMessage(name, { seq: sequence }, link, [noSuchMessage]),
    last: (subject) => findMessage(name, { last_by_subj: subject }, link, [noSuchMessage, noSuchStream]),
    contents: () => readContents(name, link),
    mostBytes: () => link.live().info?.max_payload ?? usualPayload,
    openChannel: (listener) => openChannel(link, listener),
  };
}

async function findMessage(
  name: string,
  query: { readonly seq: number } | { readonly last_by_subj: string },
  link: NatsLink,
  absent: readonly number[],
): Promise<StoredMessage | undefined> {
  try {
    const found = await ask(link, (manager) => manager.streams.getMessage(name, query));
    return { sequence: found.seq, subject: found.subject, headers: readHeaders(found.header), body: found.string() };
  } catch (error) {
    if (absent.some((code) => code === errorCode(error))) return undefined;
    throw error;
  }
}

async function* readContents(name: string, link: NatsLink): AsyncGenerator<StoredMessage> {
  const { state } = await ask(link, (manager) => manager.streams.info(name));
  if (state.messages === 0) return;
  const consumer = await link.live().jetstream({ timeout: answerMs }).consumers.get(name);
  const reading = await consumer.consume({ max_messages: 2_000 });
  // The consumer itself would wait for ever until the connection is back.
  const lost = (error: Error) => reading.stop(error);
  link.losses.add(lost);
  try {
    for await (const message of reading) {
      const { seq: sequence, subject, headers } = message;
      yield { sequence, subject, headers: readHeaders(headers ?? []), body: message.string() };
      // The last one may have been replaced meanwhile, by one that stands behind it.
      if (sequence >= state.last_seq || message.info.pending === 0) return;
    }
  } finally {
    link.losses.delete(lost);
    reading.stop();
  }
}

function readHeaders(headers: StoredMessageHeaders): StoredMessage['headers'] {
  return Object.fromEntries([...headers].flatMap(([name, [value]]) => (value === undefined ? [] : [[name, value]])));
}

type StoredMessageHeaders = Iterable<readonly [string, readonly string[]]>;
