// Runs a command: load, decide, append at the revision that was read. A conflict runs it again.
import { setTimeout as delay } from 'node:timers/promises';
import type { Rejection } from '../domain/decision.ts';
import type { Factory } from '../domain/factory.ts';
import { claimOf } from '../domain/gateway-identity.ts';
import type { Organization } from '../domain/organization.ts';
import type { RegistryEvent } from '../events/catalogue.ts';
import { decode, type Recorded } from '../events/codec.ts';
import type { EventLog, EventToAppend, Position } from '../events/event-log.ts';
import type { FactoryId, GatewayId, OrganizationId, ReservationId } from '../events/ids.ts';
import { uuidv7 } from '../events/new-id.ts';
import { type Aggregate, factories, organizations } from './aggregate.ts';
import { type Cause, stamp } from './cause.ts';
import { evolveLoaded, type Loaded, load } from './load.ts';
import { reserveGatewayId } from './reserve-gateway-id.ts';

export interface CommandDependencies {
  readonly log: EventLog;
  /** Seals a password for a gateway, so that no rule and no event sees it in plain text. */
  readonly sealPassword: (password: string, gateway: GatewayId) => string;
  readonly now: () => Date;
  /** Milliseconds for which a reservation of a device id without a gateway event counts as in flight. */
  readonly reservationGrace: number;
}

/** What a command needs to know and its own stream does not say. Read anew for each attempt. */
export interface Facts {
  organization(id: OrganizationId): Promise<Organization>;
  factory(id: FactoryId): Promise<Factory>;
  sealPassword(password: string, gateway: GatewayId): string;
  newReservation(): ReservationId;
}

/** Who sends a command, and what it belongs to. */
export interface Sender {
  readonly actor: string;
  readonly correlationId: string;
}

export type Outcome<Resource> =
  /** The resource as it is now, with the revision and position of its stream's last event. */
  | {
      readonly outcome: 'accepted' | 'ignored';
      readonly resource: Resource;
      readonly revision: bigint;
      readonly position: Position;
    }
  | { readonly outcome: 'rejected'; readonly reason: Rejection | 'Conflict' };

/** After so many conflicts the caller hears of it. */
const mostAttempts = 8;

/**
 * Runs commands against one aggregate as one: all of their events are appended together, or none.
 *
 * @param commandsFor makes the commands from the aggregate's state and facts, once for each attempt
 * @throws EventLogUnavailable; the events may have been appended or not
 */
export async function handle<Id extends string, Command, State, Event extends RegistryEvent, Resource>(
  { log, sealPassword, now, reservationGrace }: CommandDependencies,
  aggregate: Aggregate<Id, Command, State, Event, Resource>,
  id: Id,
  sender: Sender,
  commandsFor: (state: State, facts: Facts) => Promise<readonly Command[]>,
): Promise<Outcome<Resource>> {
  const commandId = uuidv7();
  const facts: Facts = {
    organization: async (organizationId) => (await load(log, organizations, organizationId)).state,
    factory: async (factoryId) => (await load(log, factories, factoryId)).state,
    sealPassword,
    newReservation: () => uuidv7() as ReservationId,
  };

  for (let attempt = 1; attempt <= mostAttempts; attempt++) {
    if (attempt > 1) await delay(Math.random() * 2 ** attempt);
    const outcome = await attemptOnce({ ...sender, commandId, now: now().toISOString() });
    if (outcome !== 'conflict') return outcome;
  }
  return { outcome: 'rejected', reason: 'Conflict' };

  async function attemptOnce(cause: Cause): Promise<Outcome<Resource> | 'conflict'> {
    const current = await load(log, aggregate, id);
    const decided = decideAll(aggregate, await commandsFor(current.state, facts), current.state);
    if (decided.outcome === 'rejected') return decided;
    if (decided.events.length === 0) return existing('ignored', current);

    for (const claim of decided.events.flatMap((event) => claimOf(event) ?? [])) {
      const { status } = await reserveGatewayId(log, claim, cause, reservationGrace);
      if (status === 'contended') return 'conflict';
      if (status !== 'reserved') return { outcome: 'rejected', reason: 'GatewayIdTaken' };
    }
    const events = stamp(decided.events, cause, current.last?.occurredAt);
    const stream = aggregate.stream(id);
    const appended = await log.append(stream, current.revision, events);
    if (appended.status === 'conflict') return 'conflict';
    return existing('accepted', recordedAfter(aggregate, current, stream, events, appended));
  }
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

function recordedAfter<Id extends string, Command, State, Event extends RegistryEvent, Resource>(
  aggregate: Aggregate<Id, Command, State, Event, Resource>,
  before: Loaded<State, Resource>,
  stream: string,
  events: readonly EventToAppend[],
  appended: { readonly revision: bigint; readonly position: Position },
): Loaded<State, Resource> {
  const first = appended.revision - BigInt(events.length - 1);
  return events.reduce((loaded, event, index) => {
    const recorded = decode({ ...event, stream, revision: first + BigInt(index), position: appended.position });
    return evolveLoaded(aggregate, loaded, recorded as Recorded<Event>);
  }, before);
}

function existing<State, Resource>(
  outcome: 'accepted' | 'ignored',
  { resource, revision, last }: Loaded<State, Resource>,
): Outcome<Resource> {
  if (resource === undefined || revision === 'no_stream' || last === undefined) {
    throw new Error('a command that was not rejected left no resource');
  }
  return { outcome, resource, revision, position: last.position };
}
