// One process at a time owns a server of a data directory. The lock is an exclusive SQLite transaction on a file that
// stays empty: the kernel drops it when the process ends, however it ends, so there is nothing stale to clean up.
// The lock file must be opened by nothing else in this process: closing any descriptor of it would drop the lock.
import { DatabaseSync } from 'node:sqlite';

export interface ServerLock {
  release(): void;
}

const sqliteBusy = 5;

/** Takes the lock of a file, which is made when missing. Null when somebody else (in this process or another) has it. */
export function tryLock(file: string): ServerLock | null {
  const database = open(file);
  try {
    database.exec('PRAGMA busy_timeout = 0; BEGIN EXCLUSIVE');
    return { release: () => database.close() };
  } catch (error) {
    database.close();
    if (error instanceof Error && 'errcode' in error && error.errcode === sqliteBusy) return null;
    throw unusable(file, error);
  }
}

function open(file: string): DatabaseSync {
  try {
    return new DatabaseSync(file);
  } catch (error) {
    throw unusable(file, error);
  }
}

function unusable(file: string, cause: unknown): Error {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new Error(
    `Cannot lock ${file}: ${reason}. The data directory must be writable by you and on a local file system; ` +
      'change its owner, or name another one in DATA_DIR.',
    { cause },
  );
}
