// Runs a command: load, decide, append at the revision that was read. A conflict runs it again.
import { setTimeout as delay } from 'node:timers/promises';
import type { Rejection } from '../domain/decision.ts';
import type { Factory } from '../domain/factory.ts';
import type { GatewayIds } from '../domain/gateway.ts';
import { claimOf } from '../domain/gateway-identity.ts';
import type { Organization } from '../domain/organization.ts';
import type { RegistryEvent } from '../events/catalogue.ts';
import type { EventLog, Position } from '../events/event-log.ts';
import type { EventId, FactoryId, GatewayId, OrganizationId, ReservationId } from '../events/ids.ts';
import { uuidv7 } from '../events/new-id.ts';
import { type Aggregate, factories, organizations } from './aggregate.ts';
import { type AggregateCache, current, currentParent, remembered } from './aggregate-cache.ts';
import { type Cause, stamp } from './cause.ts';
import type { Idempotency } from './idempotency.ts';
import { evolveStored, findEvent, type Loaded, loadUpTo, nothingLoaded } from './load.ts';
import { reserveGatewayId, withdrawReservation } from './reserve-gateway-id.ts';

export interface CommandDependencies {
  readonly log: EventLog;
  /** Where aggregates are remembered; without it each command reads its stream from the start. */
  readonly cache?: AggregateCache;
  /** Seals a password for a gateway, so that no rule and no event sees it in plain text. */
  readonly sealPassword: (password: string, gateway: GatewayId) => string;
  /**
   * Whether anything active belongs to a parent. No stream says so: this asks the read model, once that shows all that has
   * happened so far. It is there for people who want to be careful; nothing that must hold depends on it.
   */
  readonly hasActiveChildren: (parent: 'organization' | 'factory', id: string) => Promise<boolean>;
  readonly now: () => Date;
  /** Milliseconds for which a reservation of a device id without a gateway event counts as in flight. */
  readonly reservationGrace: number;
}

/** What a command needs to know and its own stream does not say. Read anew for each attempt. */
export interface Facts {
  organization(id: OrganizationId): Promise<Organization>;
  factory(id: FactoryId): Promise<Factory>;
  hasActiveChildren(parent: 'organization' | 'factory', id: string): Promise<boolean>;
  sealPassword(password: string, gateway: GatewayId): string;
  newReservation(): ReservationId;
}

/** Who sends a command, and what it belongs to. */
export interface Sender {
  readonly actor: string;
  readonly correlationId: string;
  /** The trace that the request is a part of, as W3C Trace Context writes it. */
  readonly traceparent?: string | undefined;
  /** The aggregate's id was made up for this command: there can be no stream yet. */
  readonly isNew?: boolean;
  /** The revisions that the aggregate may be at. */
  readonly onlyAt?: readonly bigint[];
  /** What the command is recognized by when it is sent again. */
  readonly idempotency?: Idempotency;
  /** What a process answers with the command. */
  readonly reaction?: Reaction;
}

/** A process's answer to an event. It happens once for each event and target, however often it is run. */
export interface Reaction {
  /** The event that it answers. */
  readonly cause: EventId;
  /** The id of what is appended, derived from cause and target: a stream that holds it has had the reaction. */
  readonly eventId: EventId;
}

export type Outcome<Resource> =
  /** The resource as it is now; of a command that was sent again, as it was then. */
  | ({ readonly outcome: 'accepted' | 'ignored' | 'replayed' } & Recorded<Resource>)
  | {
      readonly outcome: 'rejected';
      readonly reason: Rejection | 'GatewayIdInFlight' | 'IdempotencyKeyReused' | 'Conflict';
      /** Which gateway has the device id. */
      readonly holder?: GatewayIds;
    }
  | { readonly outcome: 'rejected'; readonly reason: 'PreconditionFailed'; readonly revision: bigint };

/** A resource with the revision and position of the last event that it shows. */
interface Recorded<Resource> {
  readonly resource: Resource;
  readonly revision: bigint;
  readonly position: Position;
}

/** After so many conflicts the caller hears of it. */
const mostAttempts = 16;

/** Milliseconds that a command waits after a conflict at most, before it is run again. */
const longestPause = 64;

/**
 * Runs commands against one aggregate as one: all of their events are appended together, or none.
 *
 * What is remembered of the aggregate may decide only what is then appended, because the append fails if it was stale.
 * Everything else is decided on what the log says now.
 *
 * @param commandsFor makes the commands from the aggregate's state and facts, once for each attempt
 * @throws EventLogUnavailable; the events may have been appended or not
 */
export async function handle<Id extends string, Command, State, Event extends RegistryEvent, Resource>(
  dependencies: CommandDependencies,
  aggregate: Aggregate<Id, Command, State, Event, Resource>,
  id: Id,
  sender: Sender,
  commandsFor: (state: State, facts: Facts) => Promise<readonly Command[]>,
): Promise<Outcome<Resource>> {
  const { log, cache, now, reservationGrace } = dependencies;
  const { actor, correlationId, traceparent, idempotency, reaction } = sender;
  const commandId = reaction?.eventId ?? idempotency?.commandId ?? uuidv7();
  const causationId = reaction?.cause ?? commandId;
  const facts = factsFrom(dependencies);
  const stream = aggregate.stream(id);

  let known = knownBefore();
  for (let attempt = 1; attempt <= mostAttempts; ) {
    const loaded = known ?? (await current(log, cache, aggregate, id));
    const isStale = known !== undefined && sender.isNew !== true;
    const cause = { actor, correlationId, traceparent, causationId, commandId, now: now().toISOString() };
    const outcome = await attemptOnce(loaded, isStale, cause);
    known = undefined;
    if (outcome === 'look again') continue;
    if (outcome !== 'conflict') return outcome;
    if (attempt < mostAttempts) await delay(Math.random() * Math.min(2 ** attempt, longestPause));
    attempt++;
  }
  return { outcome: 'rejected', reason: 'Conflict' };

  function knownBefore(): Loaded<State, Resource> | undefined {
    // Whether it has been run before only the log can tell.
    if (idempotency !== undefined || reaction !== undefined) return undefined;
    return sender.isNew ? nothingLoaded(aggregate) : remembered(cache, aggregate, id);
  }

  async function attemptOnce(
    loaded: Loaded<State, Resource>,
    isStale: boolean,
    cause: Cause,
  ): Promise<Outcome<Resource> | 'conflict' | 'look again'> {
    const before = await ranBefore(loaded);
    if (before !== undefined) return before;
    if (sender.onlyAt !== undefined && loaded.resource !== undefined) {
      const { revision } = recorded(loaded);
      if (!sender.onlyAt.includes(revision)) {
        return isStale ? 'look again' : { outcome: 'rejected', reason: 'PreconditionFailed', revision };
      }
    }
    const decided = decideAll(aggregate, await commandsFor(loaded.state, facts), loaded.state);
    const claims = decided.outcome === 'decided' ? decided.events.flatMap((event) => claimOf(event) ?? []) : [];
    const appends = decided.outcome === 'decided' && decided.events.length > 0;
    // Who takes a device id does not try it on what may be stale.
    if (isStale && (!appends || claims.length > 0)) return 'look again';
    if (decided.outcome === 'rejected') return decided;
    if (decided.events.length === 0) return { outcome: 'ignored', ...recorded(loaded) };

    const withdrawals: (() => Promise<void>)[] = [];
    for (const claim of claims) {
      const reservation = await reserveGatewayId(log, claim, cause, reservationGrace);
      if (reservation.status === 'contended') return 'conflict';
      if (reservation.status === 'in-flight') return { outcome: 'rejected', reason: 'GatewayIdInFlight' };
      if (reservation.status === 'taken') {
        return { outcome: 'rejected', reason: 'GatewayIdTaken', holder: reservation.holder };
      }
      withdrawals.push(() => withdrawReservation(log, claim, cause, reservation));
    }
    const events = stamp(decided.events, cause, loaded.last?.occurredAt, reaction?.eventId);
    const appended = await log.append(stream, loaded.revision, events);
    if (appended.status === 'conflict') {
      for (const withdraw of withdrawals) await withdraw();
      return 'conflict';
    }
    const first = appended.revision - BigInt(events.length - 1);
    const { position } = appended;
    const stored = events.map((event, index) => ({ ...event, stream, revision: first + BigInt(index), position }));
    const after = evolveStored(aggregate, loaded, stored);
    // A reaction may have been appended before under the same id: then the store holds that one, and says the same.
    if (reaction === undefined) cache?.put(stream, after);
    return { outcome: 'accepted', ...recorded(after) };
  }

  /** What has become of this very command before, if the stream has had it. */
  async function ranBefore(loaded: Loaded<State, Resource>): Promise<Outcome<Resource> | undefined> {
    if (reaction !== undefined) {
      const reacted = findEvent(loaded.last, (event) => event.id === reaction.eventId);
      return reacted && { outcome: 'ignored', ...recorded(loaded) };
    }
    if (idempotency === undefined) return undefined;
    return recalledOutcome(dependencies, aggregate, id, loaded, idempotency);
  }
}

/**
 * What has become of a command that was sent before about this aggregate; undefined when it was not. Appends nothing.
 *
 * @throws EventLogUnavailable
 */
export async function recallOutcome<Id extends string, Command, State, Event extends RegistryEvent, Resource>(
  dependencies: CommandDependencies,
  aggregate: Aggregate<Id, Command, State, Event, Resource>,
  id: Id,
  idempotency: Idempotency,
): Promise<Outcome<Resource> | undefined> {
  const { log, cache } = dependencies;
  return recalledOutcome(dependencies, aggregate, id, await current(log, cache, aggregate, id), idempotency);
}

async function recalledOutcome<Id extends string, Command, State, Event extends RegistryEvent, Resource>(
  { log }: CommandDependencies,
  aggregate: Aggregate<Id, Command, State, Event, Resource>,
  id: Id,
  loaded: Loaded<State, Resource>,
  idempotency: Idempotency,
): Promise<Outcome<Resource> | undefined> {
  const sent = findEvent(loaded.last, ({ commandId }) => idempotency.isOfKey(commandId));
  if (sent === undefined) return undefined;
  if (!idempotency.isSame(sent.commandId)) return { outcome: 'rejected', reason: 'IdempotencyKeyReused' };
  const after = await loadUpTo(log, aggregate, id, sent.revision);
  return after.resource && { outcome: 'replayed', ...recorded(after) };
}

function factsFrom({ log, cache, sealPassword, hasActiveChildren }: CommandDependencies): Facts {
  return {
    organization: async (id) => (await currentParent(log, cache, organizations, id)).state,
    factory: async (id) => (await currentParent(log, cache, factories, id)).state,
    hasActiveChildren,
    sealPassword,
    newReservation: () => uuidv7() as ReservationId,
  };
}

function decideAll<Id extends string, Command, State, Event extends RegistryEvent, Resource>(
  { decider }: Aggregate<Id, Command, State, Event, Resource>,
  commands: readonly Command[],
  before: State,
):
  | { readonly outcome: 'decided'; readonly events: readonly Event[] }
  | { readonly outcome: 'rejected'; readonly reason: Rejection } {
  const events: Event[] = [];
  let state = before;
  for (const command of commands) {
    const decision = decider.decide(command, state);
    if (decision.outcome === 'rejected') return decision;
    if (decision.outcome === 'ignored') continue;
    events.push(...decision.events);
    state = decision.events.reduce(decider.evolve, state);
  }
  return { outcome: 'decided', events };
}

function recorded<State, Resource>({ resource, last }: Loaded<State, Resource>): Recorded<Resource> {
  if (resource === undefined || last === undefined) {
    throw new Error('a command that was not rejected left no resource');
  }
  return { resource, revision: last.revision, position: last.position };
}
