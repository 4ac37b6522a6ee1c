// Requests behind the `RequestBus` port, by the services of the client library (the `micro` API of NATS).
import { setTimeout as delay } from 'node:timers/promises';
import { headers, type NatsConnection, type ServiceMsg } from 'nats';
import type { Logger } from 'pino';
import type { AnswerRequest, RequestAnswer, ServiceSettings } from '../credentials/requests.ts';
import { pauseFor } from './lifecycle.ts';
import { answerMs, type NatsLink, roundTrip } from './nats-api.ts';

/** How long an orderly end may take, in milliseconds. */
const endMs = 2_000;

/** How often NATS is asked whether it is there. */
const breathMs = 2_000;

interface Served {
  readonly link: NatsLink;
  readonly logger: Logger;
}

/** Serves as `RequestBus` says, until the signal aborts, or the connection is lost or says nothing: then nobody can ask. */
export async function serveRequests(
  { link, logger }: Served,
  { name, version, description, endpoint, subject }: ServiceSettings,
  answer: AnswerRequest,
  signal: AbortSignal,
  serving: () => void,
): Promise<void> {
  const connection = link.live();
  const underway = new Set<Promise<void>>();
  const errors: Record<number, number> = {};
  // The library counts what a handler throws, and ours answers later: errors by status are data of our own.
  const statsHandler = async () => ({ errors });
  const service = await answeringSafely(connection).services.add({ name, version, description, statsHandler });
  const losing = new AbortController();
  const lost = (error: Error) => losing.abort(error);
  link.losses.add(lost);
  try {
    service.addEndpoint(endpoint, { subject, handler: (_, message) => begin(message) });
    await roundTrip(connection, answerMs);
    serving();
    const ending = AbortSignal.any([signal, losing.signal]);
    const ended = await Promise.race([service.stopped, aborted(ending), whileAnswering(connection, ending)]);
    if (signal.aborted) return;
    losing.signal.throwIfAborted();
    const reason = ended === null ? 'the connection was closed' : ended.message;
    throw new Error(`NATS ended the service ${name}: ${reason}`, { cause: ended });
  } finally {
    link.losses.delete(lost);
    losing.abort();
    // Also after a loss: the library would go on with it when the connection is back, beside the next one.
    await Promise.race([finish(), delay(endMs, undefined, { ref: false })]);
  }

  function begin(message: ServiceMsg): void {
    if (!message.reply) return;
    const work = respond(message).finally(() => underway.delete(work));
    underway.add(work);
  }

  async function respond(message: ServiceMsg): Promise<void> {
    try {
      const { body, error } = await answer(message.string());
      if (error === undefined) message.respond(body);
      else respondError(message, body, error);
    } catch (err) {
      logger.error({ err, subject }, 'a request was not answered');
    }
  }

  function respondError(message: ServiceMsg, body: string, error: NonNullable<RequestAnswer['error']>): void {
    errors[error.status] = (errors[error.status] ?? 0) + 1;
    const more = headers();
    if (error.retryAfter !== undefined) more.set('Retry-After', String(error.retryAfter));
    message.respondError(error.status, error.message, Buffer.from(body), { headers: more });
  }

  async function finish(): Promise<void> {
    await service.stop();
    await Promise.all(underway);
  }
}

/**
 * The connection, with subscriptions that hear no message whose reply would go to where events and NATS itself are: where it
 * goes is for the sender to say, and sent it is with our rights. The library answers `$SRV.>` by itself.
 */
function answeringSafely(connection: NatsConnection): NatsConnection {
  const subscribe: NatsConnection['subscribe'] = (subject, options) =>
    connection.subscribe(subject, {
      ...options,
      callback(error, message) {
        if (error !== null || !/^(mti\.|\$)/.test(message.reply ?? '')) options?.callback?.(error, message);
      },
    });
  return Object.create(connection, { subscribe: { value: subscribe } });
}

async function aborted(signal: AbortSignal): Promise<null> {
  if (signal.aborted) return null;
  return await new Promise((resolve) => signal.addEventListener('abort', () => resolve(null), { once: true }));
}

/** Resolves when the signal aborts. Throws BusUnavailable as soon as NATS does not answer: it may be gone without a word. */
async function whileAnswering(connection: NatsConnection, signal: AbortSignal): Promise<null> {
  while (!signal.aborted) {
    await pauseFor(breathMs, signal);
    if (!signal.aborted) await roundTrip(connection, answerMs);
  }
  return null;
}
