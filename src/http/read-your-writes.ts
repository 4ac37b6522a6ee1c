// The tables are behind the events by a moment. A command waits for them before it answers, and a query when it is told
// what it has to show; both as long as the client prefers, and never for a client that has gone away.
import type { FastifyReply, FastifyRequest, preHandlerAsyncHookHandler } from 'fastify';
import type { Position } from '../events/event-log.ts';
import { ApiError, errorDetail } from './errors.ts';
import { preferenceApplied, preferencesOf } from './preferences.ts';

/** Waits until queries see a position, so long at most and not after `signal` has aborted; tells whether they do. */
export type ReadModelReaches = (position: Position, milliseconds: number, signal: AbortSignal) => Promise<boolean>;

/** For so many milliseconds an answer waits when the client does not say. */
const defaultWait = 1_000;

/** Waits until queries see what a command has done, and says in the headers of its answer whether they do. */
export async function awaitProjection(
  request: FastifyRequest,
  reply: FastifyReply,
  position: Position,
  readModelReaches: ReadModelReaches,
): Promise<void> {
  const preferences = preferencesOf(request.headers.prefer);
  const { wait, respondAsync } = preferences;
  const milliseconds = wait === undefined ? (respondAsync ? 0 : defaultWait) : wait * 1_000;
  const isCurrent = await readModelReaches(position, milliseconds, goneSignal(reply));
  sayApplied(reply, preferenceApplied(preferences));
  reply.header('X-Projection', isCurrent ? 'current' : 'pending');
}

/** Lets a query wait for the position in its header X-Min-Position, when it has one. */
export function awaitMinPosition(readModelReaches: ReadModelReaches): preHandlerAsyncHookHandler {
  return async (request, reply) => {
    const header = request.headers['x-min-position'];
    if (header === undefined) return;
    const position = parseMinPosition([header].flat().join(','));
    const { wait } = preferencesOf(request.headers.prefer);
    const milliseconds = wait === undefined ? defaultWait : wait * 1_000;
    if (!(await readModelReaches(position, milliseconds, goneSignal(reply)))) {
      throw new ApiError('PROJECTION_BEHIND', 'The tables do not show this position yet. Try again in a moment.');
    }
    sayApplied(reply, preferenceApplied({ respondAsync: false, wait }));
  };
}

// Of the two numbers of a position a client is told the first; those of an event are the same. A checkpoint that stands
// just before an event may have its first number, too.
function parseMinPosition(text: string): Position {
  const commit = /^\d{1,20}$/.test(text) ? BigInt(text) : undefined;
  if (commit !== undefined && commit < 2n ** 64n) return { commit, prepare: commit };
  const detail = errorDetail(['X-Min-Position'], 'must be a position, such as the X-Commit-Position of an answer');
  throw new ApiError('VALIDATION_ERROR', "The request's headers are not valid.", [detail]);
}

function sayApplied(reply: FastifyReply, applied: string | undefined): void {
  if (applied !== undefined) reply.header('Preference-Applied', applied);
}

// Of the request one only hears that it has been read.
function goneSignal({ raw }: FastifyReply): AbortSignal {
  if (raw.destroyed) return AbortSignal.abort();
  const gone = new AbortController();
  // It closes after every answer, too, and to abort takes longer than most of what an answer takes.
  raw.once('close', () => {
    if (!raw.writableFinished) gone.abort();
  });
  return gone.signal;
}
