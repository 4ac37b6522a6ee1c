import { v7 } from 'uuid';

/** A new UUID of version 7 (RFC 9562): unique, and in the order of its making. */
export function uuidv7(): string {
  return v7();
}
