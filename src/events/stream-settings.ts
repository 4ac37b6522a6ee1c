// How much of a stream is kept: EventStoreDB has the settings of a stream as the last event of a stream beside it.
import { z } from 'zod';
import type { EventLog } from './event-log.ts';
import { uuidv7 } from './new-id.ts';

const Settings = z.looseObject({ $maxCount: z.number().optional() });

/**
 * Lets a stream keep its last event alone. To be called after the stream was written to by whoever cannot know that it is a
 * new one: who deletes a stream overwrites its settings, and the next write brings back only that it exists. A conflict means
 * that somebody else has written them at this moment; the next one to call this looks again.
 *
 * @throws EventLogUnavailable
 */
export async function keepOnlyTheLast(log: EventLog, stream: string): Promise<void> {
  const last = await log.readLast(settingsOf(stream));
  const found = Settings.parse(last?.data ?? {});
  if (found.$maxCount === 1) return;
  await log.append(settingsOf(stream), last?.revision ?? 'no_stream', [settingsEvent(found)]);
}

/**
 * The same before the first event of a stream, without looking: settings that are there already stay.
 *
 * @throws EventLogUnavailable
 */
export async function keepOnlyTheLastOfNew(log: EventLog, stream: string): Promise<void> {
  const { status } = await log.append(settingsOf(stream), 'no_stream', [settingsEvent({})]);
  if (status === 'conflict') await keepOnlyTheLast(log, stream);
}

function settingsOf(stream: string): string {
  return `$$${stream}`;
}

function settingsEvent(settings: object) {
  return { id: uuidv7(), type: '$metadata', data: { ...settings, $maxCount: 1 }, metadata: {} };
}
