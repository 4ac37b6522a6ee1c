// `npm run events:watch`: what others hear, for a person to look at.
import { LRUCache } from 'lru-cache';
import type { Logger } from 'pino';
import { connectNats } from '../infrastructure/nats.ts';

/** How long NATS may take to be there, in milliseconds. */
const patience = 10_000;

/** So many messages are remembered: more are never sent again at once. */
const mostRemembered = 10_000;

/**
 * Prints a line for each message on a subject, until the signal aborts: the subject, and the body as it came. It does so once,
 * though two publishers may send a message, or one may send it again.
 *
 * @throws BusUnavailable when NATS cannot be reached
 */
export async function watchEvents(
  { url, subject, logger }: { readonly url: string; readonly subject: string; readonly logger: Logger },
  signal: AbortSignal,
  print: (line: string) => void,
): Promise<void> {
  const nats = connectNats({ url, name: 'gateway-registry events:watch', logger });
  try {
    await nats.connected(patience, signal);
    if (signal.aborted) return;
    print(`Listening to ${subject}; Ctrl-C ends it.`);
    const printed = new LRUCache<string, true>({ max: mostRemembered });
    for await (const { subject: of, body, messageId } of nats.listen(subject, signal)) {
      if (printed.has(messageId)) continue;
      if (messageId !== '') printed.set(messageId, true);
      print(`${of} ${body}`);
    }
  } finally {
    await nats.close();
  }
}
