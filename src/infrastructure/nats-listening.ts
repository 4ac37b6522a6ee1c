// Listening behind the `HeartbeatBus` port: what is published while there is a connection, and nothing after a gap.
import type { Listening } from '../presence/heartbeats.ts';
import { type NatsLink, roundTrip } from './nats-api.ts';

/** Listens as `HeartbeatBus` says, until it is disposed of. */
export function listenTo({ live, losses }: NatsLink, subject: string, heard: (subject: string) => void): Listening {
  const nats = live();
  const losing = new AbortController();
  // The library would subscribe again after a reconnect, and nobody would know what was missed.
  const lost = (error: Error) => losing.abort(error);
  losses.add(lost);
  const subscription = nats.subscribe(subject, {
    callback: (error, message) => (error ? lost(error) : heard(message.subject)),
  });
  return {
    lost: losing.signal,
    roundTrip: (patience) => roundTrip(nats, patience).finally(() => losing.signal.throwIfAborted()),
    [Symbol.dispose]() {
      losses.delete(lost);
      if (!nats.isClosed() && !subscription.isClosed()) subscription.unsubscribe();
    },
  };
}
