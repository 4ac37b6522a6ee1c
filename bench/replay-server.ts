// The event store that is replayed, as a process: it fills its log, serves it, and ends with its parent.

import { logVerbosity, setLogVerbosity } from '@grpc/grpc-js';
import { openLog } from '../embedded/event-store/log.ts';
import { ticks } from '../embedded/event-store/records.ts';
import { serveLog } from '../embedded/event-store/server.ts';
import { type LoggedEvent, replayEvents } from './replay-events.ts';

const eventsPerTransaction = 5_000;
const [file = ':memory:', events = '0'] = process.argv.slice(2);

setLogVerbosity(logVerbosity.NONE);
// Ctrl-C reaches the whole group: the parent says when this is over, or is gone.
process.on('SIGINT', () => undefined);
process.on('disconnect', () => process.exit(1));

const log = openLog(file);
if (log.head() === 0n) await fill(Number(events));
const { url } = await serveLog(log, {});
process.send?.(url);

async function fill(count: number): Promise<void> {
  const source = replayEvents(count);
  for (let written = 0; written < count; written += eventsPerTransaction) {
    log.transact((write) => {
      for (let index = 0; index < eventsPerTransaction; index++) {
        const { value: event } = source.next();
        if (event !== undefined) append(write, event);
      }
    });
    await new Promise((resolve) => setImmediate(resolve));
  }
}

type Write = Parameters<Parameters<typeof log.transact>[0]>[0];

function append(write: Write, { stream, revision, id, type, data, metadata }: LoggedEvent): void {
  const bytes = (value: object) => Buffer.from(JSON.stringify(value));
  write(stream, revision, { id, type, isJson: true, data: bytes(data), metadata: bytes(metadata) }, ticks(Date.now()));
}
