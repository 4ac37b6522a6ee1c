// `npm run credentials -- audit`, for people.
import { z } from 'zod';
import type { Action } from '../actions.ts';
import type { EventLog } from '../events/event-log.ts';
import { GatewayId } from '../events/ids.ts';
import { type Reading, readingsOf } from './audit.ts';
import { ConnectorName } from './right.ts';
import { readPairs } from './words.ts';

const takes = '[gateway=<id>] [subject=<name>]';
const usage = `npm run credentials --silent -- audit ${takes}`;

const Words = z.strictObject({ gateway: GatewayId.optional(), subject: ConnectorName.optional() });

export const auditAction: Action = {
  takes,
  help: `Lists who was told which password, a line each, oldest first: when, who, which gateway, the version of its password, the
thumbprint of the key that it was sealed to, and the request. Of all, or of one gateway, one connector or both. Ends with 1
when there is something in the audit that cannot be read.`,
  servers: ['eventStore'],
  run: async ({ words, context: { stopping }, openLog }) => {
    const wanted = readAuditWords(words);
    await using log = openLog();
    await listReadings(log, wanted, stopping, console.log);
  },
};

/** @throws Error that says what is wrong with which word */
export function readAuditWords(words: readonly string[]): z.output<typeof Words> {
  return readPairs(words, { schema: Words, complaint: 'This says of no audit what is to be listed', usage });
}

/**
 * @throws Error when it was interrupted, or when there was something that cannot be read
 * @throws EventLogUnavailable
 */
export async function listReadings(
  log: EventLog,
  wanted: z.output<typeof Words>,
  signal: AbortSignal,
  print: (line: string) => void,
): Promise<void> {
  const { gateway, subject } = wanted;
  let listed = 0;
  let unreadable = 0;
  for await (const reading of readingsOf(log, gateway, signal)) {
    if (signal.aborted) break;
    if (reading.event instanceof Error) unreadable++;
    // Whose it is cannot be seen of what cannot be read: it is listed whoever is asked for.
    else if (subject !== undefined && reading.event.data.subject !== subject) continue;
    print(lineOf(reading));
    listed++;
  }
  if (signal.aborted) throw new Error('Interrupted: these were not all. Run it again.');
  if (listed === 0) print(nothingOf(wanted));
  if (unreadable > 0)
    throw new Error(`${unreadable} of these ${listed} lines stand for what cannot be read, as they say.`);
}

/** Says of whom: of a name that was mistyped, too, it is true that it was told nothing. */
function nothingOf({ gateway, subject }: z.output<typeof Words>): string {
  const password = gateway === undefined ? 'a password' : `the password of gateway ${gateway}`;
  return subject === undefined ? `Nobody was told ${password}.` : `Nobody of the name ${subject} was told ${password}.`;
}

function lineOf({ stored, event }: Reading): string {
  if (event instanceof Error) return `unreadable  ${event.message}  event ${stored.id}`;
  const { id, subject, credentialVersion, keyThumbprint, requestId } = event.data;
  const { occurredAt } = event.metadata;
  return `${occurredAt}  ${subject}  gateway ${id}  version ${credentialVersion}  key ${keyThumbprint}  request ${requestId}`;
}
