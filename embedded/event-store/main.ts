// The embedded event store as a process. It says `ready <url>` when it serves, and stops on SIGINT and SIGTERM or,
// when asked to, with the parent that holds its standard input.

import { parseArgs } from 'node:util';
import { logVerbosity, setLogVerbosity } from '@grpc/grpc-js';
import { type EventStoreOptions, startEventStore } from './server.ts';

const usage = `Usage: node embedded/event-store/main.ts --file <path> [options]

  --file <path>             where the events are kept, or :memory:
  --port <number>           default: a free one
  --host <address>          default: 127.0.0.1
  --max-append-size <bytes> default: 1048576
  --stop-with-parent        stop when standard input closes
  --help`;

// What went wrong is said once, in our words.
setLogVerbosity(logVerbosity.NONE);

try {
  const values = optionsOf(process.argv.slice(2));
  if (values.help) {
    console.log(usage);
  } else {
    const { file, host } = values;
    if (!file) throw new Error('No file given. Say --file <path>, or --help for all options.');
    const port = numberOf('--port', values.port, 0, 65_535);
    const maxAppendSize = numberOf('--max-append-size', values['max-append-size'], 1, 16_767_216);
    await serve({ file, host, port, maxAppendSize }, values['stop-with-parent']);
  }
} catch (error) {
  fail(error);
}

function optionsOf(args: string[]) {
  const text = { type: 'string' } as const;
  const flag = { type: 'boolean', default: false } as const;
  const options = { file: text, port: text, host: text, 'max-append-size': text, 'stop-with-parent': flag, help: flag };
  try {
    return parseArgs({ args, options }).values;
  } catch (error) {
    throw new Error(`${(error as Error).message}. Say --help for all options.`, { cause: error });
  }
}

async function serve(options: EventStoreOptions, stopsWithParent: boolean): Promise<void> {
  const server = await startEventStore(options);
  const stop = () => server.stop().then(() => process.exit(0), fail);
  process.once('SIGTERM', stop);
  process.once('SIGINT', stop);
  if (stopsWithParent) process.stdin.once('close', stop).once('end', stop).once('error', stop).resume();
  console.log(`ready ${server.url}`);
}

function numberOf(option: string, text: string | undefined, minimum: number, maximum: number): number | undefined {
  if (text === undefined) return undefined;
  const number = Number(text);
  if (/^\d+$/.test(text) && number >= minimum && number <= maximum) return number;
  throw new Error(`${option} is '${text}', not a number from ${minimum} to ${maximum}. Correct it, or leave it out.`);
}

function fail(error: unknown): void {
  console.error((error instanceof Error ? error.message : String(error)).replaceAll('\n', ' '));
  process.exit(1);
}
