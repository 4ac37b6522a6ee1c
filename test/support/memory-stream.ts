import type { Bus, BusStream, ChannelListener, Message, Reply, StoredMessage } from '../../src/publishing/bus.ts';

/** A stream in memory that stores all it is sent and that follows its tail, unless a spec takes the replies into its own hands. */
export interface MemoryStream extends BusStream, Bus {
  /** By sequence, from 1 on; undefined where a message has been deleted. */
  readonly messages: (Message | undefined)[];
  readonly sent: readonly { readonly number: number; readonly message: Message }[];
  /** What a writer that nobody fences does; its sequence. */
  store(message: Message): number;
  reply(number: number, reply: Reply): void;
  lose(error: Error): void;
}

export interface MemoryStreamOptions {
  readonly answers?: boolean;
  readonly keeps?: 'log' | 'bucket';
  readonly mostBytes?: number;
}

/** @param keeps a bucket loses what has the subject of a newer message */
export function memoryStream({
  answers = true,
  keeps = 'log',
  mostBytes = 1024 * 1024,
}: MemoryStreamOptions = {}): MemoryStream {
  const messages: (Message | undefined)[] = [undefined];
  const sent: { number: number; message: Message }[] = [];
  let listener: ChannelListener | undefined;

  const memory: MemoryStream = {
    messages,
    sent,
    stream: () => memory,
    connected: async () => undefined,
    ensure: async () => undefined,
    bounds: async () => {
      const first = messages.findIndex((message) => message !== undefined);
      return { first: first < 0 ? messages.length : first, last: messages.length - 1 };
    },
    message: async (sequence) => stored(sequence),
    last: async (subject) =>
      stored(messages.findLastIndex((message) => message !== undefined && isOn(subject, message.subject))),
    async *contents() {
      for (const sequence of messages.keys()) {
        const found = stored(sequence);
        if (found !== undefined) yield found;
      }
    },
    mostBytes: () => mostBytes,
    openChannel(opened) {
      listener = opened;
      return {
        send(number, { headers, ...rest }, more) {
          const message = { ...rest, headers: { ...headers, ...more } };
          sent.push({ number, message });
          if (answers) queueMicrotask(() => opened.replied(number, replyTo(message)));
        },
        close: () => undefined,
      };
    },
    store,
    reply: (number, reply) => listener?.replied(number, reply),
    lose: (error) => listener?.lost(error),
  };
  return memory;

  function stored(sequence: number): StoredMessage | undefined {
    const found = messages[sequence];
    return found && { ...found, sequence };
  }

  function replyTo(message: Message): Reply {
    const expected = message.headers['Nats-Expected-Last-Sequence'];
    const last = messages.length - 1;
    if (expected !== undefined && Number(expected) !== last) {
      return { kind: 'fenced', reason: `wrong last sequence: ${last}` };
    }
    return { kind: 'stored', sequence: store(message) };
  }

  function store(message: Message): number {
    const former = messages.findLastIndex((each) => each?.subject === message.subject);
    if (keeps === 'bucket' && former > 0) messages[former] = undefined;
    return messages.push(message) - 1;
  }
}

/** Whether a subject is one of those that a pattern with `*` and `>` is for. */
function isOn(pattern: string, subject: string): boolean {
  const wanted = pattern.split('.');
  const tokens = subject.split('.');
  const isLong = wanted.at(-1) === '>' ? tokens.length >= wanted.length : tokens.length === wanted.length;
  return isLong && wanted.every((token, index) => token === '*' || token === '>' || token === tokens[index]);
}
