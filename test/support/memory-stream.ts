import type { Bus, BusStream, ChannelListener, Message, Reply, StoredMessage } from '../../src/publishing/bus.ts';

/** A stream in memory that stores all it is sent, unless a spec takes the replies into its own hands. */
export interface MemoryStream extends BusStream, Bus {
  /** By sequence, from 1 on; undefined where a message has been deleted. */
  readonly messages: (Message | undefined)[];
  readonly sent: readonly { readonly number: number; readonly message: Message }[];
  reply(number: number, reply: Reply): void;
  lose(error: Error): void;
}

export function memoryStream({ answers = true } = {}): MemoryStream {
  const messages: (Message | undefined)[] = [undefined];
  const sent: { number: number; message: Message }[] = [];
  let listener: ChannelListener | undefined;

  const memory: MemoryStream = {
    messages,
    sent,
    stream: () => memory,
    connected: async () => undefined,
    ensure: async () => undefined,
    bounds: async () => ({ first: 1, last: messages.length - 1 }),
    message: async (sequence): Promise<StoredMessage | undefined> => {
      const found = messages[sequence];
      return found && { ...found, sequence };
    },
    openChannel(opened) {
      listener = opened;
      return {
        send(number, message) {
          sent.push({ number, message });
          if (answers)
            queueMicrotask(() => opened.replied(number, { kind: 'stored', sequence: messages.push(message) - 1 }));
        },
        close: () => undefined,
      };
    },
    reply: (number, reply) => listener?.replied(number, reply),
    lose: (error) => listener?.lost(error),
  };
  return memory;
}
