// npm run example:orchestrator: a registry, gateways that are none, and the orchestrator between them, on this machine alone.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
// Elsewhere this is the package's `gateway-registry/client`.
import { openCredentials, watchGateways } from '../../client/src/index.ts';
import { connectBus } from './bus.ts';
import { type DemoRegistry, startDemoRegistry } from './demo-registry.ts';
import { playStory } from './demo-story.ts';
import { startFakeGateways } from './fake-gateways.ts';
import { readingLine, transitionLine } from './log-line.ts';
import { orchestrate, usualSettings } from './orchestrator.ts';
import { createStage, type Stage } from './stage.ts';
import { webSocketDevice } from './web-socket-device.ts';

const usage = `Usage: npm run example:orchestrator [-- options]

Starts a registry of its own, some gateways that are none, and an orchestrator; plays what may happen to gateways, and tells what
the orchestrator does. Takes about half a minute, needs nothing that runs, and leaves nothing behind; Ctrl-C ends it before.

  --beat-every <seconds>  between two heartbeats of a gateway; default: 1
  --help`;

const interruptedCode = 130;
const stopping = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => stopping.abort());
// Whoever read our lines has gone, as `| head` does: there is nobody to play for.
process.stdout.on('error', () => stopping.abort());

try {
  const beatEvery = beatEveryOf(process.argv.slice(2));
  if (beatEvery === 'help') console.log(usage);
  else await demonstrate(beatEvery, stopping.signal);
} catch (error) {
  if (!stopping.signal.aborted) console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}
if (stopping.signal.aborted) process.exitCode = interruptedCode;

async function demonstrate(beatEvery: number, signal: AbortSignal): Promise<void> {
  await using scope = new AsyncDisposableStack();
  const folder = await mkdtemp(join(tmpdir(), 'example-orchestrator-'));
  scope.defer(() => rm(folder, { recursive: true, force: true, maxRetries: 3 }));

  tell('A registry starts, with an event store, a database and NATS of its own; this takes some seconds.');
  const registry = scope.use(await startDemoRegistry(folder, signal));
  const fakes = scope.use(await startFakeGateways());
  const ending = new AbortController();
  const playing = AbortSignal.any([signal, ending.signal]);
  const stage = createStage(playing);
  const orchestrating = runOrchestrator(registry, stage, beatEvery, playing).catch((error: unknown) => {
    ending.abort();
    throw error;
  });
  // It is awaited when the story has ended, which it does soon then.
  orchestrating.catch(() => undefined);
  try {
    await playStory({ registry, fakes, stage, tell });
    tell('That is all. The orchestrator says farewell; then all is stopped, and its files are removed.');
  } finally {
    ending.abort();
    await orchestrating;
  }
}

async function runOrchestrator(
  { natsUrl, connector }: DemoRegistry,
  stage: Stage,
  beatEvery: number,
  signal: AbortSignal,
): Promise<void> {
  await using bus = await connectBus(natsUrl, show, signal);
  if (bus === undefined) return;
  const credentials = openCredentials(bus.nats, connector);
  await orchestrate({
    changes: watchGateways(bus.nats, { signal, onTrouble: ({ message }) => show(message) }),
    readCredential: (id) => credentials.read(id),
    sendBeat(gateway) {
      bus.sendBeat(gateway);
      stage.sendBeat(gateway);
    },
    device: webSocketDevice,
    settings: { ...usualSettings, beatEvery, patience: 2_000, backoff: { first: 500, longest: 2_000 } },
    report(transition) {
      show(transitionLine(transition));
      stage.report(transition);
    },
    takeReading: (gateway, reading) => show(readingLine(gateway, reading)),
  });
}

/** What happens in the story. */
function tell(line: string): void {
  console.log(`\n${line}`);
}

/** What the orchestrator says. */
function show(line: string): void {
  console.log(`    ${line}`);
}

/** In milliseconds. Throws with a message for people when the command line makes no sense. */
function beatEveryOf(args: readonly string[]): number | 'help' {
  const options = {
    'beat-every': { type: 'string', default: '1' },
    help: { type: 'boolean', default: false },
  } as const;
  const { values } = parseArgs({ args: [...args], options });
  if (values.help) return 'help';
  const seconds = Number(values['beat-every']);
  if (seconds > 0 && seconds <= 60) return seconds * 1_000;
  throw new Error(`--beat-every is '${values['beat-every']}', which is no number of seconds up to 60.`);
}
