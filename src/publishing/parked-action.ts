// `npm run publishing -- parked`, for people.
import type { Action } from '../actions.ts';
import type { Bus, BusStream, StoredMessage } from './bus.ts';
import { eventStream } from './event-stream.ts';
import { originOf } from './message.ts';
import { bucket, readMarks, subjectOf } from './mirror-message.ts';
import { isParkedMessage, parkedSubjects } from './parked.ts';
import { withBus } from './with-bus.ts';

/** How long NATS may take to be there, in milliseconds. */
const patience = 10_000;

export const parkedAction: Action = {
  takes: '',
  servers: ['nats'],
  help: `Lists what others cannot hear. First the events that could not be published: in the stream a message stands for each, at its
place. It tells the message's number, the event and why. What subscribers need of them they find over REST. To have them
published, mend the cause (such as max_payload of the NATS server), stop the service, delete the stream MTI_EVENTS and start
again: then everything is published anew. To have them out of the health: nats stream rmm MTI_EVENTS <number>, then start
the service again. Then the keys of the bucket "gateways" whose gateway cannot be shown. Such a key is mended by the next event
of its gateway that makes it smaller; when the cause is mended, by a restart of the service or by rebuild-state.`,
  run: ({ context }) => withBus(context, (bus) => listParked(bus, context.stopping, console.log)),
};

/** @throws BusUnavailable when NATS cannot be reached */
export async function listParked(bus: Bus, signal: AbortSignal, print: (line: string) => void): Promise<void> {
  await bus.connected(patience, signal);
  if (signal.aborted) return;
  const found = [await linesAboutEvents(bus.stream(eventStream), signal), await linesAboutKeys(bus.stream(bucket))];
  for (const line of found.flat()) print(line);
  if (found.flat().length === 0) print('Nothing is parked.');
}

async function linesAboutEvents(stream: BusStream, signal: AbortSignal): Promise<readonly string[]> {
  const lines: string[] = [];
  if ((await stream.last(parkedSubjects)) === undefined) return lines;
  for await (const message of stream.contents()) {
    if (signal.aborted) break;
    if (isParkedMessage(message)) lines.push(lineOf(message));
  }
  return lines;
}

async function linesAboutKeys(stream: BusStream): Promise<readonly string[]> {
  if ((await stream.last(subjectOf('>'))) === undefined) return [];
  return [...(await readMarks(stream.contents()))].map(([key, { text }]) => `${key}  ${text}`);
}

function lineOf(message: StoredMessage): string {
  const { stream, revision, position, eventId } = originOf(message) ?? {};
  return `${message.sequence}  ${stream}  revision ${revision}  position ${position?.commit}  event ${eventId}  ${message.body}`;
}
