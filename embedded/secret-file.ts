import { randomBytes } from 'node:crypto';
import { linkSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';

/**
 * The secret kept in a file, made on first use (mode 0600). Processes that ask at the same moment get the same one: each
 * writes a draft in full, and the first to link it to the name wins. The file is never replaced.
 */
export function secretFile(file: string, make: () => string): string {
  return presentSecret(file) ?? create(file, make());
}

/** The secret kept in a file, or undefined when there is no such file. */
export function presentSecret(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8').trim();
  } catch (error) {
    if (isCode(error, 'ENOENT')) return undefined;
    throw error;
  }
}

function create(file: string, secret: string): string {
  mkdirSync(dirname(file), { recursive: true });
  const draft = `${file}.${randomBytes(6).toString('hex')}.new`;
  try {
    writeFileSync(draft, `${secret}\n`, { mode: 0o600, flag: 'wx', flush: true });
    linkSync(draft, file);
    return secret;
  } catch (error) {
    const winner = isCode(error, 'EEXIST') ? presentSecret(file) : undefined;
    if (winner === undefined) throw error;
    return winner;
  } finally {
    rmSync(draft, { force: true });
  }
}

function isCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code;
}
