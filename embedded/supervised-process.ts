// A server process that never outlives us, also after a kill -9 of this process.
// A shell stands between: its standard input is a pipe whose other end only we hold. When that end closes (stop, or
// our death) it interrupts the server, and wakes it in case it is frozen; when the server ends first, the shell ends
// with its exit code. It runs in a session of its own, so that Ctrl-C in a terminal reaches only us, and we stop the
// servers in our order.
import { type ChildProcess, type StdioOptions, spawn, spawnSync } from 'node:child_process';
import { closeSync, constants, mkdirSync, openSync, renameSync } from 'node:fs';
import { dirname } from 'node:path';
import { until } from './until.ts';

export interface Command {
  readonly file: string;
  readonly args: readonly string[];
  readonly cwd?: string;
  readonly env?: NodeJS.ProcessEnv;
  /** The user to run as, when it is not ours. */
  readonly user?: { readonly uid: number; readonly gid: number } | undefined;
}

export interface SupervisedProcess {
  /** Resolves when it has ended, whoever ended it. */
  readonly ended: Promise<Ending>;
  hasEnded(): boolean;
  /** Interrupts it, also when it is frozen, and waits until it is gone; kills it when it takes longer than 30 s. */
  stop(): Promise<void>;
}

export interface Ending {
  readonly succeeded: boolean;
  /** In a few words, for people. */
  readonly how: string;
}

const supervisor = `
exec 4<&0
"$@" </dev/null 4<&- &
server=$!
trap "" INT TERM HUP
{ read -r _ <&4; kill -INT $server; kill -CONT $server; } 2>/dev/null &
watcher=$!
exec 4<&-
wait $server
code=$?
kill -KILL $watcher 2>/dev/null
exit $code
`;

const patienceMs = 30_000;

/** Starts the command; its output goes to logFile (the log of the run before is kept beside it). */
export async function startSupervised(
  command: Command,
  logFile: string,
  presenceFile: string,
): Promise<SupervisedProcess> {
  const log = freshLog(logFile);
  const presence = openPresence(presenceFile);
  const child = spawnSupervised(command, ['pipe', log, log, presence]);
  closeSync(log);
  closeSync(presence);
  return supervised(child);
}

/** Starts the command with our own standard output and error, as something that a person watches. */
export function startInForeground(command: Command): Promise<SupervisedProcess> {
  return supervised(spawnSupervised(command, ['pipe', 'inherit', 'inherit']));
}

function spawnSupervised({ file, args, cwd, env, user }: Command, stdio: StdioOptions): ChildProcess {
  return spawn('sh', ['-c', supervisor, 'sh', file, ...args], { cwd, env, stdio, detached: true, ...user });
}

async function supervised(child: ChildProcess): Promise<SupervisedProcess> {
  let over = false;
  const ended = endOf(child).finally(() => {
    over = true;
  });
  await spawned(child);
  return { ended, hasEnded: () => over, stop: () => stopChild(child, ended) };
}

/**
 * Waits until no server of an earlier owner is left. Every server holds the presence file, a named pipe, open for as
 * long as it lives; opening it for writing fails exactly when nobody holds it. Throws when that takes over 30 s.
 */
export async function untilGone(title: string, presenceFile: string): Promise<void> {
  const gone = await until(() => isGone(presenceFile), patienceMs);
  if (gone) return;
  throw new Error(
    `${title} of an earlier run is still there (it holds ${presenceFile}) and does not end. ` +
      `Find it with: fuser -v ${presenceFile}; end it, then try again.`,
  );
}

/** True when no process holds the presence file, or there is none. Throws when it cannot be looked at. */
export function isGone(presenceFile: string): boolean {
  try {
    closeSync(openSync(presenceFile, constants.O_WRONLY | constants.O_NONBLOCK));
    return false;
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    if (code === 'ENXIO' || code === 'ENOENT') return true;
    throw error;
  }
}

function freshLog(file: string): number {
  mkdirSync(dirname(file), { recursive: true });
  try {
    renameSync(file, file.replace(/\.log$/, '.previous.log'));
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT')) throw error;
  }
  return openSync(file, 'w', 0o600);
}

function openPresence(file: string): number {
  mkdirSync(dirname(file), { recursive: true });
  const { error, stderr } = spawnSync('sh', ['-c', '[ -p "$1" ] || mkfifo -m 600 "$1"', 'sh', file], {
    encoding: 'utf8',
  });
  if (error || stderr) {
    throw new Error(
      `Cannot make the named pipe ${file}: ${error?.message ?? stderr.trim()}. ` +
        'The data directory must be writable by you and on a local file system; name another one in DATA_DIR.',
    );
  }
  return openSync(file, constants.O_RDWR);
}

function endOf(child: ChildProcess): Promise<Ending> {
  return new Promise((resolve) => {
    child.once('error', (error) => resolve({ succeeded: false, how: error.message }));
    child.once('exit', (code, signal) => {
      // Were the shell alone killed, the server would be an orphan now; in the usual case there is nobody left.
      signalGroup(child, 'SIGINT');
      resolve({ succeeded: code === 0, how: describe(code, signal) });
    });
  });
}

/** A shell tells that a signal ended its child by a code of 128 and that signal's number. */
function describe(code: number | null, signal: NodeJS.Signals | null): string {
  if (code === null) return `killed by ${signal}`;
  return code > 128 ? `killed by signal ${code - 128}` : `exit code ${code}`;
}

function spawned(child: ChildProcess): Promise<void> {
  return new Promise((resolve, reject) => {
    child.once('spawn', resolve);
    child.once('error', reject);
    // The shell may be gone before it reads; its exit says more than this.
    child.stdin?.on('error', () => undefined);
  });
}

async function stopChild(child: ChildProcess, ended: Promise<Ending>): Promise<void> {
  child.stdin?.end();
  const deadline = setTimeout(() => signalGroup(child, 'SIGKILL'), patienceMs);
  await ended;
  clearTimeout(deadline);
}

function signalGroup(child: ChildProcess, signal: NodeJS.Signals): void {
  if (child.pid === undefined) return;
  try {
    process.kill(-child.pid, signal);
  } catch (error) {
    // ESRCH: all gone; EPERM: what macOS says of a group of zombies.
    if (!(error instanceof Error && 'code' in error && (error.code === 'ESRCH' || error.code === 'EPERM'))) throw error;
  }
}
