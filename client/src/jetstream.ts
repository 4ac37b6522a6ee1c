// What both kinds of consumers have in common: how JetStream is asked, and what its messages say of themselves.
import { createInbox, type JetStreamManager, type Msg, type NatsConnection } from 'nats';

/** Milliseconds that JetStream has to answer. */
const answerTime = 3_000;

/** Milliseconds between the signs of life of a consumer that has nothing to tell. */
export const heartbeat = 2_000;

/** Milliseconds without any of them after which it is taken for dead. */
export const silence = 5_000;

/** A message of a stream. */
export interface Stored {
  readonly subject: string;
  header(name: string): string | undefined;
  text(): string;
  /** Its number in the stream. */
  readonly sequence: number;
  /** Its number among those that the consumer has delivered. */
  readonly delivery: number;
  /** How often it was delivered, with this time. */
  readonly times: number;
  /** When it was stored, in nanoseconds since 1970. */
  readonly storedAt: bigint;
  /** How many are left behind it at present. */
  readonly pending: number;
  /** Where acknowledgements go. */
  readonly reply: string;
}

/** Reads a message that a consumer has delivered; undefined when it is none. */
export function readStored(message: Msg): Stored | undefined {
  // `$JS.ACK.[<domain>.<account>.]<stream>.<consumer>.<times>.<sequence>.<delivery>.<time>.<pending>[.<random>]`
  const tokens = message.reply?.split('.') ?? [];
  if (message.reply === undefined || tokens[0] !== '$JS' || tokens.length < 9) return undefined;
  const [times, sequence, delivery, storedAt, pending] = tokens.length === 9 ? tokens.slice(4) : tokens.slice(6);
  return {
    subject: message.subject,
    header: (name) => message.headers?.get(name) || undefined,
    text: () => message.string(),
    sequence: Number(sequence),
    delivery: Number(delivery),
    times: Number(times),
    storedAt: BigInt(storedAt ?? 0),
    pending: Number(pending),
    reply: message.reply,
  };
}

/** JetStream's own interface; nothing is asked before it is used. */
export function managerOf(nats: NatsConnection, timeout = answerTime): Promise<JetStreamManager> {
  return nats.jetstreamManager({ checkAPI: false, timeout });
}

/** A subject for answers, below the prefix that the connection was given: nothing else may be allowed to it. */
export function inboxOf(nats: NatsConnection): string {
  // The library has the prefix and does not say so in its types.
  const { options } = nats as { readonly options?: { readonly inboxPrefix?: string } };
  return createInbox(options?.inboxPrefix);
}

export interface SilenceWatch {
  /** Something was heard. */
  heard(): void;
  /** Nothing has to be heard until `heard` is called. */
  rest(): void;
}

/** Calls back when nothing was heard for too long. */
export function watchSilence(onSilence: () => void): SilenceWatch {
  let timer: NodeJS.Timeout | undefined;
  let check: NodeJS.Immediate | undefined;
  return {
    heard() {
      clear();
      // Whoever was busy for so long has not looked at what has come: it is looked at before the silence is believed.
      timer = setTimeout(() => {
        check = setImmediate(onSilence);
      }, silence);
    },
    rest: clear,
  };

  function clear(): void {
    clearTimeout(timer);
    clearImmediate(check);
  }
}
