// What ends a script, told to people: drivers say what they saw on a socket, a person wants to know which server that was,
// and what to do.
import type { Context } from './context.ts';
import { databaseNameOf, publicAddress } from './database/address.ts';
import { EventLogUnavailable } from './events/event-log.ts';
import { CannotListen } from './http/listen.ts';
import { isUnavailable } from './infrastructure/postgres.ts';
import { BusUnavailable } from './publishing/bus.ts';

/** @returns an error for people in place of one that tells of a server; every other as it is */
export function explained(error: unknown, { eventStore, postgres }: Context['urls']): unknown {
  // It is for people already, and its cause may look like that of a database that is away.
  if (!(error instanceof Error) || error instanceof CannotListen) return error;
  if (error instanceof EventLogUnavailable) {
    const address = publicAddress(eventStore);
    return new Error(`The event store at ${address} cannot be reached. Start it, or correct EVENTSTORE_URL.`);
  }
  if (error instanceof BusUnavailable) {
    return new Error(`NATS cannot be used: ${error.message}. Start it with JetStream, or correct NATS_URL.`);
  }
  if ('code' in error && error.code === '3D000') {
    const name = databaseNameOf(postgres);
    return new Error(`There is no database ${name} at ${publicAddress(postgres)}. Create it with: npm run db:reset`);
  }
  if (!isUnavailable(error)) return error;
  const reason = error.message || ('code' in error ? error.code : error.name);
  const address = publicAddress(postgres);
  return new Error(`Postgres at ${address} cannot be reached (${reason}). Start it, or correct DATABASE_URL.`);
}
