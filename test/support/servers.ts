// Servers for one test or one file, in a scope: `await using nats = await startNats()`.
import { randomBytes } from 'node:crypto';
import pg from 'pg';
import { inject } from 'vitest';
import { startEventStore as serveEventStore } from '../../embedded/event-store/server.ts';
import * as embedded from '../../embedded/nats.ts';
import { temporaryFolder } from './temporary-folder.ts';

export interface TestServer extends AsyncDisposable {
  readonly url: string;
  stop(): Promise<void>;
}

export interface TestNats extends TestServer {
  /** The same server, port and store again, after stop(). */
  start(): Promise<void>;
}

export interface TestDatabase extends AsyncDisposable {
  readonly url: string;
}

/** An event store of its own in this process, in memory. */
export async function startEventStore(): Promise<TestServer> {
  const { url, stop } = await serveEventStore({ file: ':memory:' });
  return { url, stop, [Symbol.asyncDispose]: stop };
}

/** A nats-server of its own with an empty store. */
export async function startNats(): Promise<TestNats> {
  const folder = await temporaryFolder();
  let server = await embedded.startNats(folder.path);
  const { url, port } = server;
  return {
    url,
    stop: () => server.stop(),
    async start() {
      server = await embedded.startNats(folder.path, { fixed: port });
    },
    async [Symbol.asyncDispose]() {
      await server.stop();
      await folder[Symbol.asyncDispose]();
    },
  };
}

/** An empty database (or a copy of the template) in the Postgres of this run, dropped with its connections at the end. */
export async function createDatabase({ template = 'template1' } = {}): Promise<TestDatabase> {
  const name = `test_${randomBytes(8).toString('hex')}`;
  await administer(`CREATE DATABASE ${name} TEMPLATE ${pg.escapeIdentifier(template)}`);
  const url = new URL(inject('postgresUrl'));
  url.pathname = `/${name}`;
  return {
    url: url.href,
    async [Symbol.asyncDispose]() {
      await administer(`DROP DATABASE ${name} WITH (FORCE)`);
    },
  };
}

async function administer(statement: string): Promise<void> {
  const client = new pg.Client({ connectionString: inject('postgresUrl') });
  await client.connect();
  try {
    await client.query(statement);
  } finally {
    await client.end();
  }
}
