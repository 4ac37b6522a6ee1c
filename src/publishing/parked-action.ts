// `npm run publishing -- parked`, for people.
import type { Action } from './action.ts';
import type { Bus, StoredMessage } from './bus.ts';
import { eventStream } from './event-stream.ts';
import { originOf } from './message.ts';
import { isParkedMessage, parkedSubjects } from './parked.ts';

/** How long NATS may take to be there, in milliseconds. */
const patience = 10_000;

export const parkedAction: Action = {
  help: `Lists the events that could not be published: in the stream a message stands for each, at its place. It tells the message's
number, the event and why. What subscribers need of them they find over REST. To have them published, mend the cause (such
as max_payload of the NATS server), stop the service, delete the stream MTI_EVENTS and start again: then everything is
published anew. To have them out of the health: nats stream rmm MTI_EVENTS <number>, then start the service again.`,
  run: ({ stopping }, _log, bus) => listParked(bus, stopping, console.log),
};

/** @throws BusUnavailable when NATS cannot be reached */
export async function listParked(bus: Bus, signal: AbortSignal, print: (line: string) => void): Promise<void> {
  await bus.connected(patience, signal);
  if (signal.aborted) return;
  const stream = bus.stream(eventStream);
  if ((await stream.last(parkedSubjects)) === undefined) return print('Nothing is parked.');
  for await (const message of stream.contents()) {
    if (signal.aborted) return;
    if (isParkedMessage(message)) print(lineOf(message));
  }
}

function lineOf(message: StoredMessage): string {
  const { stream, revision, position, eventId } = originOf(message) ?? {};
  return `${message.sequence}  ${stream}  revision ${revision}  position ${position?.commit}  event ${eventId}  ${message.body}`;
}
