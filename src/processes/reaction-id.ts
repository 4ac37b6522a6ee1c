import { v5 } from 'uuid';
import { EventId } from '../events/ids.ts';

/**
 * The id of the event that an event causes at a target: the same however often it is worked out, and different for any
 * other event or target. (A UUID of version 5, RFC 9562, in the namespace of the cause.)
 */
export function reactionId(cause: EventId, target: string): EventId {
  // As bytes, because an id from another program need not be a UUID of a version that the library knows.
  return EventId.parse(v5(target, Buffer.from(cause.replaceAll('-', ''), 'hex')));
}
