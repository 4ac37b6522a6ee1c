// `npm run events:watch`: what others hear, for a person to look at.
import { LRUCache } from 'lru-cache';
import type { Logger } from 'pino';
import { connectNats } from '../infrastructure/nats.ts';

/** How long NATS may take to be there, in milliseconds. */
const patience = 10_000;

/** So many messages are remembered: more are never sent again at once. */
const mostRemembered = 10_000;

/** Parts without blanks between dots; a part may be `*`, and the last one `>`. */
const anySubject = /^(?:(?:\*|[^\s.*>]+)\.)*(?:\*|>|[^\s.*>]+)$/;

/**
 * Prints a line for each message on a subject, until the signal aborts: the subject, and the body as it came. It does so once,
 * though two publishers may send a message, or one may send it again.
 *
 * @throws Error when it is no subject, on which nothing would ever be heard
 * @throws BusUnavailable when NATS cannot be reached
 */
export async function watchEvents(
  { url, subject, logger }: { readonly url: string; readonly subject: string; readonly logger: Logger },
  signal: AbortSignal,
  print: (line: string) => void,
): Promise<void> {
  if (!anySubject.test(subject)) {
    throw new Error(
      `"${subject}" is no subject of NATS: words with dots between them, of which * stands for any one and > in the end for ` +
        "all that follow, such as 'mti.evt.v1.*.*.gateway.>'",
    );
  }
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
