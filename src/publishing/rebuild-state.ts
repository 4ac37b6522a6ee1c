// Brings the bucket of the mirror to what the log says where it is not that, and writes nothing else. Whether a mirror
// runs meanwhile does not matter: what differs at first sight is looked at once more at the tail of the bucket, and is
// written only if the tail is still there. A mirror that is outrun by that waits a moment and goes on from the same place.
import { randomUUID } from 'node:crypto';
import type { Logger } from 'pino';
import type { EventLog, Position } from '../events/event-log.ts';
import type { Bus, BusStream } from './bus.ts';
import { createMirrorWriter, mirroredStreams } from './mirror.ts';
import { type Content, contentAt, contentOf, isMark, isSame } from './mirror-content.ts';
import {
  bucket,
  type Change,
  type MirrorOrigin,
  mirrorOriginOf,
  readChange,
  readContents,
  subjectOf,
  toMessage,
} from './mirror-message.ts';
import { foldStored, type Mirrored } from './mirror-state.ts';
import { openPipe, TailMoved } from './pipe.ts';
import { isBehind } from './place.ts';
import { readTail, type Tail } from './tail.ts';

export interface RebuildStateOptions {
  readonly log: EventLog;
  readonly bus: Bus;
  readonly logger: Logger;
  readonly signal: AbortSignal;
  readonly onProgress: (read: { readonly events: number; readonly position: Position | undefined }) => void;
}

export interface RebuiltState {
  /** How many active gateways there are. */
  readonly gateways: number;
  /** How many of them cannot be shown, which their keys say. */
  readonly parked: number;
  /** How many keys of each kind there were, and are no more. */
  readonly corrected: Readonly<Record<Difference['kind'], number>>;
}

interface Difference {
  /** A key that was not there, one too many, or one with another content. */
  readonly kind: 'missing' | 'extra' | 'altered';
  readonly change: Change;
}

/** So many keys are looked at and written at a time: few, so that they are written before the tail has moved. */
const mostKeys = 64;
const patience = 5_000;

/**
 * Compares the bucket with the log, and writes the differences. What the mirror has not written yet is written first, as
 * the mirror would.
 *
 * @throws EventLogUnavailable, BusUnavailable, and what keeps the mirror from going on
 * @throws Error when `signal` aborts; what was written until then is right
 */
export async function rebuildState(options: RebuildStateOptions): Promise<RebuiltState> {
  const { log, bus, signal } = options;
  await catchUp(options);
  const stream = bus.stream(bucket);
  const place = { stream, log, mostBytes: stream.mostBytes() };
  const found = await readContents(stream.contents());
  const { suspects, gateways, parked } = compare(found, await foldLog(options), place.mostBytes);
  return { gateways, parked, corrected: await correct(place, suspects, signal) };
}

/**
 * Lets a mirror write until it has nothing left to write, or has seen another one write the rest: where events come all the
 * time, that one is always ahead.
 */
async function catchUp({ log, bus, logger, signal }: RebuildStateOptions): Promise<void> {
  const done = new AbortController();
  const end = await log.head();
  const writer = createMirrorWriter({ log, bus, logger });
  try {
    await writer.write(AbortSignal.any([signal, done.signal]), {
      alive: () => undefined,
      caughtUp: () => done.abort(),
      outrun: (upTo) => {
        if (end === undefined || !isBehind(end, upTo)) done.abort();
      },
    });
  } catch (error) {
    // A writer that is told to stop says so.
    if (!done.signal.aborted) throw error;
  }
  signal.throwIfAborted();
}

/** All gateways that there ever were: one that is deleted now may be restored by a later event. */
async function foldLog({ log, signal, onProgress }: RebuildStateOptions): Promise<Iterable<Mirrored>> {
  const gateways = new Map<string, Mirrored>();
  let events = 0;
  for await (const batch of log.readAll({ streamPrefixes: mirroredStreams, after: 'start', signal })) {
    for (const stored of batch) {
      const after = foldStored(gateways.get(stored.stream), stored);
      if (after !== undefined) gateways.set(stored.stream, after);
    }
    events += batch.length;
    onProgress({ events, position: batch.at(-1)?.position });
  }
  signal.throwIfAborted();
  return gateways.values();
}

/**
 * The keys that differ at first sight: some of them only because events came while bucket and log were read. What must be under a
 * key is made one after the other: all at once it would take as much memory as the bucket itself.
 */
function compare(found: ReadonlyMap<string, Content>, gateways: Iterable<Mirrored>, mostBytes: number) {
  const wrong: string[] = [];
  const extra = new Set(found.keys());
  let active = 0;
  let parked = 0;
  for (const mirrored of gateways) {
    const content = contentOf(mirrored, mostBytes);
    if (content === undefined) continue;
    active += 1;
    if (isMark(content)) parked += 1;
    if (!isSame(found.get(mirrored.key), content)) wrong.push(mirrored.key);
    extra.delete(mirrored.key);
  }
  return { suspects: [...wrong, ...extra], gateways: active, parked };
}

interface Place {
  readonly stream: BusStream;
  readonly log: EventLog;
  readonly mostBytes: number;
}

/** Corrects what differs at the tail, as often as the tail moves meanwhile; tells how much of each kind it has corrected. */
async function correct(
  place: Place,
  suspects: readonly string[],
  signal: AbortSignal,
): Promise<RebuiltState['corrected']> {
  const corrected = { missing: 0, extra: 0, altered: 0 };
  let rest = suspects;
  let width = mostKeys;
  while (rest.length > 0) {
    signal.throwIfAborted();
    const keys = rest.slice(0, width);
    const tail = await readTail(place.stream, mirrorOriginOf);
    const looked = await Promise.all(keys.map((key) => differenceAt(place, key, tail)));
    const differences = looked.filter((difference) => difference !== undefined);
    const written = await write(place.stream, differences, tail, signal);
    for (const { kind } of differences.slice(0, written)) corrected[kind] += 1;
    const left = differences.slice(written).map(({ change: { key } }) => key);
    // To look at fewer takes less time: where events come often, the tail does not rest for as long as many keys take.
    width = left.length > 0 ? Math.ceil(keys.length / 2) : Math.min(mostKeys, 2 * width);
    rest = [...left, ...rest.slice(keys.length)];
  }
  return corrected;
}

async function differenceAt(
  { stream, log, mostBytes }: Place,
  key: string,
  { origin }: Tail<MirrorOrigin>,
): Promise<Difference | undefined> {
  const stored = await stream.last(subjectOf(key));
  const is = stored && readChange(stored).content;
  const content = origin && (await contentAt(log, key, origin.position, mostBytes));
  if (isSame(is, content)) return undefined;
  if (is === undefined) return { kind: 'missing', change: { key, content } };
  return { kind: content === undefined ? 'extra' : 'altered', change: { key, content } };
}

/** Tells how many of them were written before the tail moved. */
async function write(
  stream: BusStream,
  differences: readonly Difference[],
  { sequence, origin }: Tail<MirrorOrigin>,
  signal: AbortSignal,
): Promise<number> {
  if (differences.length === 0) return 0;
  const pipe = openPipe(stream, { after: sequence, window: mostKeys, patience, signal });
  // They say of the log what the tail says: a mirror resumes where it would have without them. And of what cannot be shown
  // that there is some, where that is so; a mirror finds out when there is none any more.
  const isDegraded = origin?.isDegraded || differences.some(({ change: { content } }) => isMark(content));
  const said = origin && { ...origin, isDegraded: isDegraded === true };
  try {
    for (const { change } of differences) await pipe.send(toMessage(change, randomUUID(), said));
    await pipe.settled();
  } catch (error) {
    if (!(error instanceof TailMoved)) throw error;
  } finally {
    pipe.close();
  }
  return pipe.stored() - sequence;
}
