// What is wrong with the bucket, in sentences; none when all is well. The rows of the read model say what each value must
// be; the log alone says that the rows are up to date, where each gateway's last event stands, and which one set the password.
import { isDeepStrictEqual } from 'node:util';
import type { StoredEvent } from '../../src/events/event-log.ts';

/** A row of an active gateway; times as the driver reads them. */
export type Row = Readonly<Record<string, unknown>> & { readonly id: string; readonly revision: number };

export function isOfGateway(stream: string): boolean {
  return stream.startsWith('gateway-');
}

/** Whether the bucket has to say something about it, whatever the gateway is: its tail then stands there or behind. */
export function isAlwaysWritten({ type }: StoredEvent): boolean {
  return !['GatewayPasswordReencrypted', 'GatewayRestorationRefused', 'GatewayIdReservationAbandoned'].includes(type);
}

/**
 * @param events all of the gateways', in the order of the log
 * @param rows those of the active gateways
 * @param bucket what is under each key
 */
export function complaints(
  events: readonly StoredEvent[],
  rows: readonly Row[],
  bucket: ReadonlyMap<string, string>,
): readonly string[] {
  const streams = Map.groupBy(events, ({ stream }) => stream);
  const active = [...streams].filter(([, ofGateway]) => isActive(ofGateway)).map(([stream]) => stream);
  const shown = new Set(rows.map(({ id }) => `gateway-${id}`));
  const expected = new Map(rows.map((row) => [keyOf(row), expectedValue(row, streams.get(`gateway-${row.id}`) ?? [])]));
  return [
    ...active.filter((stream) => !shown.has(stream)).map((stream) => `${stream} is in no row`),
    ...rows
      .filter(({ id, revision }) => streams.get(`gateway-${id}`)?.at(-1)?.revision !== BigInt(revision))
      .map(({ id, revision }) => `the row of ${id} shows revision ${revision} and not the last one`),
    ...[...bucket.keys()].filter((key) => !expected.has(key)).map((key) => `${key} is there and should not be`),
    ...[...expected]
      .filter(([key, value]) => !isDeepStrictEqual(parsed(bucket.get(key)), value))
      .map(([key, value]) => `${key} is ${bucket.get(key)} and must be ${JSON.stringify(value)}`),
  ];
}

function isActive(events: readonly StoredEvent[]): boolean {
  const turns = ['GatewayCreated', 'GatewayRestored', 'GatewaySoftDeleted'];
  const last = events.findLast(({ type }) => turns.includes(type));
  return last !== undefined && last.type !== 'GatewaySoftDeleted';
}

function keyOf({ organization_id, factory_id, id }: Row): string {
  return `${organization_id}.${factory_id}.${id}`;
}

function expectedValue(row: Row, events: readonly StoredEvent[]): Readonly<Record<string, unknown>> {
  const {
    password_encrypted: _,
    deleted_at: __,
    last_seen_at: ___,
    stream_revision: ____,
    created_at,
    updated_at,
    ...fields
  } = row;
  const password = events.findLast(({ type }) => type === 'GatewayCreated' || type === 'GatewayPasswordChanged');
  return {
    ...fields,
    created_at: iso(created_at),
    updated_at: iso(updated_at),
    position: String(events.at(-1)?.position.commit),
    credential_version: Number(password?.revision),
  };
}

function iso(time: unknown): unknown {
  return time instanceof Date ? time.toISOString() : time;
}

function parsed(text: string | undefined): unknown {
  return text === undefined ? undefined : JSON.parse(text);
}
