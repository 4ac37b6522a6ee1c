// Where in the log a message comes from, as its headers say it: what a writer needs to resume.
import type { Position } from '../events/event-log.ts';
import type { Headers } from './bus.ts';

export interface Place {
  /** The event's stream. */
  readonly stream: string;
  /** The event's revision in its stream. */
  readonly revision: bigint;
  readonly position: Position;
}

const positionHeader = 'registry-position';
const prepareHeader = 'registry-prepare-position';
const revisionHeader = 'registry-revision';
const streamHeader = 'registry-stream';

/** The headers that say where an event stands. The prepare position is left out where it is the commit position. */
export function placeHeaders({ stream, revision, position: { commit, prepare } }: Place): Headers {
  return {
    [streamHeader]: stream,
    [positionHeader]: String(commit),
    ...(prepare === commit ? {} : { [prepareHeader]: String(prepare) }),
    [revisionHeader]: String(revision),
  };
}

/**
 * What these headers say; undefined when they are not there, or are none of ours.
 *
 * @param unsaid the stream where the headers do not say it
 */
export function readPlace(headers: Headers, unsaid?: string): Place | undefined {
  const stream = headers[streamHeader] ?? unsaid;
  const revision = numberIn(headers[revisionHeader]);
  const commit = numberIn(headers[positionHeader]);
  const prepare = numberIn(headers[prepareHeader] ?? headers[positionHeader]);
  if (stream === undefined || revision === undefined || commit === undefined || prepare === undefined) return undefined;
  return { stream, revision, position: { commit, prepare } };
}

/** Whether a place in the log is behind another one, later than it. */
export function isBehind(a: Position, b: Position): boolean {
  return a.commit > b.commit || (a.commit === b.commit && a.prepare > b.prepare);
}

export function isSamePlace(a: Position, b: Position): boolean {
  return a.commit === b.commit && a.prepare === b.prepare;
}

function numberIn(text: string | undefined): bigint | undefined {
  return text !== undefined && /^\d+$/.test(text) ? BigInt(text) : undefined;
}
