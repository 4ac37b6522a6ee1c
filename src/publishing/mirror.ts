// The mirror: the current state of each active gateway in a key-value bucket of NATS. It follows the log as the publisher
// does, and resumes from the tail of the bucket.
import { randomBytes } from 'node:crypto';
import type { Logger } from 'pino';
import { streamPrefix } from '../events/catalogue.ts';
import type { EventLog, StoredEvent } from '../events/event-log.ts';
import { type Loop, startLoop } from '../infrastructure/lifecycle.ts';
import type { Bus, Message } from './bus.ts';
import { createMirrorMemory, type MirrorMemory } from './mirror-memory.ts';
import { bucket, changesOf, type MirrorOrigin, messagesOf, mirrorOriginOf } from './mirror-message.ts';
import { decodeGatewayEvent } from './mirror-state.ts';
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

/**
 * Starts to mirror the gateways of the log. Any number of mirrors may run: one is ahead, the others stand by.
 *
 * It stops at, and fails loudly on, an event that cannot be decoded and a value that NATS refuses: to go on would show a
 * state that is none.
 */
export function startMirror(options: MirrorOptions): Loop {
  const writer = createMirrorWriter(options);
  return startLoop({
    name,
    logger: options.logger,
    run: (signal, alive) => writer.write(signal, { alive, caughtUp: () => undefined }),
    backoff: writer.timing.backoff,
  });
}

/** What writes the bucket, as a loop or until it has caught up. */
export function createMirrorWriter({ log, bus, logger, timing, memoryBytes }: MirrorOptions): Writer {
  return createWriter({
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

  async function begin(pipe: Pipe, { origin }: Tail<MirrorOrigin>): Promise<Send> {
    const memory = createMirrorMemory(log, memoryBytes ?? defaultMemoryBytes);
    const session = randomBytes(4).toString('hex');
    await pipe.sendAll(await leftUndone(origin, memory, session));
    return async (events) => {
      await memory.prepare(events);
      for (const event of events) await pipe.sendAll(await messagesAbout(event, memory, session));
    };
  }

  /** The last steps of an event of which the first ones are the tail. */
  async function leftUndone(origin: MirrorOrigin | undefined, memory: MirrorMemory, session: string) {
    if (origin === undefined || origin.step === origin.steps) return [];
    const [event] = await log.read(origin.stream, origin.revision, origin.revision);
    return event === undefined ? [] : (await messagesAbout(event, memory, session)).slice(origin.step);
  }

  /** None about what this version does not know: the publisher says that there is something like it. */
  async function messagesAbout(
    stored: StoredEvent,
    memory: MirrorMemory,
    session: string,
  ): Promise<readonly Message[]> {
    const event = decodeGatewayEvent(stored);
    return event === undefined ? [] : messagesOf(event, changesOf(event, await memory.after(event)), session);
  }
}
