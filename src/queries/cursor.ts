// A cursor says where a list goes on: after the row with this key and id. It is sealed together with what the list is,
// so that one that was altered, or that came from another list, is refused instead of answered with odd rows.
import { hash } from 'node:crypto';
import { z } from 'zod';

export interface Place {
  /** What the row is ordered by, exactly; null when it has no such value. */
  readonly key: string | null;
  readonly id: string;
  /** How many items the pages up to here have had. */
  readonly offset: number;
}

const Content = z.tuple([z.string(), z.string().nullable(), z.guid(), z.int().nonnegative()]);

/** @param list what the list is: name, order and filters, always in the same words */
export function encodeCursor(place: Place, list: string): string {
  const { key, id, offset } = place;
  const content: z.input<typeof Content> = [sealOf(place, list), key, id, offset];
  return Buffer.from(JSON.stringify(content)).toString('base64url');
}

/** The place that a cursor of this very list names; undefined when it is none. */
export function decodeCursor(cursor: string, list: string): Place | undefined {
  const content = Content.safeParse(parseJson(Buffer.from(cursor, 'base64url').toString()));
  if (!content.success) return undefined;
  const [, key, id, offset] = content.data;
  const place = { key, id, offset };
  // The decoder passes over what is not base64url, and JSON has more than one way to say the same.
  return encodeCursor(place, list) === cursor ? place : undefined;
}

function sealOf({ key, id, offset }: Place, list: string): string {
  return hash('sha256', JSON.stringify([list, key, id, offset]), 'base64url').slice(0, 16);
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
