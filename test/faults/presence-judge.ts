// What the log may say of the presence of gateways, given when each of them really sent heartbeats.
import type { StoredEvent } from '../../src/events/event-log.ts';
import type { GatewayPresenceEvent } from '../../src/events/gateway-presence.ts';
import { EventMetadata } from '../../src/events/metadata.ts';

/** When the heartbeats of a gateway were sent, in milliseconds since 1970, oldest first. */
export type Beats = readonly number[];

export interface Rules {
  /** Milliseconds of silence after which a gateway is offline. */
  readonly timeout: number;
  /** Milliseconds that lie between two changes at least. */
  readonly debounce: number;
  /** Milliseconds that a message may take, and by which what is said may be late. */
  readonly slack: number;
}

/** What is wrong with the events of one gateway, oldest first: a line each. */
export function complaintsAbout(events: readonly StoredEvent[], beats: Beats, rules: Rules): readonly string[] {
  return events.flatMap((stored, index) => {
    const event = readEvent(stored);
    const before = events[index - 1];
    return [
      ...complaintsOfOrder(stored, before, index, rules),
      ...(event.type === 'GatewayConnected'
        ? complaintsOfComing(stored, beats)
        : complaintsOfGoing(stored, beats, rules)),
    ];
  });
}

function complaintsOfOrder(
  event: StoredEvent,
  before: StoredEvent | undefined,
  index: number,
  { debounce }: Rules,
): readonly string[] {
  const name = nameOf(event);
  const wanted = index % 2 === 0 ? 'GatewayConnected' : 'GatewayDisconnected';
  return [
    ...(event.type === wanted ? [] : [`${name} is no change`]),
    ...(event.revision === BigInt(index) ? [] : [`${name} should be at revision ${index}`]),
    ...(before && timeOf(event) - timeOf(before) < debounce ? [`${name} follows too soon on ${nameOf(before)}`] : []),
  ];
}

function complaintsOfComing(event: StoredEvent, beats: Beats): readonly string[] {
  const { lastSeenAt } = readEvent(event).data;
  const isHeard = beats.some((sent) => sent <= Date.parse(lastSeenAt));
  return isHeard ? [] : [`${nameOf(event)} goes by no heartbeat`];
}

// What it sent while nobody listened nobody has heard; but within its last timeout somebody did listen.
function complaintsOfGoing(event: StoredEvent, beats: Beats, { timeout, slack }: Rules): readonly string[] {
  const at = timeOf(event);
  const heard = beats.filter((sent) => sent > at - timeout + slack && sent < at - slack);
  return heard.length === 0 ? [] : [`${nameOf(event)} at ${at}, though heartbeats were sent at ${heard.join(', ')}`];
}

function readEvent({ type, data }: StoredEvent): GatewayPresenceEvent {
  return { type, data } as GatewayPresenceEvent;
}

function timeOf({ metadata }: StoredEvent): number {
  return Date.parse(EventMetadata.parse(metadata).occurredAt);
}

function nameOf({ type, stream, revision }: StoredEvent): string {
  return `${type} at revision ${revision} of ${stream}`;
}
