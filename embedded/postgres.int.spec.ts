import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import pg from 'pg';
import { describe, expect, it } from 'vitest';
import { temporaryFolder } from '../test/support/temporary-folder.ts';
import type { StartedServer } from './launch.ts';
import { postgresAnswers, startPostgres } from './postgres.ts';

describe('the embedded Postgres', () => {
  it('is durable, speaks UTF-8 and UTC, and answers to its own name only', async () => {
    await using folder = await temporaryFolder();
    await withPostgres(folder.path, async ({ url, instance }) => {
      expect(await read(url, 'SHOW fsync')).toBe('on');
      expect(await read(url, 'SHOW server_encoding')).toBe('UTF8');
      expect(await read(url, 'SHOW timezone')).toBe('UTC');
      expect(await read(url, "SELECT lower('ÄÖ')")).toBe('äö');
      expect(await postgresAnswers(url, instance)).toBe(true);
      expect(await postgresAnswers(url, 'another')).toBe(false);
    });
  });

  it('lets nobody in without the password, which is another in each data directory', async () => {
    await using folder = await temporaryFolder();
    await withPostgres(folder.path, async ({ url, instance }) => {
      const wrong = new URL(url);
      wrong.password = 'f'.repeat(32);
      expect(await postgresAnswers(wrong.href, instance)).toBe(false);
      wrong.password = '';
      expect(await postgresAnswers(wrong.href, instance)).toBe(false);
    });
  });

  it('makes its cluster again when the first start was interrupted', async () => {
    await using folder = await temporaryFolder();
    mkdirSync(join(folder.path, 'postgres.new', 'base'), { recursive: true });
    await withPostgres(folder.path, async ({ url }) => expect(await read(url, 'SELECT 1')).toBe(1));
  });

  it('starts although the number of its predecessor, which was killed, now belongs to another process', async () => {
    await using folder = await temporaryFolder();
    await withPostgres(folder.path, async () => undefined);
    writeFileSync(join(folder.path, 'postgres', 'postmaster.pid'), `${process.pid}\n`);
    await withPostgres(folder.path, async ({ url }) => expect(await read(url, 'SELECT 1')).toBe(1));
  });

  it('refuses a cluster of another major version, and a password file that is damaged or lost, with the way out', async () => {
    await using folder = await temporaryFolder();
    mkdirSync(join(folder.path, 'postgres'));
    writeFileSync(join(folder.path, 'postgres', 'PG_VERSION'), '9\n');
    writeFileSync(join(folder.path, 'postgres.password'), 'f'.repeat(32));
    await expect(startPostgres(folder.path)).rejects.toThrow(
      /made by PostgreSQL 9, but .* is \d+\. Delete that folder/,
    );
    rmSync(join(folder.path, 'postgres.password'));
    await expect(startPostgres(folder.path)).rejects.toThrow(
      /postgres\.password is missing.*Restore the file, or delete/,
    );
    writeFileSync(join(folder.path, 'postgres.password'), 'damaged');
    await expect(startPostgres(folder.path)).rejects.toThrow(
      /postgres\.password does not hold.*Restore the file, or delete/,
    );
  });
});

async function withPostgres(dataDir: string, use: (server: StartedServer) => Promise<void>): Promise<void> {
  const server = await startPostgres(dataDir);
  try {
    await use(server);
  } finally {
    await server.stop();
  }
}

async function read(url: string, sql: string): Promise<unknown> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  const { rows } = await client.query({ text: sql, rowMode: 'array' });
  await client.end();
  return rows[0]?.[0];
}
