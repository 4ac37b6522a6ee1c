// The event store as a process: what it says, whom it obeys, what it refuses, and what it leaves to those after it.

import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { EventStoreDBClient, WrongExpectedVersionError } from '@eventstore/db-client';
import { describe, expect, it } from 'vitest';
import { follow, numbered, numbersOf, read } from '../../test/contract/support.ts';
import { temporaryFolder } from '../../test/support/temporary-folder.ts';
import { startEventStore } from './server.ts';
import { spawned } from './spawned.ts';

describe('The event store process', () => {
  it('says where it is ready, and nothing else while it serves', async () => {
    await using folder = await temporaryFolder();
    await using server = spawned(['--file', join(folder.path, 'events.db')]);
    const client = EventStoreDBClient.connectionString(await server.ready);
    await client.appendToStream('a', [numbered(0)]);
    expect(numbersOf(await read(client.readStream('a')))).toEqual([0]);
    const conflict = client.appendToStream('a', [numbered(1)], { expectedRevision: 7n });
    await expect(conflict).rejects.toThrow(WrongExpectedVersionError);
    await client.dispose();
    server.child.kill('SIGTERM');
    expect(await server.ended).toEqual([0, null]);
    expect(server.said).toEqual({
      out: expect.stringMatching(/^ready esdb:\/\/127\.0\.0\.1:\d+\?tls=false\n$/),
      err: '',
    });
  });

  it('listens where it is told to', async () => {
    await using first = spawned(['--file', ':memory:', '--host', '::1']);
    expect(await first.ready).toMatch(/^esdb:\/\/\[::1\]:\d+\?tls=false$/);
    const { port } = new URL(await first.ready);
    await first.kill();
    await using second = spawned(['--file', ':memory:', '--port', port]);
    expect(await second.ready).toBe(`esdb://127.0.0.1:${port}?tls=false`);
  });

  it.each(['SIGTERM', 'SIGINT'] as const)('stops cleanly on %s', async (signal) => {
    await using folder = await temporaryFolder();
    await using server = spawned(['--file', join(folder.path, 'events.db')]);
    await server.ready;
    server.child.kill(signal);
    expect(await server.ended).toEqual([0, null]);
    expect(server.said.err).toBe('');
  });

  it('stops with its parent when asked to', async () => {
    await using server = spawned(['--file', ':memory:', '--stop-with-parent']);
    await server.ready;
    server.child.stdin.end();
    expect(await server.ended).toEqual([0, null]);
  });

  it('goes on without its parent when not asked to stop with it', async () => {
    await using server = spawned(['--file', ':memory:']);
    const url = await server.ready;
    server.child.stdin.end();
    const client = EventStoreDBClient.connectionString(url);
    const { success } = await client.appendToStream('a', [numbered(0)]);
    expect(success).toBe(true);
    await client.dispose();
  });

  it('refuses a file that another server has open, and leaves that one alone', async () => {
    await using folder = await temporaryFolder();
    const file = join(folder.path, 'events.db');
    const server = await startEventStore({ file });
    const client = EventStoreDBClient.connectionString(server.url);
    expect(await refusalOf(['--file', file])).toBe(
      `Cannot open the event store file ${file}: another server has it open. Stop that one, or choose another file.\n`,
    );
    await expect(startEventStore({ file })).rejects.toThrow('another server has it open');
    const { success } = await client.appendToStream('a', [numbered(0)]);
    expect(success).toBe(true);
    await client.dispose();
    await server.stop();
  });

  it('refuses a file that is no event store, and a folder that is not there', async () => {
    await using folder = await temporaryFolder();
    const garbage = join(folder.path, 'garbage.db');
    await writeFile(garbage, 'this is no database\n'.repeat(1_000));
    expect(await refusalOf(['--file', garbage])).toMatch(/^Cannot open .*garbage\.db: the file is corrupt.+\n$/);
    const nowhere = join(folder.path, 'nowhere', 'events.db');
    expect(await refusalOf(['--file', nowhere])).toMatch(/^Cannot open .*events\.db: its folder is missing.+\n$/);
  });

  it('refuses a port that is taken', async () => {
    const busy = await startEventStore({ file: ':memory:' });
    const said = await refusalOf(['--file', ':memory:', '--port', `${busy.port}`]);
    expect(said).toMatch(/^Cannot listen on 127\.0\.0\.1:\d+: another process listens there\. .+\n$/);
    await busy.stop();
  });

  it.each([
    ['no file', [], /^No file given\. .+\n$/],
    ['a port that is none', ['--file', ':memory:', '--port', '65536'], /^--port is '65536', .+\n$/],
    ['an option that it does not know', ['--file', ':memory:', '--verbose'], /^Unknown option '--verbose'.+\n$/],
  ])('refuses %s', async (_, args, reason) => {
    expect(await refusalOf(args)).toMatch(reason);
  });
});

describe('A server that stops', () => {
  it('ends open subscriptions with an error, frees its port, and can be stopped twice', async () => {
    const server = await startEventStore({ file: ':memory:' });
    const client = EventStoreDBClient.connectionString(server.url);
    await client.appendToStream('a', [numbered(0)]);
    const subscription = follow(client.subscribeToStream('a'));
    await subscription.until(({ caughtUp }) => caughtUp === 1);
    await server.stop();
    await server.stop();
    await subscription.until(({ error }) => error !== undefined);
    await expect(client.appendToStream('a', [numbered(1)])).rejects.toThrow('UNAVAILABLE');
    const next = await startEventStore({ file: ':memory:', port: server.port });
    expect(next.port).toBe(server.port);
    await next.stop();
    await client.dispose();
  });
});

/** What it says on standard error when it exits with 1 instead of serving. */
async function refusalOf(args: readonly string[]): Promise<string> {
  await using server = spawned(args);
  expect(await server.ended).toEqual([1, null]);
  expect(server.said.out).toBe('');
  return server.said.err;
}
