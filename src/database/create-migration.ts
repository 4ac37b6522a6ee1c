import { readdir, writeFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { migrationsDirectory } from './migrate.ts';

// It fails until it is filled in: applied while it is empty, as a service does that restarts on every change, it would
// be over and done with.
const template = `import type { MigrationBuilder } from 'node-pg-migrate';

/** Say what the change is for. */
export function up(pgm: MigrationBuilder): void {
  pgm.sql(\`DO $$ BEGIN RAISE EXCEPTION 'This migration is still to be filled in'; END $$\`);
}
`;

export interface NewMigration {
  /** What it does, in kebab case. */
  readonly name: string;
  readonly directory?: string;
  readonly now?: () => number;
}

/**
 * Writes a migration that fails until it is filled in, named so that it comes after all others.
 *
 * @returns its path, seen from the working directory
 * @throws Error when the name is not in kebab case, or another migration has it
 */
export async function createMigration({
  name,
  directory = migrationsDirectory,
  now = Date.now,
}: NewMigration): Promise<string> {
  if (!/^[a-z][a-z0-9]*(-[a-z0-9]+)*$/.test(name)) {
    throw new Error(`"${name}" is no name in kebab case. Say what the migration does, such as add-gateway-notes.`);
  }
  const existing = (await readdir(directory)).filter((file) => file.endsWith('.ts'));
  const namesake = existing.find((file) => file.replace(/^\d+_/, '') === `${name}.ts`);
  if (namesake !== undefined) throw new Error(`There is a migration of that name already: ${namesake}.`);

  // Greater than the last one whatever the clock says: they are run in the order of these numbers.
  const last = Math.max(0, ...existing.map((file) => Number.parseInt(file, 10)).filter(Number.isSafeInteger));
  const path = join(directory, `${Math.max(now(), last + 1)}_${name}.ts`);
  await writeFile(path, template, { flag: 'wx' });
  return relative(process.cwd(), path);
}
