// What a resource was, at a moment or at a revision: from the log, and therefore without what was observed of it.
import { z } from 'zod';
import type { RegistryEvent } from '../events/catalogue.ts';
import type { EventLog, StoredEvent } from '../events/event-log.ts';
import { EventMetadata } from '../events/metadata.ts';
import { RecordedGateway } from '../resources/gateway.ts';
import { readLife, retell, type Subject } from './life.ts';
import { neverWas } from './operations.ts';
import { includeDeleted, type Shown, shown, wholeNumber } from './pagination.ts';

/** A gateway as it was; not what was observed of it. */
export const PastGateway = shown(RecordedGateway, 'PastGateway');

/** The query of a single resource: as it is, or as it was. */
export const OneQuery = z
  .strictObject({
    include_deleted: includeDeleted,
    as_of: z
      .preprocess(
        withPlus,
        z.iso.datetime({ offset: true, error: 'must be an instant such as 2026-03-02T09:10:00Z or …+01:00' }),
      )
      .exactOptional()
      .describe('As it was at this instant, ISO-8601 with `Z` or an offset. One that is to come is now'),
    revision: wholeNumber(0, Number.MAX_SAFE_INTEGER)
      .exactOptional()
      .describe('As it was at this revision; not together with `as_of`'),
  })
  .refine(({ as_of, revision }) => as_of === undefined || revision === undefined, {
    path: ['revision'],
    error: 'cannot be combined with as_of',
  });

export type OneQuery = z.output<typeof OneQuery>;

/** When in the past. */
export type Moment = { readonly instant: number } | { readonly revision: bigint };

export type Past<Resource> =
  /** `revision` is that of the last event that had happened. */
  | { readonly status: 'found'; readonly resource: Shown<Resource>; readonly revision: bigint }
  /** `because` tells whoever asked. */
  | { readonly status: 'absent'; readonly because: string };

/** What of the past a query asks for; undefined when it asks for the present. */
export function momentOf({ as_of, revision }: OneQuery): Moment | undefined {
  if (revision !== undefined) return { revision: BigInt(revision) };
  return as_of === undefined ? undefined : { instant: Date.parse(as_of) };
}

/**
 * A resource as it was; one that was deleted then only if that is asked for.
 *
 * @throws EventLogUnavailable
 * @throws UndecodableEvent when an event up to then cannot be read, so that nobody can tell
 */
export async function findPast<Event extends RegistryEvent, Resource extends object>(
  log: EventLog,
  subject: Subject<Event, Resource>,
  id: string,
  moment: Moment,
  options: { readonly includeDeleted: boolean },
): Promise<Past<Resource>> {
  const events = await readLife(log, subject, id, 'revision' in moment ? moment.revision : undefined);
  const latest = events?.at(-1)?.revision;
  if (events === undefined || latest === undefined) return absent(neverWas(subject.kind));
  if ('revision' in moment && moment.revision > latest) {
    return absent(`The ${subject.kind} has no revision ${moment.revision} yet: the latest is ${latest}.`);
  }
  const steps = retell(subject, 'instant' in moment ? hadHappenedBy(events, moment.instant) : events);
  for (const { undecodable } of steps) {
    if (undecodable !== undefined) throw undecodable;
  }
  const last = steps.at(-1);
  if (last?.after === undefined) return absent(`The ${subject.kind} was not there yet.`);
  if (last.after.deletedAt !== null && !options.includeDeleted) {
    return absent(`The ${subject.kind} was deleted then; include_deleted=true shows it.`);
  }
  const was = subject.schema.parse(last.after.resource);
  const resource = options.includeDeleted ? { ...was, deleted_at: last.after.deletedAt } : was;
  return { status: 'found', resource, revision: last.stored.revision };
}

// The times of a stream never go back, so that what had happened is its beginning.
function hadHappenedBy(events: readonly StoredEvent[], instant: number): readonly StoredEvent[] {
  const last = events.findLastIndex(({ metadata }) => {
    const told = Told.safeParse(metadata);
    return told.success && Date.parse(told.data.occurredAt) <= instant;
  });
  return events.slice(0, last + 1);
}

const Told = EventMetadata.pick({ occurredAt: true });

function absent(because: string): Past<never> {
  return { status: 'absent', because };
}

// In a query string a plus that nobody wrote as %2B arrives as a space.
function withPlus(text: unknown): unknown {
  return typeof text === 'string' ? text.replace(/ (?=\d\d:\d\d$)/, '+') : text;
}
