// What the log may say of the presence of gateways, and has to say, given when each of them really sent heartbeats, and when
// something was down.
import type { StoredEvent } from '../../src/events/event-log.ts';
import type { GatewayPresenceEvent } from '../../src/events/gateway-presence.ts';
import { EventMetadata } from '../../src/events/metadata.ts';

/** When the heartbeats of a gateway were sent, in milliseconds since 1970, oldest first. */
export type Beats = readonly number[];

/** From when until when, in milliseconds since 1970. */
export type Span = readonly [from: number, until: number];

export interface Rules {
  /** Milliseconds of silence after which a gateway is offline. */
  readonly timeout: number;
  /** Milliseconds that lie between two changes at least. */
  readonly debounce: number;
  /** Milliseconds that a message may take, and by which what is said may be late. */
  readonly slack: number;
}

/**
 * What is wrong with the events of one gateway: a line each.
 *
 * @param events oldest first
 * @param troubles when something was down, or had not yet recovered, in any order
 */
export function complaintsAbout(
  events: readonly StoredEvent[],
  beats: Beats,
  troubles: readonly Span[],
  rules: Rules,
): readonly string[] {
  return [...complaintsOfEvents(events, beats, rules), ...complaintsOfAbsence(events, beats, troubles, rules)];
}

/** How long a gateway may beat, while nothing is down, before it is online, in milliseconds. */
export function longestAbsence({ timeout, debounce, slack }: Rules): number {
  return timeout + debounce + slack;
}

function complaintsOfEvents(events: readonly StoredEvent[], beats: Beats, rules: Rules): readonly string[] {
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

function complaintsOfAbsence(
  events: readonly StoredEvent[],
  beats: Beats,
  troubles: readonly Span[],
  rules: Rules,
): readonly string[] {
  const missed = common(absences(events), common(runs(beats, rules), calm(troubles)));
  return missed
    .filter(([from, until]) => until - from >= longestAbsence(rules))
    .map(
      ([from, until]) => `it was offline from ${from} to ${until}, though heartbeats were sent, and nothing was down`,
    );
}

/** When a gateway was not online by its events. */
function absences(events: readonly StoredEvent[]): readonly Span[] {
  const comings = events.filter(({ type }) => type === 'GatewayConnected').map(timeOf);
  const goings = events.filter(({ type }) => type === 'GatewayDisconnected').map(timeOf);
  return [Number.NEGATIVE_INFINITY, ...goings].map((going) => [
    going,
    comings.find((coming) => coming >= going) ?? Number.POSITIVE_INFINITY,
  ]);
}

/** When it sent heartbeats so often that it could not be silent, however long each of them took. */
function runs(beats: Beats, { timeout, slack }: Rules): readonly Span[] {
  const [first, last] = [beats[0], beats.at(-1)];
  if (first === undefined || last === undefined) return [];
  const pauses = beats.slice(1).map((next, index): Span => [beats[index] ?? next, next]);
  return common([[first, last]], calm(pauses.filter(([from, until]) => until - from >= timeout - slack)));
}

/** All the time but that of the troubles. */
function calm(troubles: readonly Span[]): readonly Span[] {
  const whatIsLeft = (left: readonly Span[], [from, until]: Span) => common(left, [before(from), after(until)]);
  return troubles.reduce(whatIsLeft, [[Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY]]);
}

function before(time: number): Span {
  return [Number.NEGATIVE_INFINITY, time];
}

function after(time: number): Span {
  return [time, Number.POSITIVE_INFINITY];
}

/** What lies in both. */
function common(some: readonly Span[], others: readonly Span[]): readonly Span[] {
  return some
    .flatMap(([from, until]) => others.map((other): Span => [Math.max(from, other[0]), Math.min(until, other[1])]))
    .filter(([from, until]) => from < until);
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
