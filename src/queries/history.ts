// What happened to one resource, and when, and who did it.
import { isDeepStrictEqual } from 'node:util';
import { z } from 'zod';
import { definitions, type RegistryEvent } from '../events/catalogue.ts';
import type { Recorded } from '../events/codec.ts';
import type { EventLog } from '../events/event-log.ts';
import { JsonObject } from '../events/json.ts';
import { EventMetadata } from '../events/metadata.ts';
import { latestRevision, readLife, retell, type Snapshot, type Step, type Subject } from './life.ts';
import { wholeNumber } from './pagination.ts';

const Value = z.union([z.string(), JsonObject, z.null()]);

const Change = z
  .object({ before: Value, after: Value })
  .meta({ id: 'Change', description: 'What one field was, and what it became; null before the creation.' });

const passwordChanges: Readonly<Partial<Record<RegistryEvent['type'], PasswordChange>>> = {
  GatewayCreated: 'set',
  GatewayPasswordChanged: 'changed',
  GatewayPasswordReencrypted: 'encrypted anew',
};

const PasswordChange = z.enum(['set', 'changed', 'encrypted anew']);
type PasswordChange = z.output<typeof PasswordChange>;

export const HistoryEvent = z
  .object({
    revision: z.int().meta({ description: 'Its number in the history of this one, from 0 on; `ETag` names it.' }),
    event_id: z.guid(),
    type: z.string().meta({ description: 'One of docs/events.md.' }),
    occurred_at: z.iso.datetime().nullable(),
    actor: z.string().nullable().meta({ description: 'Who did it.' }),
    correlation_id: z
      .string()
      .nullable()
      .meta({ description: 'What it belongs to; all that one request has led to has it in common.' }),
    causation_id: z.string().nullable().meta({ description: 'What caused it: a command, or another event.' }),
    cause: z.guid().exactOptional().meta({ description: 'The event of its parent that this followed from.' }),
    reason: z.string().exactOptional().meta({ description: 'Why something was refused.' }),
    description: z.string().exactOptional().meta({ description: 'What it means, where nothing changed by it.' }),
    changes: z.record(z.string(), z.union([Change, PasswordChange])).meta({
      description:
        'The fields that changed, by name; `updated_at` is not among them. Of `password` there is no more than that it was ' +
        '`set`, `changed`, or `encrypted anew` and is the same.',
    }),
  })
  .meta({
    id: 'HistoryEvent',
    description: 'One event. Of one that something else wrote, who and when and why may be null.',
  });

export type HistoryEvent = z.output<typeof HistoryEvent>;

export const HistoryQuery = z.strictObject({
  limit: wholeNumber(1, 100).default(20).describe('How many events a page has at most'),
  before: wholeNumber(0, Number.MAX_SAFE_INTEGER)
    .exactOptional()
    .describe('Only what came before this revision: the `nextBefore` of the page before'),
});

export type HistoryQuery = z.output<typeof HistoryQuery>;

/** The body of a history: newest event first. */
export const History = z.object({
  data: z.array(HistoryEvent),
  pagination: z
    .object({
      total: z.int().describe('How many events there are, all pages together'),
      limit: z.int(),
      hasNext: z.boolean(),
      nextBefore: z.int().exactOptional().describe('Send it as `before` for the next page; absent on the last page'),
    })
    .meta({ id: 'HistoryPagination' }),
});

export type History = z.output<typeof History>;

/**
 * A page of the history of a resource, deleted or not; undefined when it was never created. An event that this version
 * cannot read is there, and says so, because a history is wanted most where something is odd.
 *
 * @throws EventLogUnavailable
 */
export async function readHistory<Event extends RegistryEvent, Resource extends object>(
  log: EventLog,
  subject: Subject<Event, Resource>,
  id: string,
  { limit, before }: HistoryQuery,
): Promise<History | undefined> {
  const events = await readLife(log, subject, id, before === undefined ? undefined : BigInt(before) - 1n);
  if (events === undefined) return undefined;
  const latest = before === undefined ? events.at(-1)?.revision : await latestRevision(log, subject, id);
  const data = retell(subject, events).slice(-limit).map(tell).reverse();
  const oldest = data.at(-1);
  const hasNext = events.length > limit;
  return {
    data,
    pagination: {
      // Past what a number holds exactly, the schema of the answer refuses it.
      total: Number((latest ?? -1n) + 1n),
      limit,
      hasNext,
      ...(hasNext && oldest && { nextBefore: oldest.revision }),
    },
  };
}

/** One event as the API shows it. */
export function tell<Resource extends object>({ stored, event, before, after }: Step<Resource>): HistoryEvent {
  const changes = { ...changedFields(before, after), ...(event && changeOfPassword(event)) };
  return {
    // Past what a number holds exactly, the schema of the answer refuses it.
    revision: Number(stored.revision),
    event_id: stored.id,
    type: stored.type,
    ...toldBy(stored.metadata),
    ...(event && whyOf(event)),
    ...(Object.keys(changes).length === 0 && { description: descriptionOf(event) }),
    changes,
  };
}

// The time is told with each event, and the id never changes.
const untold = ['id', 'created_at', 'updated_at'];

function changedFields<Resource extends object>(
  before: Snapshot<Resource> | undefined,
  after: Snapshot<Resource> | undefined,
): HistoryEvent['changes'] {
  const was = fieldsOf(before);
  const changed = Object.entries(fieldsOf(after)).flatMap(([field, value]) => {
    const earlier = was[field] ?? null;
    const isTold = !untold.includes(field) && !isDeepStrictEqual(earlier, value);
    return isTold ? [[field, Change.parse({ before: earlier, after: value })] as const] : [];
  });
  return Object.fromEntries(changed);
}

function fieldsOf<Resource extends object>(
  snapshot: Snapshot<Resource> | undefined,
): Readonly<Record<string, unknown>> {
  return snapshot === undefined ? {} : { ...snapshot.resource, deleted_at: snapshot.deletedAt };
}

function changeOfPassword({ type }: Recorded): HistoryEvent['changes'] {
  const change = passwordChanges[type];
  return change === undefined ? {} : { password: change };
}

const Told = EventMetadata.partial();

// An event of another version has metadata all the same; one that something else wrote may have any.
function toldBy(metadata: unknown): Pick<HistoryEvent, 'occurred_at' | 'actor' | 'correlation_id' | 'causation_id'> {
  const { data = {} } = Told.safeParse(metadata);
  return {
    occurred_at: data.occurredAt ?? null,
    actor: data.actor ?? null,
    correlation_id: data.$correlationId ?? null,
    causation_id: data.$causationId ?? null,
  };
}

function whyOf({ data }: Recorded): Pick<HistoryEvent, 'cause' | 'reason'> {
  return {
    ...('cause' in data && data.cause !== null && { cause: data.cause }),
    ...('reason' in data && { reason: data.reason }),
  };
}

function descriptionOf(event: Recorded | undefined): string {
  return (
    definitions.get(event?.type ?? '')?.happens ??
    'This version of the service cannot read it, nor tell what it changed.'
  );
}
