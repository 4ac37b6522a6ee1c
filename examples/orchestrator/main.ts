// The orchestrator as a process: options, keys, NATS, and an orderly end on a signal.
import { readFile } from 'node:fs/promises';
// Elsewhere this is the package's `gateway-registry/client`.
import { type Credentials, openCredentials, watchGateways } from '../../client/src/index.ts';
import { connectBus } from './bus.ts';
import { readingLine, transitionLine } from './log-line.ts';
import { type Options, optionsOf, usage } from './options.ts';
import { orchestrate } from './orchestrator.ts';
import { webSocketDevice } from './web-socket-device.ts';

/** How long the farewells of the gateways are waited for, in milliseconds: one that says nothing any more says none. */
const longestFarewell = 2_000;

try {
  const options = optionsOf(process.argv.slice(2), process.env);
  if (options === 'help') console.log(usage);
  else await run(options, stopOnSignal());
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}
setTimeout(() => process.exit(), longestFarewell).unref();

async function run(options: Options, stopping: AbortSignal): Promise<void> {
  const { natsUrl, keyFile, tokenFile, organization, factory, settings, showReadings } = options;
  const privateKey = await readSecret('--key', keyFile);
  const token = () => readSecret('--token', tokenFile);
  await token();
  await using bus = await connectBus(natsUrl, log, stopping);
  if (bus === undefined) return;
  const credentials = credentialsBy(keyFile, () => openCredentials(bus.nats, { privateKey, token }));
  const changes = watchGateways(bus.nats, {
    ...(organization !== undefined && { organization }),
    ...(factory !== undefined && { factory }),
    signal: stopping,
    onTrouble: ({ message }) => log(`the registry: ${message}`),
  });
  log('started');
  await orchestrate({
    changes,
    readCredential: (id) => credentials.read(id),
    sendBeat: bus.sendBeat,
    device: webSocketDevice,
    settings,
    report: (transition) => log(transitionLine(transition)),
    ...(showReadings && { takeReading: (gateway, reading) => log(readingLine(gateway, reading)) }),
  });
  log('stopped');
}

async function readSecret(option: string, file: string): Promise<string> {
  try {
    return (await readFile(file, 'utf8')).trim();
  } catch (error) {
    const reason = error instanceof Error && 'code' in error ? error.code : error;
    throw new Error(`${file} cannot be read (${reason}). Name the file with ${option}; --help explains.`, {
      cause: error,
    });
  }
}

function credentialsBy(keyFile: string, open: () => Credentials): Credentials {
  try {
    return open();
  } catch (error) {
    const reason = error instanceof Error ? error.message : error;
    throw new Error(`${keyFile} holds no private key of a connector: ${reason}`, { cause: error });
  }
}

/** The first signal asks for an orderly end, the second does not wait for it. */
function stopOnSignal(): AbortSignal {
  const stopping = new AbortController();
  const onSignal = (signal: NodeJS.Signals) => {
    if (stopping.signal.aborted) process.exit(1);
    log(`${signal}: stopping`);
    stopping.abort();
  };
  process.on('SIGINT', onSignal);
  process.on('SIGTERM', onSignal);
  // Whoever read our lines has gone, as `| head` does: gateways are left in order all the same.
  process.stdout.on('error', () => stopping.abort());
  return stopping.signal;
}

function log(line: string): void {
  console.log(`${new Date().toISOString()} ${line}`);
}
