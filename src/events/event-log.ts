/** Where a record stands in the log of all streams. Both numbers are unsigned 64-bit. */
export interface Position {
  readonly commit: bigint;
  readonly prepare: bigint;
}

/** What is to be appended: JSON, not yet numbered. `id` makes a retry of the same append recognizable. */
export interface EventToAppend {
  readonly id: string;
  readonly type: string;
  readonly data: object;
  readonly metadata: object;
}

/** What the log holds: JSON as it was written, whoever wrote it. `decode` makes a known event of it. */
export interface StoredEvent {
  readonly stream: string;
  readonly revision: bigint;
  readonly position: Position;
  readonly id: string;
  readonly type: string;
  readonly data: unknown;
  readonly metadata: unknown;
}

/** The revision that the stream's last event must have for an append to be accepted. */
export type ExpectedRevision = bigint | 'no_stream';

export type AppendOutcome =
  | { readonly status: 'appended'; readonly revision: bigint; readonly position: Position }
  | { readonly status: 'conflict' };

/** What a subscription tells, in the order of the log. */
export type LogItem =
  | { readonly kind: 'event'; readonly event: StoredEvent }
  /** All that the subscription asks for up to and including this position has been told. */
  | { readonly kind: 'checkpoint'; readonly position: Position }
  /** The subscription has reached the live end of the log. */
  | { readonly kind: 'caught-up' };

/** Which events are asked for: EventStoreDB looks at the names of streams or at the types of events, not at both. */
export type LogFilter =
  /** Those of streams whose name starts with one of these. */
  | { readonly streamPrefixes: readonly string[]; readonly types?: undefined }
  /** Those whose type starts with one of these, in any stream: others may have types of the same name. */
  | { readonly types: readonly string[]; readonly streamPrefixes?: undefined };

export type SubscriptionOptions = LogFilter & {
  /** Only what stands after this position. */
  readonly after: Position | 'start';
  /** Ends the subscription: the iteration then finishes without an error. */
  readonly signal: AbortSignal;
  /** How many events one array holds at most; what is told beside them comes on top. Default 500, 1,000 in bulk. */
  readonly maxBatch?: number;
};

/**
 * The log of all events: what the service asks of EventStoreDB.
 *
 * Every method throws `EventLogUnavailable` when the store cannot be reached or does not answer in time, and what reads or
 * writes one stream `StreamTombstoned` when somebody has deleted it for good.
 * After an append that threw, the events may have been written or not.
 */
export interface EventLog {
  /**
   * The events of a stream from `from` (default 0) on, oldest first; none when there is no such stream.
   *
   * @param upTo the last revision that is wanted; what comes after it is not read
   */
  read(stream: string, from?: bigint, upTo?: bigint): Promise<readonly StoredEvent[]>;
  /** The last event of a stream, or undefined when there is none. */
  readLast(stream: string): Promise<StoredEvent | undefined>;
  /** Where the last event of all streams stands, the store's own included; undefined when there is none at all. */
  head(): Promise<Position | undefined>;
  /**
   * Whether a position, of an event or of a checkpoint, is one of this log. A checkpoint may stand behind the last event
   * that anyone can read: EventStoreDB has records of its own, and tells where the next one will begin.
   */
  reaches(position: Position): Promise<boolean>;
  /** Appends all of the events or none. A stream that is not at `expected` is a `conflict`, not an error. */
  append(stream: string, expected: ExpectedRevision, events: readonly EventToAppend[]): Promise<AppendOutcome>;
  /**
   * Past and then live events of all streams, in the order of the log. Each array holds what has arrived
   * since the last one was taken, so that a lone live event comes at once and a backlog comes in batches.
   */
  subscribe(options: SubscriptionOptions): AsyncIterable<readonly LogItem[]>;
  /**
   * What a subscription tells up to the end of the log as it is when it gets there, in the order of the log and much
   * faster: nothing comes between the events, and nothing after them. Ends early, without an error, when `signal` aborts.
   */
  readAll(options: SubscriptionOptions): AsyncIterable<readonly StoredEvent[]>;
}

/** A stream has been deleted for good: nothing can be read from it, or appended to it. */
export class StreamTombstoned extends Error {
  override readonly name = 'StreamTombstoned';
}

/** The event store cannot be reached, or does not answer in time. */
export class EventLogUnavailable extends Error {
  override readonly name = 'EventLogUnavailable';
}
