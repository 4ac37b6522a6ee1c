import { z } from 'zod';
import { definitions } from '../events/catalogue.ts';
import { UndecodableEvent } from '../events/codec.ts';
import type { StoredEvent } from '../events/event-log.ts';

const Versioned = z.object({ schemaVersion: z.int() });

/**
 * Whether an error says that an event does not hold what its type promises, now or later. One that a later version of the
 * service has written is not of that kind: that version reads it, and whoever parked it would act in the haste of an old process.
 */
export function isUnreadable(error: unknown, event: StoredEvent): boolean {
  return (error instanceof UndecodableEvent || error instanceof z.ZodError) && !isOfLaterVersion(event);
}

function isOfLaterVersion({ type, metadata }: StoredEvent): boolean {
  const { data } = Versioned.safeParse(metadata);
  const known = definitions.get(type);
  return data !== undefined && known !== undefined && data.schemaVersion > known.version;
}
