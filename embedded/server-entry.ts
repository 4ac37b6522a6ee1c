// How other processes find a running server: one file, replaced whole by rename, removed by the owner when it stops.
// An entry counts only while the owner's lock is held and the server answers; after a crash it is left over, and ignored.
import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';

export interface ServerEntry {
  readonly url: string;
  readonly port: number;
  /** Random, given to the server when it starts and told by it: proves that what answers on the port is this server. */
  readonly instance: string;
}

/** The entry, or null when there is none (or one that is damaged, which its owner will replace). */
export function readEntry(file: string): ServerEntry | null {
  try {
    const entry: unknown = JSON.parse(readFileSync(file, 'utf8'));
    return isEntry(entry) ? entry : null;
  } catch (error) {
    if (error instanceof SyntaxError || isMissing(error)) return null;
    throw error;
  }
}

/** Readable by its owner alone: the URL of Postgres holds a password. */
export function writeEntry(file: string, entry: ServerEntry): void {
  const draft = `${file}.new`;
  writeFileSync(draft, `${JSON.stringify(entry)}\n`, { mode: 0o600 });
  renameSync(draft, file);
}

/** Without an entry nothing happens. */
export function removeEntry(file: string): void {
  rmSync(file, { force: true });
}

function isEntry(value: unknown): value is ServerEntry {
  return (
    typeof value === 'object' &&
    value !== null &&
    'url' in value &&
    typeof value.url === 'string' &&
    'port' in value &&
    typeof value.port === 'number' &&
    'instance' in value &&
    typeof value.instance === 'string'
  );
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT';
}
