// One life of the active instance: listen, look who is online by the tables, then tick. A tick notes what was heard, and
// records who has come and who is silent. Whatever fails, or is missed, ends the life: the next one begins by listening, and one
// timeout passes before it calls anybody silent.
import type { Logger } from 'pino';
import type { GatewayPresenceCommand } from '../domain/gateway-presence.ts';
import { UndecodableEvent } from '../events/codec.ts';
import { type EventLog, EventLogUnavailable, StreamTombstoned } from '../events/event-log.ts';
import type { GatewayId } from '../events/ids.ts';
import { pauseFor } from '../infrastructure/lifecycle.ts';
import { inParallel } from '../infrastructure/parallel.ts';
import type { Connection } from '../infrastructure/postgres.ts';
import { type HeartbeatBus, heartbeatSubject, heartbeatSubjects, type Listening, readHeartbeat } from './heartbeats.ts';
import { type Instant, instant } from './instant.ts';
import { createOddities, type Oddities } from './oddities.ts';
import { readPresence, readRecorded, recordChange } from './recorder.ts';
import { type Change, createRoster, type Known, type Roster } from './roster.ts';
import { openPresenceTables, type PresenceTables } from './tables.ts';
import { type PresenceTiming, usualTiming } from './timing.ts';

export interface LifeOptions {
  readonly log: EventLog;
  readonly bus: HeartbeatBus;
  readonly logger: Logger;
  readonly timing?: Partial<PresenceTiming>;
}

/** How long NATS may take to be there, in milliseconds. */
const connectionPatience = 5_000;

/** So long it is read, in milliseconds, what the tables do not show: they may be far behind. */
const longestLook = 10_000;

/** So many changes are recorded at a time. */
const width = 32;

/** And so many by a tick: who is heard of meanwhile is not to wait for thousands. */
const mostChanges = 1_000;

interface Life {
  readonly roster: Roster;
  readonly tables: PresenceTables;
  readonly listening: Listening;
  readonly listeningSince: Instant;
  readonly unreadable: Set<GatewayId>;
  readonly oddities: Oddities;
  readonly log: EventLog;
  readonly logger: Logger;
  readonly timing: PresenceTiming;
}

/**
 * Lives until it is told to end; the next life goes on from what this one has written.
 *
 * @param connection of who holds the lock
 * @param unreadable is filled with the gateways of whose presence the log cannot be read
 * @param ending aborts when it is to return
 * @param alive is called with each tick
 * @throws what keeps it from going on
 */
export async function live(
  { log, bus, logger, timing: given }: LifeOptions,
  connection: Connection,
  unreadable: Set<GatewayId>,
  ending: AbortSignal,
  alive: () => void,
): Promise<void> {
  const timing = { ...usualTiming, ...given };
  await bus.connected(connectionPatience, ending);
  if (ending.aborted) return;
  const roster = createRoster(timing);
  const oddities = createOddities(logger);
  using listening = bus.listenTo(heartbeatSubjects, (subject) => {
    const heartbeat = readHeartbeat(subject);
    if (heartbeat === undefined || !roster.heard(heartbeat, instant())) oddities.note(subject);
  });
  await listening.roundTrip(timing.patience);
  const listeningSince = instant();
  const tables = await openPresenceTables(connection);
  await tables.restoreFromPresence();
  const life: Life = { roster, tables, listening, listeningSince, unreadable, oddities, log, logger, timing };
  logger.info('listening to heartbeats');
  const signal = AbortSignal.any([ending, listening.lost]);
  await learnWhatIsNotShown(life, signal);
  try {
    await keepLooking(life, signal, alive);
  } finally {
    await noteWhatIsLeft(life);
  }
  if (!ending.aborted) listening.lost.throwIfAborted();
}

/**
 * Learns what was recorded before this life and the tables do not show yet: whoever has gone by then is there by the tables, and
 * his heartbeats would be none of somebody who comes.
 */
async function learnWhatIsNotShown({ roster, tables, log, logger }: Life, signal: AbortSignal): Promise<void> {
  const shown = await tables.position();
  if (shown === undefined) return;
  try {
    const looking = AbortSignal.any([signal, AbortSignal.timeout(longestLook)]);
    const recorded = await readRecorded(log, shown, looking);
    for (const [id, presence] of recorded) roster.recorded(id, presence);
    roster.learn(await tables.find([...recorded.keys()]));
  } catch (err) {
    // To note when gateways are seen needs no log.
    if (!(err instanceof EventLogUnavailable)) throw err;
    logger.warn({ err }, 'the log cannot be read: until the tables follow it, some who come may be told late');
  }
}

async function keepLooking(life: Life, signal: AbortSignal, alive: () => void): Promise<void> {
  const { timing, oddities } = life;
  let refreshedAt = Number.NEGATIVE_INFINITY;
  while (!signal.aborted) {
    if (performance.now() - refreshedAt >= timing.refresh) {
      refreshedAt = performance.now();
      await refresh(life);
      oddities.tell();
    }
    const isDone = await tick(life, signal);
    alive();
    if (isDone) await pauseFor(timing.tick, signal);
  }
}

/** The next life goes by the tables: what they do not have when this one ends was not heard. */
async function noteWhatIsLeft({ roster, tables, logger }: Life): Promise<void> {
  let left = roster.unstored();
  try {
    // Once more for those that somebody else was writing.
    for (let pass = 1; pass <= 2 && left.length > 0; pass++) {
      const noted = new Set(await tables.note(left));
      left = left.filter((sighting) => !noted.has(sighting));
    }
  } catch (err) {
    logger.warn({ err }, 'not all of the last heartbeats could be noted');
  }
}

/** Tells whether nothing was left over that is due already. */
async function tick(life: Life, signal: AbortSignal): Promise<boolean> {
  const { roster, tables, listening, listeningSince, timing } = life;
  await meetStrangers(life, signal);
  roster.noted(await tables.note(roster.due()));
  const haveAllCome = await settle(life, signal, 'ConnectGateway', () => roster.arrived(instant()));
  // What is under way while it is asked who is silent would be heard too late.
  await listening.roundTrip(timing.patience);
  const haveAllGone = await settle(life, signal, 'DisconnectGateway', () => roster.departed(instant(), listeningSince));
  return haveAllCome && haveAllGone;
}

/** Looks at all that are online, here or by the tables: whatever one side has missed, the other one knows. */
async function refresh({ roster, tables }: Life): Promise<void> {
  const ids = new Set<GatewayId>();
  for await (const shown of tables.online()) {
    roster.learn(shown);
    for (const { ids: of } of shown) ids.add(of.id);
  }
  roster.learn(await tables.find(roster.online().filter((id) => !ids.has(id))));
}

async function meetStrangers(life: Life, signal: AbortSignal): Promise<void> {
  const { roster, tables, oddities } = life;
  const ids = roster.unknown();
  if (ids.length === 0) return;
  const found = await tables.find(ids);
  // Whoever is online is known: of a stranger that is online by the tables, these have not heard the last word.
  const [doubtful, others] = [found.filter(isOnline), found.filter((known) => !isOnline(known))];
  roster.learn(others);
  await inParallel(doubtful, width, signal, (known) =>
    unlessUnreadable(life, known.ids.id, async () => {
      roster.learn([{ ...known, presence: await readPresence(life.log, known.ids.id) }]);
    }),
  );
  for (const heartbeat of roster.forgetStrangers(instant())) oddities.note(heartbeatSubject(heartbeat));
}

function isOnline({ presence }: Known): boolean {
  return presence.state.status === 'online';
}

/** Records the changes that are due, as far as they are when the tables have been asked once more; tells whether all are. */
async function settle(
  life: Life,
  signal: AbortSignal,
  type: GatewayPresenceCommand['type'],
  due: () => readonly Change[],
): Promise<boolean> {
  const { roster, tables, logger, timing } = life;
  const all = due();
  if (all.length === 0) return true;
  const suspects = new Set(all.slice(0, mostChanges).map(({ gateway: { ids } }) => ids.id));
  roster.learn(await tables.find([...suspects]));
  const changes = due().filter(({ gateway: { ids } }) => suspects.has(ids.id));
  const askedAt = performance.now();
  roster.noted(await tables.note(changes.map(({ gateway: { ids }, lastSeen }) => ({ id: ids.id, at: lastSeen }))));
  let recorded = 0;
  await inParallel(changes, width, signal, async (change) => {
    // Who has slept meanwhile may not be the owner any more, and knows nothing of who was heard: then it is asked anew.
    if (performance.now() - askedAt >= timing.trust) return;
    recorded += 1;
    await record(life, type, change);
  });
  logger.debug({ type, gateways: recorded }, 'the presence of gateways has changed');
  return all.length <= mostChanges && recorded === changes.length;
}

async function record(life: Life, type: GatewayPresenceCommand['type'], change: Change): Promise<void> {
  const { roster, log } = life;
  const { ids, presence } = change.gateway;
  const command = { type, gateway: ids, lastSeenAt: new Date(change.lastSeen).toISOString() };
  await unlessUnreadable(life, ids.id, async () => {
    roster.changed(ids.id, await recordChange(log, command, presence, new Date()));
  });
}

/** A stream that somebody has spoiled keeps nobody else from coming and going. It is looked at again in the next life. */
async function unlessUnreadable(
  { roster, unreadable, logger }: Life,
  id: GatewayId,
  work: () => Promise<void>,
): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (!(error instanceof UndecodableEvent || error instanceof StreamTombstoned)) throw error;
    roster.disregard(id);
    unreadable.add(id);
    logger.error({ gateway: id, err: error }, 'the presence of a gateway cannot be read: it is passed over');
  }
}
