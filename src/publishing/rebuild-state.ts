// Brings the bucket of the mirror to what the log says where it is not that, and writes nothing else. Whether a mirror
// runs meanwhile does not matter: what differs at first sight is looked at once more at the tail of the bucket, and is
// written only if the tail is still there. A mirror that is outrun by that waits a moment and goes on from the same place.
import { randomUUID } from 'node:crypto';
import type { Logger } from 'pino';
import { streamPrefix } from '../events/catalogue.ts';
import type { EventLog, Position } from '../events/event-log.ts';
import type { Bus, BusStream } from './bus.ts';
import { createMirrorWriter, mirroredStreams } from './mirror.ts';
import { foldAll } from './mirror-memory.ts';
import {
  bucket,
  type Change,
  type MirrorOrigin,
  mirrorOriginOf,
  readChange,
  subjectOf,
  toMessage,
} from './mirror-message.ts';
import { decodeGatewayEvent, foldMirrored, keyOf, type Mirrored, textOf } from './mirror-state.ts';
import { openPipe, TailMoved } from './pipe.ts';
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
  /** How many keys of each kind there were, and are no more. */
  readonly corrected: Readonly<Record<Difference['kind'], number>>;
}

interface Difference {
  /** A key that was not there, one too many, or one with another value. */
  readonly kind: 'missing' | 'extra' | 'altered';
  readonly change: Change;
}

/** So many keys are looked at and written at a time: few, so that they are written before the tail has moved. */
const width = 64;
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
  const found = await readValues(stream);
  const { suspects, gateways } = compare(found, await foldLog(options));
  const corrected = { missing: 0, extra: 0, altered: 0 };
  for (let start = 0; start < suspects.length; start += width) {
    const differences = await correct(stream, log, suspects.slice(start, start + width), signal);
    for (const { kind } of differences) corrected[kind] += 1;
  }
  return { gateways, corrected };
}

/** Lets a mirror write until it has nothing left to write, or has seen another one write the rest. */
async function catchUp({ log, bus, logger, signal }: RebuildStateOptions): Promise<void> {
  const done = new AbortController();
  const writer = createMirrorWriter({ log, bus, logger });
  try {
    await writer.write(AbortSignal.any([signal, done.signal]), {
      alive: () => undefined,
      caughtUp: () => done.abort(),
    });
  } catch (error) {
    // A writer that is told to stop says so.
    if (!done.signal.aborted) throw error;
  }
  signal.throwIfAborted();
}

async function readValues(stream: BusStream): Promise<ReadonlyMap<string, string>> {
  const values = new Map<string, string>();
  for await (const message of stream.contents()) {
    const { key, value } = readChange(message);
    if (value === undefined) values.delete(key);
    else values.set(key, value);
  }
  return values;
}

/** All gateways that there ever were: one that is deleted now may be restored by a later event. */
async function foldLog({ log, signal, onProgress }: RebuildStateOptions): Promise<Iterable<Mirrored>> {
  const gateways = new Map<string, Mirrored>();
  let events = 0;
  for await (const batch of log.readAll({ streamPrefixes: mirroredStreams, after: 'start', signal })) {
    for (const stored of batch) {
      const event = decodeGatewayEvent(stored);
      const after = event && foldMirrored(gateways.get(stored.stream), event);
      if (after !== undefined) gateways.set(stored.stream, after);
    }
    events += batch.length;
    onProgress({ events, position: batch.at(-1)?.position });
  }
  signal.throwIfAborted();
  return gateways.values();
}

/** The keys that differ at first sight: some of them only because events came while bucket and log were read. */
function compare(found: ReadonlyMap<string, string>, gateways: Iterable<Mirrored>) {
  const active = [...gateways].filter(({ isActive }) => isActive);
  const expected = new Map(active.map((mirrored) => [keyOf(mirrored.gateway), mirrored]));
  const wrong = [...expected].filter(([key, mirrored]) => found.get(key) !== textOf(mirrored)).map(([key]) => key);
  const extra = [...found.keys()].filter((key) => !expected.has(key));
  return { suspects: [...wrong, ...extra], gateways: active.length };
}

/** Corrects what differs at the tail, as often as the tail moves meanwhile; tells what it has corrected. */
async function correct(
  stream: BusStream,
  log: EventLog,
  suspects: readonly string[],
  signal: AbortSignal,
): Promise<readonly Difference[]> {
  const tail = await readTail(stream, mirrorOriginOf);
  const looked = await Promise.all(suspects.map((key) => differenceAt(stream, log, key, tail)));
  const differences = looked.filter((difference) => difference !== undefined);
  if (differences.length === 0) return [];
  const written = await write(stream, differences, tail, signal);
  const left = differences.slice(written).map(({ change: { key } }) => key);
  const corrected = differences.slice(0, written);
  return left.length === 0 ? corrected : [...corrected, ...(await correct(stream, log, left, signal))];
}

async function differenceAt(
  stream: BusStream,
  log: EventLog,
  key: string,
  { origin }: Tail<MirrorOrigin>,
): Promise<Difference | undefined> {
  const stored = await stream.last(subjectOf(key));
  const is = stored && readChange(stored).value;
  const value = origin && (await valueAt(log, key, origin.position));
  if (is === value) return undefined;
  if (is === undefined) return { kind: 'missing', change: { key, value } };
  return { kind: value === undefined ? 'extra' : 'altered', change: { key, value } };
}

/** What must be under a key when the bucket shows all up to a position; undefined when nothing. */
async function valueAt(log: EventLog, key: string, position: Position): Promise<string | undefined> {
  const stream = `${streamPrefix('gateway')}${key.slice(key.lastIndexOf('.') + 1)}`;
  const events = await log.read(stream);
  const gateway = foldAll(events.filter((event) => !standsBehind(event.position, position)));
  return gateway?.isActive && keyOf(gateway.gateway) === key ? textOf(gateway) : undefined;
}

/** Tells how many of them were written before the tail moved. */
async function write(
  stream: BusStream,
  differences: readonly Difference[],
  { sequence, origin }: Tail<MirrorOrigin>,
  signal: AbortSignal,
): Promise<number> {
  const pipe = openPipe(stream, { after: sequence, window: width, patience, signal });
  try {
    // They say of the log what the tail says: a mirror resumes where it would have without them.
    for (const { change } of differences) await pipe.send(toMessage(change, randomUUID(), origin));
    await pipe.settled();
  } catch (error) {
    if (!(error instanceof TailMoved)) throw error;
  } finally {
    pipe.close();
  }
  return pipe.stored() - sequence;
}

function standsBehind(a: Position, b: Position): boolean {
  return a.commit > b.commit || (a.commit === b.commit && a.prepare > b.prepare);
}
