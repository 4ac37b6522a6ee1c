// A benchmark as its user runs it, in a folder of its own for whatever it writes.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { until } from '../../embedded/until.ts';
import { temporaryFolder } from './temporary-folder.ts';

export interface EndedBenchmark {
  /** Its exit code. */
  readonly code: number | null;
  /** All that it has told. */
  readonly told: string;
  /** The files and the processes that it has left. */
  readonly left: { readonly files: readonly string[]; readonly processes: readonly string[] };
}

/** What is left by a benchmark that cleans up. */
export const nothing = { files: [], processes: [] };

const startsWithinMs = 120_000;

/** Runs a benchmark to its end. */
export async function runBenchmark(program: string, args: readonly string[]): Promise<EndedBenchmark> {
  await using benchmark = await startBenchmark(program, args);
  return await benchmark.ended();
}

/** Starts a benchmark, and ends it with a signal as soon as it has told how far it is, and runs a process. */
export async function interruptBenchmark(
  program: string,
  args: readonly string[],
  progress: string,
  signal: NodeJS.Signals = 'SIGINT',
): Promise<EndedBenchmark> {
  await using benchmark = await startBenchmark(program, args);
  await benchmark.comesTo(progress);
  benchmark.kill(signal);
  return await benchmark.ended();
}

async function startBenchmark(program: string, args: readonly string[]) {
  await using scope = new AsyncDisposableStack();
  const { path: folder } = scope.use(await temporaryFolder());
  const child = spawn(process.execPath, [program, ...args], { env: { ...process.env, TMPDIR: folder } });
  let told = '';
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text) => (told += text));
  const code = once(child, 'close').then(([ended]) => ended as number | null);
  scope.defer(async () => {
    child.kill('SIGKILL');
    await code;
  });
  const kept = scope.move();
  return {
    async comesTo(progress: string) {
      // Asked once each time: some of its processes are there for a moment only.
      const isThere = () => told.includes(progress) && processesOf(folder, child.pid).length > 0;
      const hasCome = await until(() => child.exitCode !== null || isThere(), startsWithinMs);
      if (child.exitCode !== null) throw new Error(`the benchmark ended with ${child.exitCode}:\n${told}`);
      if (!hasCome) throw new Error(`the benchmark does not come to '${progress}', or runs no process:\n${told}`);
    },
    kill: (signal: NodeJS.Signals) => child.kill(signal),
    async ended(): Promise<EndedBenchmark> {
      return {
        code: await code,
        told,
        left: { files: readdirSync(folder), processes: processesOf(folder, child.pid) },
      };
    },
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  };
}

/** The command lines of all processes but the benchmark itself that have to do with its folder. */
function processesOf(folder: string, benchmark: number | undefined): readonly string[] {
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name) && Number(name) !== benchmark);
  return pids.flatMap((pid) => {
    const command = ofProcess(() => readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' '));
    // A server may have the folder in none of its arguments, and an environment of its own.
    const environment = ofProcess(() => readFileSync(`/proc/${pid}/environ`, 'utf8'));
    const place = ofProcess(() => readlinkSync(`/proc/${pid}/cwd`));
    return [command, environment, place].some((text) => text.includes(folder)) ? [command] : [];
  });
}

/** Nothing of a process that has gone, or that is somebody else's. */
function ofProcess(read: () => string): string {
  try {
    return read();
  } catch {
    return '';
  }
}
