// Who was told which password, in the log: a stream for each gateway, which only grows.
import { decodeKnown, encode, type Recorded, UndecodableEvent } from '../events/codec.ts';
import type { CredentialAuditEvent } from '../events/credential-audit.ts';
import type { EventLog, StoredEvent } from '../events/event-log.ts';
import type { GatewayId } from '../events/ids.ts';
import { notBefore } from '../events/metadata.ts';
import { uuidv7 } from '../events/new-id.ts';

/** Others may append at the same moment: so often the end of the stream is looked for. */
const mostAttempts = 25;

const prefix = 'credentialAudit-';

/** The stream that holds the readings of a gateway's password. */
function auditStream(id: GatewayId): string {
  return `${prefix}${id}`;
}

/**
 * Records that a password is about to be told. Only once this has returned may it be.
 *
 * @throws EventLogUnavailable
 * @throws Error when too many append to the stream at once
 */
export async function recordReading(log: EventLog, data: CredentialAuditEvent['data'], now: Date): Promise<void> {
  const { requestId, subject } = data;
  const cause = { $correlationId: requestId, $causationId: requestId, commandId: requestId, actor: subject };
  for (let attempt = 1; attempt <= mostAttempts; attempt++) {
    const last = await log.readLast(auditStream(data.id));
    const occurredAt = notBefore(last, now.toISOString());
    const event = encode(uuidv7(), { type: 'GatewayCredentialRead', data }, { ...cause, occurredAt });
    const { status } = await log.append(auditStream(data.id), last?.revision ?? 'no_stream', [event]);
    if (status === 'appended') return;
  }
  throw new Error(`${auditStream(data.id)} did not stand still for ${mostAttempts} attempts to append to it`);
}

/** A reading that was recorded, or what stands in its place and cannot be read. */
export type Reading = {
  readonly stored: StoredEvent;
  readonly event: Recorded<CredentialAuditEvent> | UndecodableEvent;
};

/**
 * Who was told which password, oldest first: of one gateway, or of all in the order of the log. Ends early, without an
 * error, when `signal` aborts.
 *
 * @throws EventLogUnavailable
 * @throws StreamTombstoned when somebody has deleted the gateway's audit for good
 */
export async function* readingsOf(
  log: EventLog,
  id: GatewayId | undefined,
  signal: AbortSignal,
): AsyncGenerator<Reading> {
  if (id !== undefined) {
    for (const stored of await log.read(auditStream(id))) yield { stored, event: readingIn(stored) };
    return;
  }
  for await (const page of log.readAll({ streamPrefixes: [prefix], after: 'start', signal })) {
    for (const stored of page) yield { stored, event: readingIn(stored) };
  }
}

/** What cannot be read is a finding of its own: an audit neither passes over it nor stops there. */
function readingIn(stored: StoredEvent): Reading['event'] {
  try {
    const event = decodeKnown(stored);
    if (event.type === 'GatewayCredentialRead') return event;
    return new UndecodableEvent(`${event.type} at revision ${stored.revision} of ${stored.stream} is no reading`);
  } catch (error) {
    if (error instanceof UndecodableEvent) return error;
    throw error;
  }
}
