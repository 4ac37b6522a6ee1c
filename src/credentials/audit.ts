// Who was told which password, in the log: a stream for each gateway, which only grows.
import { encode } from '../events/codec.ts';
import type { CredentialAuditEvent } from '../events/credential-audit.ts';
import type { EventLog } from '../events/event-log.ts';
import type { GatewayId } from '../events/ids.ts';
import { notBefore } from '../events/metadata.ts';
import { uuidv7 } from '../events/new-id.ts';

/** Others may append at the same moment: so often the end of the stream is looked for. */
const mostAttempts = 25;

/** The stream that holds the readings of a gateway's password. */
function auditStream(id: GatewayId): string {
  return `credentialAudit-${id}`;
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
