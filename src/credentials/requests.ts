/** What answering requests asks of NATS. */
export interface RequestBus {
  /**
   * Resolves when there is a connection, or when the signal aborts.
   *
   * @throws BusUnavailable when that takes longer than `patience` milliseconds
   */
  connected(patience: number, signal: AbortSignal): Promise<void>;
  /**
   * Answers what is asked on a subject until the signal aborts, then finishes what it has begun. Of all processes that serve
   * the same service one answers each request. Tools for NATS services find it (`$SRV.PING`, `$SRV.INFO`, `$SRV.STATS`).
   *
   * @param serving called as soon as requests are answered
   * @throws BusUnavailable when there is no connection, it is lost, or NATS does not answer
   * @throws Error when NATS ends it
   */
  serve(service: ServiceSettings, answer: AnswerRequest, signal: AbortSignal, serving: () => void): Promise<void>;
}

export interface ServiceSettings {
  /** Letters, digits, `-` and `_`. */
  readonly name: string;
  /** Three numbers, as in 1.2.3. */
  readonly version: string;
  readonly description: string;
  /** What it does on the subject, in a word. */
  readonly endpoint: string;
  readonly subject: string;
}

/** Answers one request. It must not throw: what it cannot do is an answer, too. */
export type AnswerRequest = (body: string) => Promise<RequestAnswer>;

export interface RequestAnswer {
  readonly body: string;
  /** Only when it is no success: goes into the headers that NATS has for the errors of services. */
  readonly error?: { readonly status: number; readonly message: string; readonly retryAfter?: number | undefined };
}
