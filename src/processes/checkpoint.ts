// How far a process has reacted: the last event of a stream of its own in the event log, because a database may be thrown
// away and what has been reacted to is not to be reacted to again. Whoever takes over writes first; the one before then
// fails at its next write, which expects the revision that it left.
import { z } from 'zod';
import type { EventLog, ExpectedRevision, Position } from '../events/event-log.ts';
import { uuidv7 } from '../events/new-id.ts';
import { keepOnlyTheLast } from '../events/stream-settings.ts';

export interface Checkpoint {
  readonly position: Position | undefined;
  /** What the stream ends at: the next write expects it. */
  readonly revision: ExpectedRevision;
}

/** Another instance has taken over. */
export class Superseded extends Error {
  override readonly name = 'Superseded';
}

/** None of the tables, messages and processes looks at streams of this category. */
export function checkpointStream(process: string): string {
  return `processCheckpoint-${process}`;
}

/**
 * Makes this instance the one that may move the checkpoint, and reads where it stands.
 *
 * @param left what this very instance left the checkpoint at: while nobody has moved it since, there is nothing to write
 * @throws Superseded when another instance does so at the same moment; EventLogUnavailable
 */
export async function takeOver(log: EventLog, process: string, left?: Checkpoint): Promise<Checkpoint> {
  const found = await readCheckpoint(log, process);
  const isUnmoved = found.revision !== 'no_stream' && found.revision === left?.revision;
  const taken = isUnmoved ? found : await write(log, process, found.revision, found.position);
  await keepOnlyTheLast(log, checkpointStream(process));
  return taken;
}

/** Where a process stands, read without taking part. */
export async function readCheckpoint(log: EventLog, process: string): Promise<Checkpoint> {
  const last = await log.readLast(checkpointStream(process));
  if (last === undefined) return { position: undefined, revision: 'no_stream' };
  return { position: Data.parse(last.data).position ?? undefined, revision: last.revision };
}

/** @throws Superseded when another instance has taken over; EventLogUnavailable */
export function moveCheckpoint(
  log: EventLog,
  process: string,
  { revision }: Checkpoint,
  to: Position,
): Promise<Checkpoint> {
  return write(log, process, revision, to);
}

/** JSON has no integers of 64 bits. */
const digits = z
  .string()
  .regex(/^\d{1,20}$/)
  .transform(BigInt);
const Data = z.object({ position: z.object({ commit: digits, prepare: digits }).nullable() });

async function write(
  log: EventLog,
  process: string,
  expected: ExpectedRevision,
  position: Position | undefined,
): Promise<Checkpoint> {
  const data = { position: position ? { commit: `${position.commit}`, prepare: `${position.prepare}` } : null };
  const event = { id: uuidv7(), type: 'ProcessCheckpointMoved', data, metadata: {} };
  const appended = await log.append(checkpointStream(process), expected, [event]);
  if (appended.status === 'conflict') throw new Superseded(`another instance of ${process} has taken over`);
  return { position, revision: appended.revision };
}
