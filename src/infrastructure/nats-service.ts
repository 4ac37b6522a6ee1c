// Requests behind the `RequestBus` port, by the services of the client library (the `micro` API of NATS).
import { setTimeout as delay } from 'node:timers/promises';
import { headers, type NatsConnection, type ServiceMsg } from 'nats';
import type { Logger } from 'pino';
import type { AnswerRequest, RequestAnswer, ServiceSettings } from '../credentials/requests.ts';

/** How long an orderly end may take, in milliseconds. */
const endMs = 2_000;

interface Served {
  readonly connection: NatsConnection;
  readonly logger: Logger;
}

/** Serves as `RequestBus` says, on a connection that there is. After a reconnect the library goes on by itself. */
export async function serveRequests(
  { connection, logger }: Served,
  { name, version, description, endpoint, subject }: ServiceSettings,
  answer: AnswerRequest,
  signal: AbortSignal,
  serving: () => void,
): Promise<void> {
  const underway = new Set<Promise<void>>();
  const errors: Record<number, number> = {};
  // The library counts what a handler throws, and ours answers later: errors by status are data of our own.
  const service = await connection.services.add({ name, version, description, statsHandler: async () => ({ errors }) });
  service.addEndpoint(endpoint, { subject, handler: (_, message) => begin(message) });
  await connection.flush();
  serving();
  const ended = await Promise.race([service.stopped, aborted(signal)]);
  await Promise.race([finish(), delay(endMs, undefined, { ref: false })]);
  if (!signal.aborted) {
    const reason = ended === null ? 'the connection was closed' : ended.message;
    throw new Error(`NATS ended the service ${name}: ${reason}`, { cause: ended });
  }

  function begin(message: ServiceMsg): void {
    // Where a reply goes is for the sender to say, and sent it is with our rights: not to where events and NATS itself are.
    if (!message.reply || /^(mti\.|\$)/.test(message.reply)) return;
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

async function aborted(signal: AbortSignal): Promise<null> {
  if (signal.aborted) return null;
  return await new Promise((resolve) => signal.addEventListener('abort', () => resolve(null), { once: true }));
}
