// A benchmark as its user runs it, in a folder of its own for whatever it writes.
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';

/** Starts a benchmark whose temporary files go into `folder`. */
export function startBenchmark(program: string, args: readonly string[], folder: string) {
  const child = spawn(process.execPath, [program, ...args], { env: { ...process.env, TMPDIR: folder } });
  let told = '';
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text) => (told += text));
  return {
    code: once(child, 'close').then(([code]) => code as number | null),
    told: () => told,
    kill: (signal: NodeJS.Signals) => child.kill(signal),
  };
}

/** What it has left: every server of a benchmark has its folder in its command line. */
export function leftBy(folder: string) {
  const { stdout } = spawnSync('ps', ['-eo', 'args'], { encoding: 'utf8' });
  return { files: readdirSync(folder), processes: stdout.split('\n').filter((line) => line.includes(folder)) };
}
