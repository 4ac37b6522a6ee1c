// How a benchmark begins and ends, be it done, failed or interrupted: what it has started is ended once, in reverse, and
// before the process is.

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { interruption, runScript } from '../embedded/script.ts';

/** What the benchmark has started. */
export const running = new AsyncDisposableStack();

const interruptedCode = 130;
let ending: Promise<void> | undefined;

export interface Benchmark<Options> {
  readonly usage: string;
  /** The options of a command line. Throws with a message for people when it makes no sense. */
  readonly optionsOf: (args: readonly string[]) => Options | 'help';
  /** Measures, and tells for people what it has measured. */
  readonly measure: (options: Options) => Promise<string>;
}

/** Runs a benchmark as the process that it is; ends with 0, with 1 when it fails, or with 130 when it is interrupted. */
export async function runBenchmark<Options>({ usage, optionsOf, measure }: Benchmark<Options>): Promise<never> {
  await runScript(async () => {
    const options = optionsOf(process.argv.slice(2));
    if (options === 'help') return console.log(usage);
    void interruption().then(async () => {
      process.exitCode = interruptedCode;
      await endAll();
      process.exit();
    });
    try {
      console.log(await measure(options));
    } catch (error) {
      // Whatever fails when everything is being ended is no news.
      if (process.exitCode !== interruptedCode) throw error;
    } finally {
      await endAll();
    }
  });
  // What listens to signals and connections would keep the process alive.
  process.exit();
}

/** A folder that is removed at the end. */
export async function ownFolder(name: string): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), `bench-${name}-`));
  running.defer(() => rm(folder, { recursive: true, force: true, maxRetries: 3 }));
  return folder;
}

/**
 * Waits for something to start, which ends with the scope: when the benchmark is interrupted meanwhile, as soon as it has started.
 *
 * @throws Error when it has been interrupted, and whatever keeps it from starting
 */
export async function startIn<T>(
  scope: AsyncDisposableStack,
  starting: Promise<T>,
  end: (started: T) => Promise<void>,
): Promise<T> {
  // Whoever waits for it below hears why it could not start.
  scope.defer(() => starting.then(end, () => undefined));
  const started = await starting;
  refuseAtEnd();
  return started;
}

/** @throws Error when all that runs is being ended: what starts now would be left */
export function refuseAtEnd(): void {
  if (running.disposed) throw new Error('The benchmark is being ended.');
}

/** Ends with its scope, or earlier, when the benchmark does. */
export function ownScope(): AsyncDisposableStack {
  const scope = new AsyncDisposableStack();
  running.defer(() => scope.disposeAsync());
  return scope;
}

/** Tells how far it is; nothing any more when it is being ended. */
export function tell(progress: string): void {
  if (!running.disposed) console.error(progress);
}

/** Whoever asks second waits as well. */
function endAll(): Promise<void> {
  ending ??= running.disposeAsync();
  return ending;
}
