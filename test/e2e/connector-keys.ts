// The keys and the token of a connector, made as an operator makes them.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { plainEnvironment } from '../support/plain-environment.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));

/**
 * Writes `signing.key`, `connector.key` and `connector.token` into a folder; what it returns is for the registry to know.
 *
 * @throws Error when no token is signed
 */
export async function keysOfConnector(folder: string): Promise<{ readonly publicKeys: string }> {
  const signing = await credentials(folder, ['keygen']);
  const connector = await credentials(folder, ['connector-keygen']);
  const key = /^ {2}(\S{43})$/m.exec(connector.errors)?.[1];
  const words = ['token', 'subject=orchestrator-1', 'organizations=*', `key=${key}`, 'days=7'];
  const token = await credentials(folder, words, signing.output);
  if (token.errors !== '') throw new Error(`no token was signed: ${token.errors}`);
  writeFileSync(join(folder, 'signing.key'), signing.output);
  writeFileSync(join(folder, 'connector.key'), connector.output);
  writeFileSync(join(folder, 'connector.token'), token.output);
  return { publicKeys: /CREDENTIALS_PUBLIC_KEYS=(\S+)/.exec(signing.errors)?.[1] ?? '' };
}

async function credentials(cwd: string, words: readonly string[], input = '') {
  const args = [join(root, 'src/main.ts'), 'credentials', ...words];
  const child = spawn(process.execPath, args, { cwd, env: plainEnvironment() });
  child.stdin.end(input);
  const [output, errors] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')]);
  return { output, errors };
}
