// What an error means: whether to go on, and what to tell.
import { ErrorCode, type NatsConnection, type NatsError } from 'nats';
import { SubscriptionFailed, type Trouble } from './trouble.ts';

/** Ends an attempt; the next one may do better. */
export class Interruption extends Error {
  override readonly name = 'Interruption';
  readonly kind: Trouble['kind'];

  constructor(kind: Trouble['kind'], message: string, options?: ErrorOptions) {
    super(message, options);
    this.kind = kind;
  }
}

// Error codes of the JetStream API.
const noSuchConsumer = 10014;
const noSuchStream = 10059;

/** By its name: the connection may be of another copy of the library than ours, whose classes are others. */
export function isNatsError(error: unknown): error is NatsError {
  return error instanceof Error && error.name === 'NatsError';
}

/** Whether JetStream answered that there is no such stream, or bucket. */
export function isStreamMissing(error: unknown): boolean {
  return codeOf(error) === noSuchStream;
}

/** Whether JetStream answered that there is no such consumer. */
export function isConsumerMissing(error: unknown): boolean {
  return codeOf(error) === noSuchConsumer;
}

/**
 * What to tell of an error that a new try may mend.
 *
 * @throws SubscriptionFailed when none can
 * @throws unknown the error itself when it is none of NATS
 */
export function troubleOf(error: unknown, nats: NatsConnection): Omit<Trouble, 'retryIn'> {
  checkOpen(nats, error);
  if (error instanceof Interruption) {
    return { kind: error.kind, message: error.message, ...(error.cause !== undefined && { cause: error.cause }) };
  }
  if (!isNatsError(error)) throw error;
  if (error.code === ErrorCode.PermissionsViolation) {
    throw new SubscriptionFailed('PERMISSION_MISSING', `NATS does not allow it: ${error.message}`, { cause: error });
  }
  return { ...meaningOf(error), cause: error };
}

/** @throws SubscriptionFailed when the connection was closed, or is about to be */
export function checkOpen(nats: NatsConnection, cause?: unknown): void {
  if (!nats.isClosed() && !nats.isDraining()) return;
  throw new SubscriptionFailed('CONNECTION_CLOSED', 'the connection to NATS was closed', { cause });
}

/** The failure of whoever may not publish to a subject. */
export function notAllowed(subject: string): SubscriptionFailed {
  return new SubscriptionFailed('PERMISSION_MISSING', `NATS does not allow to publish to ${subject}`);
}

function meaningOf(error: NatsError): Pick<Trouble, 'kind' | 'message'> {
  if (isStreamMissing(error)) return { kind: 'missing', message: 'there is no such stream or bucket yet' };
  if (isConsumerMissing(error)) return { kind: 'interrupted', message: 'the consumer is gone' };
  if (error.api_error !== undefined) return { kind: 'unavailable', message: `NATS refuses: ${error.message}` };
  if (error.code === '503') return { kind: 'unavailable', message: 'NATS has no JetStream, or not yet' };
  return { kind: 'unavailable', message: `NATS does not answer: ${error.message}` };
}

function codeOf(error: unknown): number | undefined {
  return isNatsError(error) ? error.api_error?.err_code : undefined;
}
