// What is under a key of the bucket: all that the world may see of a gateway, and how new that is; or, where that cannot be
// shown, a mark that says so.
import { z } from 'zod';
import { streamPrefix } from '../events/catalogue.ts';
import type { EventLog, Position } from '../events/event-log.ts';
import { RecordedGateway } from '../resources/gateway.ts';
import { historyOf } from './mirror-history.ts';
import { foldAll, type Mirrored } from './mirror-state.ts';
import { type ParkedReason, parkedReasons } from './parked.ts';
import { isBehind } from './place.ts';

const howNew = {
  revision: z.int().nonnegative().describe("Of the last event in the gateway's stream: grows with each change."),
  position: z.string().regex(/^\d+$/).describe('Where that event stands in the log: its commit position.'),
};

/** The value under a gateway's key. What is observed of it (`status`, `last_seen_at`) is not here. */
export const GatewayState = RecordedGateway.extend({
  ...howNew,
  credential_version: z.int().nonnegative().describe('Grows with each change of the password.'),
});

/** What a purge says of a gateway that is there and cannot be shown. */
export const GatewayParked = z.object({
  id: z.string(),
  reason: z
    .enum(parkedReasons)
    .describe(
      '`too-large`: NATS takes no value of that size; a later event may make it smaller. `unreadable`: one of its events does ' +
        'not hold what its type promises.',
    ),
  ...howNew,
});

export interface Content {
  readonly kind: 'shown' | ParkedReason;
  readonly text: string;
}

/** More than the headers of a message ever take, in bytes. */
const headersAtMost = 1_024;

/**
 * What must be under the key of a gateway, the same for the same events; undefined when nothing.
 *
 * @param mostBytes how large a message may be, its headers included
 */
export function contentOf(mirrored: Mirrored | undefined, mostBytes: number): Content | undefined {
  if (!mirrored?.isActive) return undefined;
  const text = textOf(mirrored);
  if (text === undefined) return { kind: 'unreadable', text: markOf(mirrored, 'unreadable') };
  if (Buffer.byteLength(text) <= mostBytes - headersAtMost) return { kind: 'shown', text };
  return { kind: 'too-large', text: markOf(mirrored, 'too-large') };
}

/** What must be under a key when the bucket shows all up to a position; undefined when nothing. Throws as the log does. */
export async function contentAt(
  log: EventLog,
  key: string,
  upTo: Position,
  mostBytes: number,
): Promise<Content | undefined> {
  const stream = `${streamPrefix('gateway')}${key.slice(key.lastIndexOf('.') + 1)}`;
  const events = await historyOf(log, stream);
  const mirrored = foldAll(events.filter(({ position }) => !isBehind(position, upTo)));
  return mirrored?.key === key ? contentOf(mirrored, mostBytes) : undefined;
}

/** Whether it stands for a gateway that cannot be shown. */
export function isMark(content: Content | undefined): boolean {
  return content !== undefined && content.kind !== 'shown';
}

export function isSame(a: Content | undefined, b: Content | undefined): boolean {
  return a?.kind === b?.kind && a?.text === b?.text;
}

/** Undefined when the gateway is not what the schema promises, as far as anybody knows. */
function textOf({ gateway, revision, position, credentialVersion }: Mirrored): string | undefined {
  const { data } = GatewayState.safeParse({
    ...gateway,
    // Numbers, because JSON has no other; the schema refuses one that would not be exact.
    revision: Number(revision),
    position: String(position.commit),
    credential_version: Number(credentialVersion),
  });
  return data && JSON.stringify(data);
}

function markOf({ key, revision, position }: Mirrored, reason: ParkedReason): string {
  const id = key.slice(key.lastIndexOf('.') + 1);
  const mark: z.output<typeof GatewayParked> = {
    id,
    reason,
    revision: Number(revision),
    position: String(position.commit),
  };
  return JSON.stringify(mark);
}
