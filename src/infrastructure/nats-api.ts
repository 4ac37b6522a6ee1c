// What the adapters of NATS share: the connection of the moment, and questions to the JetStream API.
import { type JetStreamManager, type NatsConnection, NatsError } from 'nats';
import { BusUnavailable } from '../publishing/bus.ts';
import { endsWithin } from './lifecycle.ts';

/** The connection, as those see it who use it. */
export interface NatsLink {
  /** @throws BusUnavailable while there is none */
  live(): NatsConnection;
  /** Those who want to hear that the connection is gone. */
  readonly losses: Set<(error: Error) => void>;
}

/** How long NATS may take to answer, in milliseconds. */
export const answerMs = 3_000;

// Error codes of the JetStream API.
export const noSuchMessage = 10037;
export const noSuchStream = 10059;
export const wrongLastMessageId = 10070;
export const wrongLastSequence = 10071;

const unavailable = '503';

/** Asks the JetStream API; what means "not there now" becomes `BusUnavailable`. */
export async function ask<T>(link: NatsLink, question: (manager: JetStreamManager) => Promise<T>): Promise<T> {
  try {
    return await question(await link.live().jetstreamManager({ checkAPI: false, timeout: answerMs }));
  } catch (error) {
    if (!(error instanceof NatsError) || (error.api_error !== undefined && error.code !== unavailable)) throw error;
    throw new BusUnavailable(whyUnanswered(error), { cause: error });
  }
}

/**
 * Waits until all has arrived that NATS has sent so far: it answers a ping behind that.
 *
 * @param patience for how long, in milliseconds
 * @throws BusUnavailable when it does not answer for so long
 */
export async function roundTrip(connection: NatsConnection, patience: number): Promise<void> {
  if (await endsWithin(patience, connection.flush())) return;
  throw new BusUnavailable(`NATS has not answered for ${patience} ms`);
}

function whyUnanswered(error: NatsError): string {
  // It says for what.
  if (error.isPermissionError()) return `NATS does not let this user ask: ${error.message}`;
  // A cluster without a leader, for one: the library's own message is the number.
  if (error.api_error !== undefined) return `NATS cannot answer: ${error.api_error.description}`;
  const what = error.code === unavailable ? 'NATS has no JetStream, or not yet' : 'NATS does not answer';
  return `${what} (${error.code})`;
}

/** The JetStream API's own code of an error; undefined when it is no error of that API. */
export function errorCode(error: unknown): number | undefined {
  return error instanceof NatsError ? error.api_error?.err_code : undefined;
}
