import type { NatsConnection } from 'nats';
import type { Delivery } from './delivery.ts';
import { durableEvents } from './durable.ts';
import { orderedEvents } from './ordered.ts';
import { tokenOf } from './subject.ts';
import type { SubscribeOptions } from './subscribe-options.ts';
import { SubscriptionFailed } from './trouble.ts';

/**
 * The events of the registry, in the order of its log, until the signal aborts or the loop is left.
 *
 * Without `durable` each event comes once. With it at least once: what was handed out is acknowledged when the next one is asked
 * for, and comes again, with `redelivered`, when that does not happen.
 *
 * @throws SubscriptionFailed here, when an option cannot be; out of the iteration, when no new try can help
 */
export function subscribeEvents(nats: NatsConnection, options: SubscribeOptions): AsyncIterable<Delivery> {
  const { from, durable } = options;
  const organization = tokenOf('organization', options.organization);
  const kind = tokenOf('kind', options.kind);
  if (durable !== undefined) tokenOf('durable', durable);
  if (typeof from === 'object' && !(Number.isSafeInteger(from.after) && from.after >= 0)) {
    throw new SubscriptionFailed('OPTIONS_INVALID', `from must be after a sequence: ${from.after}`);
  }
  const place = { stream: 'MTI_EVENTS', filter: filterOf(organization, kind) };
  return {
    [Symbol.asyncIterator]: () =>
      durable === undefined ? orderedEvents(nats, place, options) : durableEvents(nats, place, durable, options),
  };
}

function filterOf(organization: string, kind: string): string {
  if (kind !== '*') return `mti.evt.v1.${organization}.*.${kind}.>`;
  return organization === '*' ? 'mti.evt.v1.>' : `mti.evt.v1.${organization}.>`;
}
