/** A stream of messages, in files, in the order in which they came. */
export interface StreamSettings {
  readonly name: string;
  readonly subjects: readonly string[];
  /**
   * A log (the default) keeps every message. A bucket keeps the last one of each subject: it is what NATS calls a
   * key-value bucket, with the settings that its clients give one.
   */
  readonly keeps?: 'log' | 'bucket';
  /** Beyond this size the oldest messages go; -1 means no bound. */
  readonly maxBytes: number;
  /** The environment variable that says so, if there is one: named where the stream has another bound. */
  readonly maxBytesVariable?: string;
}

/** What publishing asks of NATS JetStream. */
export interface Bus {
  /** A way to the stream; nothing is sent yet. */
  stream(settings: StreamSettings): BusStream;
  /**
   * Resolves when there is a connection, or when the signal aborts.
   *
   * @throws BusUnavailable when that takes longer than `patience` milliseconds
   */
  connected(patience: number, signal: AbortSignal): Promise<void>;
}

/**
 * One stream.
 *
 * Every method throws `BusUnavailable` when NATS cannot be reached or does not answer in time.
 */
export interface BusStream {
  /**
   * Creates the stream when there is none.
   *
   * @throws StreamDiffers when there is one with other settings
   */
  ensure(): Promise<void>;
  /** The sequences of the oldest message and of the newest one that was ever stored: `first` is `last + 1` when empty. */
  bounds(): Promise<{ readonly first: number; readonly last: number }>;
  /** The message with this sequence; undefined when it has been deleted. */
  message(sequence: number): Promise<StoredMessage | undefined>;
  /** The last message on a subject, which may have wildcards; undefined when there is none, or no such stream. */
  last(subject: string): Promise<StoredMessage | undefined>;
  /** All messages that are there when it begins, oldest first; whether it tells of later ones is open. */
  contents(): AsyncIterable<StoredMessage>;
  /** How large a message may be for NATS to take it, its headers included, in bytes. */
  mostBytes(): number;
  /** A way to send many messages and hear of each whether it was stored, without waiting in between. */
  openChannel(listener: ChannelListener): Channel;
}

export interface Message {
  readonly subject: string;
  readonly headers: Headers;
  readonly body: string;
  /** What is sent in its place where NATS takes no message as large as this one. */
  readonly instead?: () => Message;
}

/** Names and values of printable ASCII. */
export type Headers = Readonly<Record<string, string>>;

export interface StoredMessage {
  readonly sequence: number;
  readonly subject: string;
  readonly headers: Headers;
  readonly body: string;
}

export interface Channel {
  /**
   * Sends a message; its reply comes with the same number.
   *
   * @param more headers that it has beside its own
   * @throws MessageTooLarge, or whatever else keeps it from being sent at all
   */
  send(number: number, message: Message, more: Headers): void;
  close(): void;
}

export interface ChannelListener {
  replied(number: number, reply: Reply): void;
  /** The connection is gone: replies to what was sent will not come. */
  lost(error: Error): void;
}

export type Reply =
  | { readonly kind: 'stored'; readonly sequence: number }
  /** Not stored, because a message with the same id stands at `sequence`. */
  | { readonly kind: 'duplicate'; readonly sequence: number }
  /** Not stored, because the stream does not end where the sender expected. */
  | { readonly kind: 'fenced'; readonly reason: string }
  | { readonly kind: 'refused'; readonly reason: string };

/** NATS cannot be reached, or does not answer in time. */
export class BusUnavailable extends Error {
  override readonly name = 'BusUnavailable';
}

/** NATS takes no message of this size, now or later. */
export class MessageTooLarge extends Error {
  override readonly name = 'MessageTooLarge';
}

/** There is a stream of that name with other settings than ours. */
export class StreamDiffers extends Error {
  override readonly name = 'StreamDiffers';
}
