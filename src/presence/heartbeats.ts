// Heartbeats, as they come over NATS: an empty message on a subject that says whose it is. Nobody keeps them.
import { type GatewayId, type OrganizationId, writtenUuid } from '../events/ids.ts';

/** `mti.hb.v1.<organization>.<gateway>`, of any gateway. */
export const heartbeatSubjects = 'mti.hb.v1.*.*';

/** Whose heartbeat it is. The organization is what the subject claims: NATS lets a tenant publish below its own alone. */
export interface Heartbeat {
  readonly organization: OrganizationId;
  readonly gateway: GatewayId;
}

/** The subject of the heartbeats of a gateway. */
export function heartbeatSubject({ organization, gateway }: Heartbeat): string {
  return `mti.hb.v1.${organization}.${gateway}`;
}

/** Whose heartbeat a message on this subject is; undefined when it names no gateway. */
export function readHeartbeat(subject: string): Heartbeat | undefined {
  const [, , , organization = '', gateway = '', ...more] = subject.split('.');
  if (more.length > 0 || !isUuid(organization) || !isUuid(gateway)) return undefined;
  return { organization: organization as OrganizationId, gateway: gateway as GatewayId };
}

// Not by the schema of ids: there may be thousands a second.
function isUuid(text: string): boolean {
  return writtenUuid.test(text);
}

/** What hearing them asks of NATS. */
export interface HeartbeatBus {
  /**
   * Resolves when there is a connection, or when the signal aborts.
   *
   * @throws BusUnavailable when that takes longer than `patience` milliseconds
   */
  connected(patience: number, signal: AbortSignal): Promise<void>;
  /**
   * Listens to what is published on a subject (`*` and `>` are wildcards) from now on.
   *
   * @param heard told the subject of each message
   * @throws BusUnavailable when there is no connection
   */
  listenTo(subject: string, heard: (subject: string) => void): Listening;
}

export interface Listening extends Disposable {
  /** Aborts, with the reason, when the connection is lost: what is published then is not heard. */
  readonly lost: AbortSignal;
  /**
   * Resolves when all that NATS had received before the call has been heard.
   *
   * @throws BusUnavailable when that takes longer than `patience` milliseconds, or the connection is lost
   */
  roundTrip(patience: number): Promise<void>;
}
