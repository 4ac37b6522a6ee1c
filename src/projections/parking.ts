// Poison events: those whose values the tables cannot take, however often they are tried. The first one of a stream is
// parked with its error; what comes later in its stream, and what depends on it, queues behind it; all others go on.
import type pg from 'pg';
import { type Category, definitions, streamPrefix } from '../events/catalogue.ts';
import type { Recorded } from '../events/codec.ts';
import { applyChanges } from './apply.ts';
import { changesOf, projections, type TableChanges } from './fold.ts';

/** Why the tables did not take an event. */
export interface Poison {
  readonly sqlstate: string;
  readonly error: string;
}

/** An event that waits: for its cause to be mended, or for the stream that it stands behind. */
export type Parked =
  | { readonly event: Recorded; readonly poison: Poison; readonly behind?: undefined }
  | { readonly event: Recorded; readonly behind: string; readonly poison?: undefined };

/** An event that was parked because of itself. */
export type Failed = Extract<Parked, { readonly poison: Poison }>;

/** What of the events is parked after a batch. */
export interface Parking {
  /** What this batch has added to it. */
  readonly failed: readonly Failed[];
  /** Whether any event waits. */
  readonly isWaiting: boolean;
  /** Whether later batches have to look at what is parked or skipped. */
  readonly isInUse: boolean;
}

/** Nothing is parked, and nothing was ever skipped. */
export const nothingParked: Parking = { failed: [], isWaiting: false, isInUse: false };

/** What listens here is told when something else than the projector has changed what is parked. */
export const parkedChannel = 'registry_parked';

/** The types without whose event there is no row. */
const creatingTypes = projections.flatMap(({ creating }) => creating ?? []);

/** Whether nothing of a stream can be shown without this event. */
export function isCreating(type: string): boolean {
  return creatingTypes.some((creating) => creating === type);
}

/**
 * Data exception, integrity constraint violation, program limit exceeded: the event is at fault, and trying again will not
 * help. What lies in the connection, the server or the disk has other classes.
 */
export function isPoison(error: unknown): error is Error & { readonly code: string } {
  return error instanceof Error && 'code' in error && /^(22|23|54)...$/.test(String(error.code));
}

/** Without the `detail` of the error, which shows whole rows. */
function poisonOf(error: Error & { readonly code: string }): Poison {
  return { sqlstate: error.code, error: error.message.slice(0, 500) };
}

/**
 * Tries changes within the open transaction; leaves nothing of them when one fails.
 *
 * @throws whatever is not the fault of an event
 */
export async function attempt(client: pg.Client, changes: readonly TableChanges[]): Promise<Poison | undefined> {
  await client.query('SAVEPOINT attempt');
  try {
    for (const change of changes) await applyChanges(client, change);
  } catch (error) {
    if (!isPoison(error)) throw error;
    await client.query('ROLLBACK TO SAVEPOINT attempt');
    return poisonOf(error);
  }
  await client.query('RELEASE SAVEPOINT attempt');
  return undefined;
}

/** The stream that an event has to wait for, if one of those is its own, or that of its factory or organization. */
export function blockerOf(event: Recorded, blocked: ReadonlySet<string>): string | undefined {
  return blocked.size === 0 ? undefined : streamsOf(event).find((stream) => blocked.has(stream));
}

/** The streams that an event depends on, its own first. */
export function streamsOf({ stream, data }: Recorded): readonly string[] {
  const streams = [stream];
  if ('factoryId' in data) streams.push(`${streamPrefix('factory')}${data.factoryId}`);
  if ('organizationId' in data) streams.push(`${streamPrefix('organization')}${data.organizationId}`);
  return streams;
}

/**
 * Applies events, within the open transaction, around what is parked, and parks what fails.
 *
 * @param bulkFirst false when it is known that they cannot be applied all at once
 */
export async function applyAround(
  client: pg.Client,
  events: readonly Recorded[],
  bulkFirst: boolean,
): Promise<Parking> {
  const standing = await readStanding(client, events);
  const unseen = events.filter((event) => !standing.hasSettled(event));
  const passedOver = unseen.filter(({ stream }) => standing.withoutRow.has(stream));
  const rest = unseen.filter(({ stream }) => !standing.withoutRow.has(stream));

  const inBulk = bulkFirst ? await applyInBulk(client, rest, standing.waiting) : undefined;
  const parked = inBulk ?? (await applyOneByOne(client, rest, standing.waiting));
  await insert(client, parked, passedOver);
  return { ...(await readParking(client)), failed: parked.filter((entry) => entry.poison !== undefined) };
}

async function applyInBulk(
  client: pg.Client,
  events: readonly Recorded[],
  waiting: ReadonlySet<string>,
): Promise<readonly Parked[] | undefined> {
  const { free, queued } = divide(events, waiting);
  return (await attempt(client, changesOf(free))) === undefined ? queued : undefined;
}

/** What can be applied although these streams wait, and what has to wait too. */
export function divide(events: readonly Recorded[], waiting: ReadonlySet<string>) {
  const blocked = new Set(waiting);
  const free: Recorded[] = [];
  const queued: Extract<Parked, { readonly behind: string }>[] = [];
  for (const event of events) {
    const behind = blockerOf(event, blocked);
    if (behind === undefined) {
      free.push(event);
      continue;
    }
    blocked.add(event.stream);
    queued.push({ event, behind });
  }
  return { free, queued };
}

/** What cannot be applied, each event tried by itself; later ones wait for it. */
export async function applyOneByOne(
  client: pg.Client,
  events: readonly Recorded[],
  waiting: ReadonlySet<string>,
): Promise<readonly Parked[]> {
  const blocked = new Set(waiting);
  const parked: Parked[] = [];
  for (const event of events) {
    const behind = blockerOf(event, blocked);
    const poison = behind === undefined ? await attempt(client, changesOf([event])) : undefined;
    if (behind === undefined && poison === undefined) continue;
    blocked.add(event.stream);
    parked.push(behind === undefined ? { event, poison: poison as Poison } : { event, behind });
  }
  return parked;
}

/** Whether anything is parked, or was skipped. */
export async function readParking(client: pg.Client): Promise<Parking> {
  const { rows } = await client.query<{ isWaiting: boolean; isInUse: boolean }>({
    name: 'parking',
    text: `SELECT EXISTS (SELECT FROM projection_parked WHERE skipped_at IS NULL) AS "isWaiting",
      EXISTS (SELECT FROM projection_parked) AS "isInUse"`,
  });
  return { ...nothingParked, ...rows[0] };
}

interface Standing {
  /** Streams that have events which wait. */
  readonly waiting: ReadonlySet<string>;
  /** Streams whose creating event was skipped: there is no row that a later event could change. */
  readonly withoutRow: ReadonlySet<string>;
  /** Whether the row shows the event already, or it was skipped: seeing it again changes nothing. */
  hasSettled(event: Recorded): boolean;
}

const tables: readonly (readonly [Category, string])[] = [
  ['organization', 'organizations'],
  ['factory', 'factories'],
  ['gateway', 'gateways'],
  ['gatewayPresence', 'gateway_presence'],
];

async function readStanding(client: pg.Client, events: readonly Recorded[]): Promise<Standing> {
  const streams = new Set(events.flatMap((event) => streamsOf(event)));
  const { rows: parked } = await client.query<{
    stream: string;
    waiting: boolean;
    without_row: boolean;
    skipped: string[];
  }>({
    name: 'parked streams',
    text: `
      SELECT stream, bool_or(skipped_at IS NULL) AS waiting,
        bool_or(skipped_at IS NOT NULL AND type = ANY($2::text[])) AS without_row,
        array_agg(revision::text) FILTER (WHERE skipped_at IS NOT NULL) AS skipped
      FROM projection_parked WHERE stream = ANY($1::text[]) GROUP BY stream`,
    values: [[...streams], creatingTypes],
  });
  const { rows: shown } = await client.query<{ stream: string; revision: string }>({
    name: 'revisions shown',
    text: tables
      .map(
        ([category, table]) =>
          `SELECT '${streamPrefix(category)}' || id AS stream, stream_revision::text AS revision
           FROM ${table} WHERE id = ANY($1::uuid[])`,
      )
      .join(' UNION ALL '),
    values: [[...new Set(events.map(({ data }) => data.id))]],
  });
  const revisions = new Map(shown.map(({ stream, revision }) => [stream, BigInt(revision)]));
  const skipped = new Map(parked.map((row) => [row.stream, new Set(row.skipped?.map(BigInt))]));
  return {
    waiting: new Set(parked.filter(({ waiting }) => waiting).map(({ stream }) => stream)),
    withoutRow: new Set(parked.filter((row) => row.without_row).map(({ stream }) => stream)),
    hasSettled: ({ stream, revision }) =>
      (revisions.get(stream) ?? -1n) >= revision || (skipped.get(stream)?.has(revision) ?? false),
  };
}

/** Seeing an event again that is parked already changes nothing. */
async function insert(client: pg.Client, parked: readonly Parked[], passedOver: readonly Recorded[]): Promise<void> {
  if (parked.length + passedOver.length === 0) return;
  const skipped = passedOver.map((event) => ({ event, behind: event.stream, poison: undefined, isSkipped: true }));
  const rows = [...parked.map((entry) => ({ ...entry, isSkipped: false })), ...skipped];
  await client.query({
    name: 'park',
    text: `
      INSERT INTO projection_parked
        (stream, revision, commit_position, prepare_position, type, event, sqlstate, error, behind, skipped_at)
      SELECT stream, revision, commit, prepare, type, event, sqlstate, error, behind, CASE WHEN is_skipped THEN now() END
      FROM unnest($1::text[], $2::bigint[], $3::numeric[], $4::numeric[], $5::text[], $6::text[], $7::text[], $8::text[],
          $9::text[], $10::boolean[])
        AS parked (stream, revision, commit, prepare, type, event, sqlstate, error, behind, is_skipped)
      ON CONFLICT DO NOTHING`,
    values: [
      rows.map(({ event }) => event.stream),
      rows.map(({ event }) => event.revision),
      rows.map(({ event }) => event.position.commit),
      rows.map(({ event }) => event.position.prepare),
      rows.map(({ event }) => event.type),
      rows.map(({ event }) => textOf(event)),
      rows.map(({ poison }) => poison?.sqlstate),
      rows.map(({ poison }) => poison?.error),
      rows.map(({ behind }) => behind),
      rows.map(({ isSkipped }) => isSkipped),
    ],
  });
}

/** What `decode` needs to make the event anew. Its data has the shape of this version by now. */
function textOf({ id, type, data, metadata }: Recorded): string {
  return JSON.stringify({ id, data, metadata: { ...metadata, schemaVersion: definitions.get(type)?.version } });
}
