// The cascade on a log and a database of a spec's own: whether it has come to rest, and what the log says then.
import { vi } from 'vitest';
import { decode, type Recorded } from '../../src/events/codec.ts';
import type { EventLog, Position } from '../../src/events/event-log.ts';
import { uuidv7 } from '../../src/events/new-id.ts';
import { readCheckpoint } from '../../src/processes/checkpoint.ts';

const streamPrefixes = ['organization-', 'factory-', 'gateway-'];

/** All that has happened to organizations, factories and gateways, in the order of the log. */
export async function readHistory(log: EventLog): Promise<readonly Recorded[]> {
  const events: Recorded[] = [];
  const { signal } = new AbortController();
  for await (const batch of log.readAll({ streamPrefixes, after: 'start', signal })) {
    for (const event of batch) {
      const recorded = decode(event);
      if (recorded === undefined) throw new Error(`${event.stream} holds a ${event.type}`);
      events.push(recorded);
    }
  }
  return events;
}

/**
 * Resolves when the cascade has looked at all there is, and nothing has followed from it any more.
 *
 * @param deleteMarker deletes something without children, and tells the position of that: the cascade notes it at once
 */
export async function untilQuiet(
  log: EventLog,
  deleteMarker: () => Promise<Position>,
  timeoutMs = 60_000,
): Promise<void> {
  for (let before = -1; ; ) {
    const { length } = (await readHistory(log)).filter(({ metadata }) => metadata.actor === 'process:cascade');
    if (length === before) return;
    before = length;
    const { commit } = await deleteMarker();
    await vi.waitFor(
      async () => {
        const { position } = await readCheckpoint(log, 'cascade');
        if (position === undefined || position.commit < commit) throw new Error(`the cascade does not reach ${commit}`);
      },
      { timeout: timeoutMs, interval: 20 },
    );
  }
}

/** Makes an organization for the sake of its deletion, which it tells the position of. */
export async function deleteMarkerBy(
  run: (name: string, id: string, body?: object) => Promise<{ readonly position?: Position }>,
): Promise<Position> {
  const id = uuidv7();
  await run('CreateOrganization', id, { name: 'marker' });
  const { position } = await run('SoftDeleteOrganization', id);
  if (position === undefined) throw new Error('the marker was not deleted');
  return position;
}
