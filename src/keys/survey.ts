// Under which keys the passwords are, as the log says: the newest ciphertext of each gateway, deleted ones included.
import type { Replayed } from '../database/progress-bar.ts';
import { decode, UndecodableEvent } from '../events/codec.ts';
import type { EventLog, StoredEvent } from '../events/event-log.ts';
import { GatewayId } from '../events/ids.ts';
import { DecryptionError, type Encryption } from '../infrastructure/encryption.ts';

/** How a password stands; those that stand alike have the same one. */
export interface Standing {
  /** Undefined when what is stored is no sealed password. */
  readonly keyId: string | undefined;
  /** Whether it can be opened with the keys that are there. */
  readonly opens: boolean;
}

/** The current password of each gateway. */
export type Survey = ReadonlyMap<GatewayId, Standing>;

export interface SurveyOptions {
  readonly log: EventLog;
  readonly encryption: Encryption;
  readonly signal: AbortSignal;
  readonly onProgress: (read: Replayed) => void;
}

// Types are asked for by how they begin.
const types = ['GatewayCreated', 'GatewayPassword'];

/**
 * Reads every password that the log holds, opens it and forgets it.
 *
 * @throws EventLogUnavailable
 * @throws Error when `signal` aborts
 */
export async function survey({ log, encryption, signal, onProgress }: SurveyOptions): Promise<Survey> {
  const standings = new Map<string, Standing>();
  const found = new Map<GatewayId, Standing>();
  let events = 0;
  for await (const batch of log.readAll({ types, after: 'start', signal })) {
    for (const event of batch) {
      const id = gatewayOf(event.stream);
      if (id !== undefined) found.set(id, standingOf(readPassword(event), id));
    }
    events += batch.length;
    onProgress({ events, position: batch.at(-1)?.position });
  }
  signal.throwIfAborted();
  return found;

  function standingOf(sealed: string, id: GatewayId): Standing {
    const standing = { keyId: encryption.keyIdOf(sealed), opens: isOpenedBy(encryption, sealed, id) };
    const name = `${standing.keyId} ${standing.opens}`;
    const known = standings.get(name) ?? standing;
    standings.set(name, known);
    return known;
  }
}

// Somebody else's stream may have events of such types as well.
function gatewayOf(stream: string): GatewayId | undefined {
  return stream.startsWith('gateway-') ? GatewayId.safeParse(stream.slice('gateway-'.length)).data : undefined;
}

/** What an event says the password is; nothing when it says that in a way that nobody understands. */
function readPassword(stored: StoredEvent): string {
  try {
    const event = decode(stored);
    return event !== undefined && 'passwordEncrypted' in event.data ? event.data.passwordEncrypted : '';
  } catch (error) {
    if (error instanceof UndecodableEvent) return '';
    throw error;
  }
}

/** Whether a sealed password of a gateway opens with the keys that are there. */
export function isOpenedBy(encryption: Encryption, sealed: string, id: GatewayId): boolean {
  try {
    encryption.open(sealed, id);
    return true;
  } catch (error) {
    if (error instanceof DecryptionError) return false;
    throw error;
  }
}
