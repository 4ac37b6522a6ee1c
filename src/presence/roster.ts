// Who is there, in memory: what was heard of which gateway and when, and what follows from it. It holds the gateways that
// are online, and those that have just been heard of; all others are looked up when they are heard of again.

import { LRUCache } from 'lru-cache';
import type { GatewayIds } from '../domain/gateway.ts';
import type { GatewayPresence } from '../domain/gateway-presence.ts';
import type { ExpectedRevision } from '../events/event-log.ts';
import type { GatewayId } from '../events/ids.ts';
import type { Heartbeat } from './heartbeats.ts';
import type { Instant } from './instant.ts';
import { createStrangers } from './strangers.ts';

/** A gateway as the tables show it. */
export interface Known {
  readonly ids: GatewayIds;
  /** Whether it counts: not when it is deleted. */
  readonly isActive: boolean;
  /** Milliseconds without a heartbeat after which it is offline. */
  readonly timeout: number;
  /** What the tables say, milliseconds since 1970; undefined when they say nothing. */
  readonly lastSeen: number | undefined;
  readonly presence: KnownPresence;
}

/** What is known of the stream of its presence. */
export interface KnownPresence {
  readonly state: GatewayPresence;
  readonly revision: ExpectedRevision;
  /** When that began, milliseconds since 1970; undefined when nothing has happened. */
  readonly since: number | undefined;
}

/** A heartbeat that is to be noted in the tables. */
export interface Sighting {
  readonly id: GatewayId;
  /** Milliseconds since 1970. */
  readonly at: number;
}

export interface RosterSettings {
  /** A stored time is replaced when it is older than the newest heartbeat by so many milliseconds. */
  readonly threshold: number;
  /** Milliseconds that lie between two changes of one gateway at least. */
  readonly debounce: number;
}

export interface Roster {
  /** Takes note of a heartbeat; tells whether it may count, as far as that is known. */
  heard(heartbeat: Heartbeat, at: Instant): boolean;
  /** Who was heard of and is not known; to be learned. */
  unknown(): readonly GatewayId[];
  /** Learns of gateways, or learns anew. */
  learn(gateways: readonly Known[]): void;
  /** Forgets those who are still not known some time after they were heard of, or are of others; tells who that was. */
  forgetStrangers(now: Instant): readonly Heartbeat[];
  /** The heartbeats that are due to be noted. */
  due(): readonly Sighting[];
  /** All heartbeats that count and are newer than what is noted, due or not. */
  unstored(): readonly Sighting[];
  /** Which heartbeats have been noted. */
  noted(sightings: readonly Sighting[]): void;
  /** Gateways that have come. */
  arrived(now: Instant): readonly Change[];
  /**
   * Gateways that are silent.
   *
   * @param listeningSince since when nothing can have been missed; always the same
   */
  departed(now: Instant, listeningSince: Instant): readonly Change[];
  /** What was recorded of a gateway that is not here yet, which the tables may not show. */
  recorded(id: GatewayId, presence: KnownPresence): void;
  /** What has become of the presence of a gateway. */
  changed(id: GatewayId, presence: KnownPresence): void;
  /** Passes over a gateway from now on. */
  disregard(id: GatewayId): void;
  /** All that are known to be online. */
  online(): readonly GatewayId[];
  /** How many gateways it holds. */
  readonly size: number;
}

/** A change of presence that is due. */
export interface Change {
  readonly gateway: Known;
  /** The newest heartbeat, milliseconds since 1970; of one that was not heard since the start, as it is recorded. */
  readonly lastSeen: number;
}

interface Entry {
  readonly known: Known;
  /** The newest heartbeat, be the gateway active or not: what came while the tables called it deleted may count later. */
  readonly beat: Instant | undefined;
  /** The newest one that counts. */
  readonly heard: Instant | undefined;
  /** The time that the tables have. */
  readonly stored: number | undefined;
}

/** Of so many who are not here it is remembered what was recorded: of any other the tables have long heard. */
const mostUnshown = 50_000;

/** A roster of nobody yet. */
export function createRoster({ threshold, debounce }: RosterSettings): Roster {
  const entries = new Map<GatewayId, Entry>();
  const strangers = createStrangers();
  const disregarded = new Set<GatewayId>();
  /** What was recorded of those who are not here, as they have gone for instance, and the tables may not show yet. */
  const unshown = new LRUCache<GatewayId, KnownPresence>({ max: mostUnshown });
  /** Heard of since it was last looked at who has come. */
  const fresh = new Set<GatewayId>();
  /** Heard of since they were last noted: not the same, as who is heard of while others are noted comes between the two. */
  const unnoted = new Set<GatewayId>();
  /** Until then, by the steady clock, nobody can be silent: heartbeats only put it off. To look at all is not for each tick. */
  let nobodyBefore = Number.NEGATIVE_INFINITY;

  return {
    heard(heartbeat, at) {
      const { organization, gateway } = heartbeat;
      const entry = entries.get(gateway);
      if (entry === undefined) {
        if (!disregarded.has(gateway)) strangers.heard(heartbeat, at);
        return true;
      }
      // Whoever may publish for one organization speaks for no other.
      if (entry.known.ids.organizationId !== organization) return false;
      if (entry.known.isActive) hear(gateway, { ...entry, beat: at, heard: at });
      else entries.set(gateway, { ...entry, beat: at });
      return true;
    },
    unknown: strangers.ids,
    learn(gateways) {
      for (const known of gateways) if (!disregarded.has(known.ids.id)) learn(known);
    },
    forgetStrangers: strangers.forget,
    due() {
      const due: Sighting[] = [];
      for (const id of unnoted) {
        const { heard, stored } = entries.get(id) ?? {};
        if (heard !== undefined && (stored === undefined || heard.day - stored >= threshold))
          due.push({ id, at: heard.day });
        else unnoted.delete(id);
      }
      return due;
    },
    unstored: () =>
      [...entries].flatMap(([id, { heard, stored }]) =>
        heard !== undefined && (stored === undefined || heard.day > stored) ? [{ id, at: heard.day }] : [],
      ),
    noted(sightings) {
      for (const { id, at } of sightings) {
        const entry = entries.get(id);
        if (entry === undefined) continue;
        entries.set(id, { ...entry, stored: Math.max(entry.stored ?? 0, at) });
        if (entry.heard === undefined || entry.heard.day <= at) unnoted.delete(id);
      }
    },
    arrived(now) {
      const changes: Change[] = [];
      for (const id of fresh) {
        const { known, heard } = entries.get(id) ?? {};
        if (known === undefined || heard === undefined || isOnline(known)) fresh.delete(id);
        // It has gone again before it could be said that it was there.
        else if (isSilent(known, heard, now)) drop(id);
        else if (isSettled(known, now)) changes.push({ gateway: known, lastSeen: heard.day });
      }
      return changes;
    },
    departed(now, listeningSince) {
      if (now.steady < nobodyBefore) return [];
      const changes: Change[] = [];
      nobodyBefore = Number.POSITIVE_INFINITY;
      for (const { known, heard } of entries.values()) {
        if (known.presence.state.status !== 'online') continue;
        const last = heard === undefined || heard.steady < listeningSince.steady ? listeningSince : heard;
        nobodyBefore = Math.min(nobodyBefore, last.steady + known.timeout);
        if (!isSilent(known, last, now) || !isSettled(known, now)) continue;
        const recorded = Date.parse(known.presence.state.lastSeenAt);
        changes.push({ gateway: known, lastSeen: Math.max(heard?.day ?? 0, known.lastSeen ?? 0, recorded) });
      }
      return changes;
    },
    recorded: (id, presence) => void unshown.set(id, presence),
    changed(id, presence) {
      const entry = entries.get(id);
      if (entry === undefined) return;
      nobodyBefore = Number.NEGATIVE_INFINITY;
      // Who was heard of while the silence was recorded comes back when that is settled.
      if (presence.state.status !== 'online' && !fresh.has(id)) {
        unshown.set(id, presence);
        drop(id);
      } else entries.set(id, { ...entry, known: { ...entry.known, presence } });
    },
    disregard(id) {
      disregarded.add(id);
      drop(id);
    },
    online: () => [...entries].flatMap(([id, { known }]) => (isOnline(known) ? [id] : [])),
    get size() {
      return entries.size + strangers.ids().length;
    },
  };

  function learn(learned: Known): void {
    const { id, organizationId } = learned.ids;
    const entry = entries.get(id);
    // One that seems to be deleted may have been restored a moment ago: the tables are given time to say so.
    if (entry === undefined && !learned.isActive && !isOnline(learned)) return;
    const beat = strangers.met(id, organizationId) ?? entry?.beat;
    const heard = learned.isActive ? beat : entry?.heard;
    // The tables may be behind what has been recorded here.
    const known = { ...learned, presence: newer(entry?.known.presence ?? unshown.get(id), learned.presence) };
    if (known.presence === learned.presence) unshown.delete(id);
    if (!isOnline(known) && (heard === undefined || !known.isActive)) {
      drop(id);
      return;
    }
    nobodyBefore = Number.NEGATIVE_INFINITY;
    const stored = Math.max(entry?.stored ?? 0, learned.lastSeen ?? 0);
    const learnedEntry = { known, beat, heard, stored: stored === 0 ? undefined : stored };
    const isNews = heard !== undefined && (heard !== entry?.heard || !isOnline(known));
    if (isNews) hear(id, learnedEntry);
    else entries.set(id, learnedEntry);
  }

  function hear(id: GatewayId, entry: Entry): void {
    entries.set(id, entry);
    fresh.add(id);
    unnoted.add(id);
  }

  function drop(id: GatewayId): void {
    entries.delete(id);
    fresh.delete(id);
    unnoted.delete(id);
  }

  function isSettled({ presence: { since } }: Known, { day }: Instant): boolean {
    return since === undefined || Math.abs(day - since) >= debounce;
  }
}

function isOnline({ presence }: Known): boolean {
  return presence.state.status === 'online';
}

function isSilent({ timeout }: Known, last: Instant, now: Instant): boolean {
  return now.steady - last.steady >= timeout;
}

function newer(a: KnownPresence | undefined, b: KnownPresence): KnownPresence {
  if (a === undefined || a.revision === 'no_stream') return b;
  return b.revision === 'no_stream' || b.revision < a.revision ? a : b;
}
