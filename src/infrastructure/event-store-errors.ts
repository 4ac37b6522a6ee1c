// What the client throws, and which of it means that the event store is away.
import {
  CancelledError,
  DeadlineExceededError,
  NotLeaderError,
  StreamDeletedError,
  TimeoutError,
  UnavailableError,
} from '@eventstore/db-client';
import { status } from '@grpc/grpc-js';
import { EventLogUnavailable, StreamTombstoned } from '../events/event-log.ts';

/** The error as the port has it: `EventLogUnavailable` when it means that the event store is not there now; else as it is. */
export function asPortError(error: unknown): unknown {
  // The client's own has no message.
  if (error instanceof StreamDeletedError) {
    return new StreamTombstoned(`${error.streamName} has been deleted for good`, { cause: error });
  }
  return isAway(error) ? new EventLogUnavailable(`the event store is away: ${error.message}`, { cause: error }) : error;
}

function isAway(error: unknown): error is Error {
  return (
    error instanceof UnavailableError ||
    error instanceof CancelledError ||
    error instanceof DeadlineExceededError ||
    error instanceof TimeoutError ||
    error instanceof NotLeaderError ||
    (isRawCallError(error) && awayCodes.has(error.code)) ||
    isTornConnection(error) ||
    isDiscoveryFailure(error)
  );
}

const awayCodes: ReadonlySet<number> = new Set([status.UNAVAILABLE, status.CANCELLED, status.DEADLINE_EXCEEDED]);

/** An error as gRPC made it, which the client converts in most places and lets through in some. */
export function isRawCallError(error: unknown): error is Error & { readonly code: number } {
  return error instanceof Error && 'code' in error && 'details' in error && 'metadata' in error && !('type' in error);
}

/** gRPC knows two system errors of a socket; for any other it blames itself when a connection breaks. */
function isTornConnection(error: unknown): error is Error {
  if (!(error instanceof Error) || !('code' in error)) return false;
  return error.code === status.INTERNAL && error.message.includes('Received RST_STREAM');
}

/** No node of a cluster could be found. The client has no class for it. */
export function isDiscoveryFailure(error: unknown): error is Error {
  return error instanceof Error && /^Failed to discover after \d+ attempts\.$/.test(error.message);
}

/**
 * Whether an unhandled rejection is the client's own: when the call that carries batched appends ends, for whatever
 * reason, while an append waits for room to write, the client rejects the append, as it should, and once more a promise
 * that nobody holds; and so it does when a call breaks while it looks for a node of the cluster and finds none.
 */
export function isStrayRejection(error: unknown): boolean {
  return isRawCallError(error) || isDiscoveryFailure(error);
}
