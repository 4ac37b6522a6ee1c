// Records changes of presence in the log, each once: a stream for each gateway, which keeps its last event alone.
import {
  type GatewayPresenceCommand,
  gatewayPresenceDecider,
  gatewayPresenceStream,
} from '../domain/gateway-presence.ts';
import { streamPrefix } from '../events/catalogue.ts';
import { decodeKnown, encode, type Recorded, UndecodableEvent } from '../events/codec.ts';
import type { EventLog, Position, StoredEvent } from '../events/event-log.ts';
import type { GatewayPresenceEvent } from '../events/gateway-presence.ts';
import type { GatewayId } from '../events/ids.ts';
import { uuidv7 } from '../events/new-id.ts';
import { keepOnlyTheLastOfNew } from '../events/stream-settings.ts';
import type { KnownPresence } from './roster.ts';

const { initial, evolve, decide } = gatewayPresenceDecider;

export const nothingRecorded: KnownPresence = { state: initial, revision: 'no_stream', since: undefined };

/**
 * Records a change, unless the rules say that it is none. When somebody else has recorded something since, nothing is recorded:
 * whether it is a change still, and not too soon, is to be seen by what the stream says.
 *
 * @param known what is known of the stream, which may be stale
 * @param now the clock of the registry
 * @returns what the stream says afterwards
 * @throws EventLogUnavailable; UndecodableEvent
 */
export async function recordChange(
  log: EventLog,
  command: GatewayPresenceCommand,
  known: KnownPresence,
  now: Date,
): Promise<KnownPresence> {
  const { id } = command.gateway;
  const decision = decide(command, known.state);
  const [event] = decision.outcome === 'accepted' ? decision.events : [];
  if (event === undefined) return known;
  return (await append(log, id, event, known, now)) ?? (await readPresence(log, id));
}

async function append(
  log: EventLog,
  id: GatewayId,
  event: GatewayPresenceEvent,
  { state, revision, since }: KnownPresence,
  now: Date,
): Promise<KnownPresence | undefined> {
  const stream = gatewayPresenceStream(id);
  // Before the first event, so that a stream that has one has its settings.
  if (revision === 'no_stream') await keepOnlyTheLastOfNew(log, stream);
  const eventId = uuidv7();
  const occurredAt = later(since, now);
  const cause = { $correlationId: eventId, $causationId: eventId, commandId: eventId, actor: 'process:presence' };
  const appended = await log.append(stream, revision, [encode(eventId, event, { ...cause, occurredAt })]);
  if (appended.status === 'conflict') return undefined;
  return { state: evolve(state, event), revision: appended.revision, since: Date.parse(occurredAt) };
}

/** What the stream of a gateway's presence says. Throws EventLogUnavailable, UndecodableEvent. */
export async function readPresence(log: EventLog, id: GatewayId): Promise<KnownPresence> {
  const last = await log.readLast(gatewayPresenceStream(id));
  return last === undefined ? nothingRecorded : presenceAfter(decodePresence(last));
}

/**
 * What was recorded after a position: the last of each gateway. What cannot be read is passed over, and found when its gateway
 * is looked at. Ends early, without an error, when `signal` aborts.
 *
 * @throws EventLogUnavailable
 */
export async function readRecorded(
  log: EventLog,
  after: Position,
  signal: AbortSignal,
): Promise<ReadonlyMap<GatewayId, KnownPresence>> {
  const recorded = new Map<GatewayId, KnownPresence>();
  for await (const events of log.readAll({ streamPrefixes: [streamPrefix('gatewayPresence')], after, signal })) {
    for (const event of events.flatMap(readable)) recorded.set(event.data.id, presenceAfter(event));
  }
  return recorded;
}

function readable(stored: StoredEvent): readonly Recorded<GatewayPresenceEvent>[] {
  try {
    return [decodePresence(stored)];
  } catch (error) {
    if (error instanceof UndecodableEvent) return [];
    throw error;
  }
}

function decodePresence(stored: StoredEvent): Recorded<GatewayPresenceEvent> {
  const event = decodeKnown(stored);
  if (event.type === 'GatewayConnected' || event.type === 'GatewayDisconnected') return event;
  throw new UndecodableEvent(`${event.type} at revision ${event.revision} of ${event.stream} tells no presence`);
}

function presenceAfter(event: Recorded<GatewayPresenceEvent>): KnownPresence {
  return {
    state: evolve(initial, event),
    revision: event.revision,
    since: Date.parse(event.metadata.occurredAt),
  };
}

// Clocks of two machines may differ, time in a stream does not go back.
function later(since: number | undefined, now: Date): string {
  return new Date(Math.max(since ?? 0, now.getTime())).toISOString();
}
