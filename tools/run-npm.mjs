import { spawn } from 'node:child_process';
import { accessSync, realpathSync } from 'node:fs';
import { basename, delimiter, dirname, join } from 'node:path';

/** Runs npm's own cli with the given Node in a folder. Rejects with the gist of npm's output when it fails. */
export async function runNpm(node, folder, args) {
  const search = `${dirname(node)}${delimiter}${process.env.PATH ?? ''}`;
  const child = spawn(node, [npmCli(), ...args, '--prefix', folder, '--loglevel=error', '--no-progress'], {
    cwd: folder,
    env: { ...process.env, PATH: search },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text) => (output += text));
  const ending = await new Promise((resolve) => {
    child.on('error', (error) => resolve(error.message));
    child.on('close', (code, signal) => resolve(code === 0 ? null : (signal ?? `exit code ${code}`)));
  });
  if (ending === null) return;
  throw new Error(
    `Installing failed: npm ${args.join(' ')} in ${folder} ended with ${ending}. Mend what npm says below (is the npm ` +
      `registry reachable, is the folder yours, is there space?), then run the same command again.\n${gistOf(output)}`,
  );
}

/** The npm that runs this script, if it is npm and not another package manager; else the one on PATH. */
function npmCli() {
  const running = process.env.npm_execpath;
  if (running !== undefined && basename(running) === 'npm-cli.js') return running;
  for (const folder of (process.env.PATH ?? '').split(delimiter)) {
    const file = join(folder, 'npm');
    if (isThere(file)) return realpathSync(file);
  }
  throw new Error('Installing failed: there is no npm on PATH. Install npm, then run the same command again.');
}

function isThere(file) {
  try {
    accessSync(file);
    return true;
  } catch {
    return false;
  }
}

/** npm says the cause first, and then how it is used. */
function gistOf(output) {
  return output.trim().split('\n').slice(0, 15).join('\n');
}
