// The EventStoreDB-compatible server, in a process of its own: its work on the log never holds up the service.
import { readFileSync } from 'node:fs';
import { connect } from 'node:http2';
import { join } from 'node:path';
import { launch, logFileOf, type StartedServer } from './launch.ts';
import type { PortWish } from './ports.ts';

/** What passes through it is garbage at once; with less room for that than Node gives it the process stays smaller. */
export const sparing = ['--max-semi-space-size=8'];

const program = join(import.meta.dirname, 'event-store', 'main.ts');

/** Starts the event store on 127.0.0.1 with its log in `<dataDir>/event-store.sqlite`. */
export function startEventStoreProcess(dataDir: string, wish: PortWish = {}): Promise<StartedServer> {
  const file = join(dataDir, 'event-store.sqlite');
  const logFile = logFileOf(dataDir, 'event-store');
  return launch(
    {
      title: 'The event store',
      name: 'event-store',
      command: (port) => ({
        file: process.execPath,
        args: [...sparing, program, '--file', file, '--port', String(port)],
      }),
      url: (port) => `esdb://127.0.0.1:${port}?tls=false`,
      // It has no name to tell; what it writes itself proves that it, and no other, took the port.
      answers: async (port) => readFileSync(logFile, 'utf8').includes('ready ') && (await eventStoreAnswers(port)),
    },
    dataDir,
    wish,
  );
}

/** Whether a server on the port answers EventStoreDB's question for the methods it supports. */
export function eventStoreAnswers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const session = connect(`http://127.0.0.1:${port}`);
    const settle = (answer: boolean) => {
      session.destroy();
      resolve(answer);
    };
    session.setTimeout(2_000, () => settle(false));
    session.on('error', () => settle(false));
    const request = session.request({
      ':method': 'POST',
      ':path': '/event_store.client.server_features.ServerFeatures/GetSupportedMethods',
      'content-type': 'application/grpc',
      te: 'trailers',
    });
    request.on('error', () => settle(false));
    request.on('trailers', (trailers) => settle(trailers['grpc-status'] === '0'));
    request.on('end', () => settle(false));
    request.resume();
    request.end(Buffer.alloc(emptyMessage));
  });
}

/** A gRPC message of length zero: one byte for "not compressed", four for the length. */
const emptyMessage = 5;
