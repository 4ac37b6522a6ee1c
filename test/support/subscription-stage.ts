// Where subscriptions to events are tried: what a given log says is published, and handed out.
import type { NatsConnection } from 'nats';
import { expect } from 'vitest';
import type { Delivery } from '../../client/src/delivery.ts';
import type { SubscribeOptions } from '../../client/src/subscribe-options.ts';
import { subscribeEvents } from '../../client/src/subscription.ts';
import type { StoredEvent } from '../../src/events/event-log.ts';
import { type Collecting, collecting } from './collecting.ts';
import { eventually } from './eventually.ts';
import { type GivenLog, givenLog } from './given-log.ts';
import { livesOfGateways } from './lives-of-gateways.ts';
import { sharedNats } from './shared-nats.ts';

export const stream = 'MTI_EVENTS';

/** What may be in the log: all of it, or some at first and the rest later. */
export const lives = livesOfGateways(40);
export const some = lives.slice(0, 100);
export const rest = lives.slice(100);

/** How events can be handed out, by name. */
export const ways: readonly (readonly [string, Partial<SubscribeOptions>])[] = [
  ['ordered', {}],
  ['durable', { durable: 'a-reactor' }],
];

/**
 * A NATS that the specs of a `describe` share, and what they do with it.
 *
 * @param file the nats-server to run
 */
export function subscriptionStage(file: string) {
  const shared = sharedNats(file);
  return {
    shared,

    /** Begins with no stream. */
    async scene(events: readonly StoredEvent[]): Promise<GivenLog> {
      await shared.client.deleteStreams('KV_gateways', stream);
      return givenLog(...events);
    },

    /** Subscribes until the scope ends. */
    subscribing(
      options: SubscribeOptions,
      connection: NatsConnection = shared.client.connection,
    ): Collecting<Delivery> {
      return collecting((signal) => subscribeEvents(connection, { ...options, signal }));
    },

    /** Resolves when all of the log is in the stream. */
    async published(log: GivenLog): Promise<void> {
      await eventually(async () => expect(await shared.client.lastSequence(stream)).toBe(log.events.length));
    },
  };
}

export function idsOf(events: readonly StoredEvent[]): readonly string[] {
  return events.map(({ id }) => id);
}

/** The ids of the events that were handed out so far, in their order. */
export function handedOut({ items }: Collecting<Delivery>): readonly string[] {
  return items.map(({ event }) => event.id);
}
