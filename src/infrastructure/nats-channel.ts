// Many messages and their replies, behind the `Channel` port: one inbox, and numbered subjects of replies.
import { createInbox, ErrorCode, type Msg, MsgHdrsImpl, NatsError } from 'nats';
import {
  type Channel,
  type ChannelListener,
  type Headers,
  type Message,
  MessageTooLarge,
  type Reply,
} from '../publishing/bus.ts';
import { type NatsLink, wrongLastMessageId, wrongLastSequence } from './nats-api.ts';

/** Opens a channel, as `BusStream` says. */
export function openChannel(link: NatsLink, listener: ChannelListener): Channel {
  const nats = link.live();
  const inbox = createInbox();
  const replies = nats.subscribe(`${inbox}.*`, {
    callback: (error, reply) => {
      if (error) return listener.lost(error);
      listener.replied(Number(reply.subject.slice(inbox.length + 1)), readReply(reply));
    },
  });
  const lost = (error: Error) => listener.lost(error);
  link.losses.add(lost);
  return {
    send(number, { subject, headers, body }: Message, more: Headers) {
      try {
        const written = new WrittenHeaders(headers, more);
        nats.publish(subject, Buffer.from(body), { reply: `${inbox}.${number}`, headers: written });
      } catch (cause) {
        const tooLarge = cause instanceof NatsError && cause.code === ErrorCode.MaxPayloadExceeded;
        const Refusal = tooLarge ? MessageTooLarge : Error;
        throw new Refusal(`NATS cannot take the message ${subject}: ${String(cause)}`, { cause });
      }
    },
    close() {
      link.losses.delete(lost);
      if (!nats.isClosed() && !replies.isClosed()) replies.unsubscribe();
    },
  };
}

function readReply(reply: Msg): Reply {
  // The server's own answer when no stream takes the subject: it has been deleted, or JetStream is not up yet.
  if (reply.headers?.hasError) return { kind: 'refused', reason: `no stream takes it (${reply.headers.status})` };
  const { error, seq, duplicate } = parseAnswer(reply.string());
  const { err_code: code, description = 'no reason given' } = error ?? {};
  if (code === wrongLastSequence || code === wrongLastMessageId) return { kind: 'fenced', reason: description };
  if (error !== undefined || seq === undefined) return { kind: 'refused', reason: description };
  return { kind: duplicate ? 'duplicate' : 'stored', sequence: seq };
}

interface Answer {
  readonly error?: { readonly err_code?: number; readonly description?: string };
  readonly seq?: number;
  readonly duplicate?: boolean;
}

function parseAnswer(text: string): Answer {
  try {
    return JSON.parse(text) as Answer;
  } catch {
    // Thrown in the library's callback, it would end its reading of the connection.
    return { error: { description: 'an answer that is no JSON' } };
  }
}

/**
 * Headers as they go over the wire, written at once: the library would put each into a map of lists, and validate it. The
 * contract of `Message` promises printable ASCII.
 */
class WrittenHeaders extends MsgHdrsImpl {
  readonly #parts: readonly Headers[];

  constructor(...parts: readonly Headers[]) {
    super();
    this.#parts = parts;
  }

  override encode(): Uint8Array {
    let text = 'NATS/1.0\r\n';
    for (const part of this.#parts) {
      for (const name of Object.keys(part)) text += `${name}: ${part[name]}\r\n`;
    }
    return Buffer.from(`${text}\r\n`);
  }
}
