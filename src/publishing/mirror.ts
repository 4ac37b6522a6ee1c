// The mirror: the current state of each active gateway in a key-value bucket of NATS. It follows the log as the publisher
// does, and resumes from the tail of the bucket.
import { randomBytes, randomUUID } from 'node:crypto';
import type { Logger } from 'pino';
import { streamPrefix } from '../events/catalogue.ts';
import type { EventLog, StoredEvent } from '../events/event-log.ts';
import { type LoopHealth, startLoop } from '../infrastructure/lifecycle.ts';
import type { Bus, Message } from './bus.ts';
import { contentAt, isSame } from './mirror-content.ts';
import { historyOf } from './mirror-history.ts';
import { createMirrorMemory, type MirrorMemory } from './mirror-memory.ts';
import {
  bucket,
  changesOf,
  type MirrorOrigin,
  messagesOf,
  mirrorOriginOf,
  readMarks,
  toMessage,
} from './mirror-message.ts';
import { createParkedKeys, type ParkedKeys } from './mirror-parked.ts';
import type { Pipe } from './pipe.ts';
import type { Tail } from './tail.ts';
import { createWriter, type Send, type Writer, type WriterTiming } from './writer.ts';

export interface MirrorOptions {
  readonly log: EventLog;
  readonly bus: Bus;
  readonly logger: Logger;
  readonly timing?: Partial<WriterTiming>;
  /** How much is remembered of gateways. Default: some 30,000 of ordinary size. */
  readonly memoryBytes?: number;
}

const name = 'mirror';
const defaultMemoryBytes = 64 * 1024 * 1024;

/** What the names of the streams start with that are mirrored. */
export const mirroredStreams: readonly string[] = [streamPrefix('gateway')];

/** How many keys health names at most. */
const namedAtMost = 10;

export interface MirrorHealth {
  readonly name: string;
  /** `degraded`: it works, but there are gateways that it cannot show. */
  readonly status: LoopHealth['status'] | 'degraded';
  readonly error?: string;
  /** How many those are, and the keys of some. */
  readonly parked?: number;
  readonly parkedKeys?: readonly string[];
}

export interface Mirror {
  health(): MirrorHealth;
  /** Resolves when it has ended. */
  stop(): Promise<void>;
}

/**
 * Starts to mirror the gateways of the log. Any number of mirrors may run: one is ahead, the others stand by.
 *
 * A gateway that cannot be shown, because one of its events cannot be read or NATS takes no value of its size, does not stop it:
 * its key says so. Only an event that a later version of the service has written makes it fail, until the mirror of that
 * version takes over.
 */
export function startMirror(options: MirrorOptions): Mirror {
  const writer = createMirrorWriter(options);
  const loop = startLoop({
    name,
    logger: options.logger,
    run: (signal, alive) => writer.write(signal, { alive, caughtUp: () => undefined }),
    backoff: writer.timing.backoff,
  });
  return { health, stop: loop.stop };

  function health(): MirrorHealth {
    const { status, ...rest } = loop.health();
    const keys = writer.parkedKeys();
    if (status !== 'running' || keys.length === 0) return { ...rest, status };
    return { ...rest, status: 'degraded', parked: keys.length, parkedKeys: keys.slice(0, namedAtMost) };
  }
}

export interface MirrorWriter extends Writer {
  /** The keys whose gateway it cannot show. */
  parkedKeys(): readonly string[];
}

/** What writes the bucket, as a loop or until it has caught up. */
export function createMirrorWriter({ log, bus, logger, timing, memoryBytes }: MirrorOptions): MirrorWriter {
  const stream = bus.stream(bucket);
  let parked = createParkedKeys(logger);
  const writer = createWriter({
    name,
    log,
    bus,
    logger,
    timing,
    stream: bucket,
    streamPrefixes: mirroredStreams,
    originOf: mirrorOriginOf,
    begin,
  });
  return { ...writer, parkedKeys: () => parked.keys() };

  async function begin(pipe: Pipe, { origin }: Tail<MirrorOrigin>): Promise<Send> {
    const session: Session = {
      id: randomBytes(4).toString('hex'),
      memory: createMirrorMemory(log, memoryBytes ?? defaultMemoryBytes),
      parked: createParkedKeys(logger),
      mostBytes: stream.mostBytes(),
    };
    if (origin?.isDegraded) session.parked.know(await readMarks(stream.contents()));
    if (origin !== undefined) {
      await pipe.sendAll(await leftUndone(origin, session));
      await pipe.sendAll(await mendedSince(origin, session));
    }
    parked = session.parked;
    return async (events) => {
      await session.memory.prepare(events);
      for (const event of events) await pipe.sendAll(await messagesAbout(event, session));
    };
  }

  /** The last steps of an event of which the first ones are the tail. */
  async function leftUndone({ step, steps, stream, revision }: MirrorOrigin, session: Session) {
    if (step === steps) return [];
    const [event] = await historyOf(log, stream, revision, revision);
    return event === undefined ? [] : (await messagesAbout(event, session)).slice(step);
  }

  /**
   * What can be shown now of what could not be before: this version may read more than the one that wrote the bucket, and
   * NATS may take larger messages. It says of the log what the tail says.
   */
  async function mendedSince(origin: MirrorOrigin, { parked, mostBytes }: Session): Promise<readonly Message[]> {
    const messages: Message[] = [];
    for (const [key, before] of [...parked.contents()]) {
      const content = await contentAt(log, key, origin.position, mostBytes);
      if (isSame(content, before)) continue;
      const isDegraded = parked.isDegradedAfter({ key, content });
      messages.push(toMessage({ key, content }, randomUUID(), { ...origin, step: origin.steps, isDegraded }));
    }
    return messages;
  }

  /** None about what this version does not know: the publisher says that there is something like it. */
  async function messagesAbout(event: StoredEvent, session: Session): Promise<readonly Message[]> {
    const changes = changesOf(await session.memory.around(event), session.mostBytes);
    return messagesOf(event, changes, session.id, session.parked.isDegradedAfter);
  }
}

interface Session {
  readonly id: string;
  readonly memory: MirrorMemory;
  readonly parked: ParkedKeys;
  readonly mostBytes: number;
}
