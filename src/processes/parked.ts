// Reactions that one stream makes impossible, until they have been carried out after all: a stream of their own in the event
// log, beside the checkpoint, which goes on without them. One event for each that is parked, and one when it is settled.
import { z } from 'zod';
import type { EventLog, ExpectedRevision } from '../events/event-log.ts';
import { uuidv7 } from '../events/new-id.ts';
import { Superseded } from './checkpoint.ts';

/** What follows from an event, or the part of it that is about one child. */
export interface ParkedReaction {
  /** Where the event is. */
  readonly stream: string;
  readonly revision: bigint;
  /** The stream of the child; null when the event as a whole cannot be reacted to. */
  readonly child: string | null;
}

export interface ParkedReactions {
  all(): readonly ParkedReaction[];
  /**
   * Parks a reaction, unless it is parked already.
   *
   * @returns whether it was not
   * @throws Superseded when another instance has taken over; EventLogUnavailable
   */
  park(reaction: ParkedReaction, reason: string): Promise<boolean>;
  /** Forgets a reaction that has been carried out. Throws the same. */
  settle(reaction: ParkedReaction): Promise<void>;
}

/** None of the tables, messages and processes looks at streams of this category. */
export function parkedStream(process: string): string {
  return `processParked-${process}`;
}

/** What is parked now. Throws EventLogUnavailable. */
export async function readParked(log: EventLog, process: string): Promise<ParkedReactions> {
  const stream = parkedStream(process);
  const events = await log.read(stream);
  const parked = new Map<string, ParkedReaction>();
  for (const { type, data } of events) {
    const reaction = Data.parse(data);
    if (type === 'ReactionParked') parked.set(keyOf(reaction), reaction);
    else parked.delete(keyOf(reaction));
  }
  let expected: ExpectedRevision = events.at(-1)?.revision ?? 'no_stream';
  let turn: Promise<unknown> = Promise.resolve();

  return {
    all: () => [...parked.values()],
    park: (reaction, reason) =>
      inTurn(async () => {
        if (parked.has(keyOf(reaction))) return false;
        await append('ReactionParked', { ...dataOf(reaction), reason });
        parked.set(keyOf(reaction), reaction);
        return true;
      }),
    settle: (reaction) =>
      inTurn(async () => {
        if (!parked.has(keyOf(reaction))) return;
        await append('ReactionSettled', dataOf(reaction));
        parked.delete(keyOf(reaction));
      }),
  };

  /** Children are handled side by side, but the stream takes one after the other. */
  function inTurn<T>(work: () => Promise<T>): Promise<T> {
    const done = turn.then(work);
    // Whoever asked for it hears how it ended; the next one starts in any case.
    turn = done.catch(() => undefined);
    return done;
  }

  async function append(type: 'ReactionParked' | 'ReactionSettled', data: object): Promise<void> {
    const appended = await log.append(stream, expected, [{ id: uuidv7(), type, data, metadata: {} }]);
    if (appended.status === 'conflict') throw new Superseded(`another instance of ${process} has taken over`);
    expected = appended.revision;
  }
}

/** JSON has no integers of 64 bits. */
const Data = z.object({
  stream: z.string(),
  revision: z
    .string()
    .regex(/^\d{1,20}$/)
    .transform(BigInt),
  child: z.string().nullable(),
});

function dataOf({ stream, revision, child }: ParkedReaction): z.input<typeof Data> {
  return { stream, revision: `${revision}`, child };
}

function keyOf({ stream, revision, child }: ParkedReaction): string {
  return `${stream} ${revision} ${child ?? ''}`;
}
