// What goes wrong under way: what heals is told and tried again, what cannot heal ends the iteration.

/** Something that keeps the client from going on just now. It goes on by itself. */
export interface Trouble {
  /**
   * `unavailable`: NATS does not answer. `missing`: there is no such stream or bucket yet. `interrupted`: the connection, the
   * consumer or a message was lost. `behind`: what is there is older than what was told already, and is being filled again.
   * `unreadable`: a message is none of the registry's, and is left out.
   */
  readonly kind: 'unavailable' | 'missing' | 'interrupted' | 'behind' | 'unreadable';
  readonly message: string;
  /** Milliseconds until the next try; 0 where nothing has to be tried again. */
  readonly retryIn: number;
  readonly cause?: unknown;
}

export type TroubleListener = (trouble: Trouble) => void;

/** What ends an iteration, because no new try can help. */
export type FailureCode =
  /** The permissions of the connection's user in NATS do not allow it. */
  | 'PERMISSION_MISSING'
  /** The options ask for what cannot be, or a durable consumer has other settings than they say. */
  | 'OPTIONS_INVALID'
  /** The connection was closed: it does not come back. */
  | 'CONNECTION_CLOSED';

/** Why an iteration has ended. */
export class SubscriptionFailed extends Error {
  override readonly name = 'SubscriptionFailed';
  readonly code: FailureCode;

  constructor(code: FailureCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
