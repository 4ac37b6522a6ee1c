// All that comes out of the registry and is kept by it: what is in its log and its tables, on the bus, and in its files.
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { EventStoreDBClient } from '@eventstore/db-client';
import { readEntry } from '../../embedded/server-entry.ts';
import { withClient } from '../support/database.ts';
import { natsClient } from '../support/nats-client.ts';
import type { Said } from './secrets-search.ts';

/** Where an embedded server of a data directory is. */
export function urlOf(dataDir: string, server: 'event-store' | 'postgres' | 'nats'): string {
  const entry = readEntry(join(dataDir, 'run', `${server}.json`));
  if (entry === null) throw new Error(`no ${server} runs on ${dataDir}`);
  return entry.url;
}

/** Every event of every stream, those of the store itself included. */
export async function readLog(url: string): Promise<readonly Said[]> {
  const client = EventStoreDBClient.connectionString(url);
  const said: Said[] = [];
  try {
    for await (const { event } of client.readAll()) {
      if (event === undefined) continue;
      said.push({ where: `${event.type} in ${event.streamId}`, text: textOf(event) });
    }
    return said;
  } finally {
    await client.dispose();
  }
}

export interface TableRows {
  readonly schema: string;
  readonly table: string;
  readonly rows: readonly Said[];
}

/** Every row of every table of every schema that is not Postgres's own. */
export async function readTables(databaseUrl: string): Promise<readonly TableRows[]> {
  return withClient(databaseUrl, async (client) => {
    const { rows: tables } = await client.query<{ schema: string; table: string; name: string }>(
      `SELECT schemaname AS schema, relname AS table, format('%I.%I', schemaname, relname) AS name
       FROM pg_stat_user_tables ORDER BY name`,
    );
    const read: TableRows[] = [];
    for (const { schema, table, name } of tables) {
      const { rows } = await client.query<{ text: string }>(`SELECT one::text AS text FROM ${name} AS one`);
      read.push({ schema, table, rows: rows.map(({ text }) => ({ where: name, text })) });
    }
    return read;
  });
}

/** Every message of every stream, those behind key-value buckets included. */
export async function readStreams(url: string): Promise<readonly Said[]> {
  await using client = await natsClient(url);
  const manager = await client.connection.jetstreamManager();
  const said: Said[] = [];
  for await (const { config } of manager.streams.list()) {
    for (const message of await client.readAll(config.name)) {
      said.push({ where: `message ${message.subject} in ${config.name}`, text: textOf(message) });
    }
  }
  return said;
}

export interface Overheard extends AsyncDisposable {
  readonly said: readonly Said[];
}

/** Hears from now on everything that anybody says to anybody over NATS. */
export async function overhear(url: string): Promise<Overheard> {
  const client = await natsClient(url);
  const said: Said[] = [];
  const subscription = client.connection.subscribe('>', {
    callback: (_, { subject, headers, data }) => {
      const text = `${subject}\n${textOf([...(headers ?? [])])}\n${Buffer.from(data).toString('latin1')}`;
      said.push({ where: `message ${subject}`, text });
    },
  });
  await client.connection.flush();
  return {
    said,
    async [Symbol.asyncDispose]() {
      subscription.unsubscribe();
      await client[Symbol.asyncDispose]();
    },
  };
}

/** What the embedded servers of a data directory have logged. */
export function readServerLogs(dataDir: string): readonly Said[] {
  return globSync('**/*.log', { cwd: dataDir }).map((name) => ({
    where: `file ${name}`,
    text: readFileSync(join(dataDir, name), 'latin1'),
  }));
}

function textOf(value: unknown): string {
  return JSON.stringify(value, (_key, inner: unknown) => (typeof inner === 'bigint' ? String(inner) : inner));
}
