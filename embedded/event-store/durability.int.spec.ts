// What was acknowledged stays: over a clean restart, and over a disk that fills up and is given room again.

import { spawnSync } from 'node:child_process';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { type AppendToStreamOptions, EventStoreDBClient, UnknownError } from '@eventstore/db-client';
import { describe, expect, it, type TestContext } from 'vitest';
import { follow, numbered, numberedUpTo, numbersOf, read } from '../../test/contract/support.ts';
import { temporaryFolder } from '../../test/support/temporary-folder.ts';
import { startEventStore } from './server.ts';
import { type Spawned, spawned } from './spawned.ts';

describe('The event store', () => {
  it('keeps revisions, positions, metadata and deletions over a clean restart', async () => {
    await using folder = await temporaryFolder();
    const file = join(folder.path, 'events.db');
    const first = await startEventStore({ file });
    const writer = EventStoreDBClient.connectionString(first.url);
    const events = numberedUpTo(5);
    const appended = await writer.appendToStream('kept', events, { expectedRevision: 'no_stream' });
    await writer.setStreamMetadata('kept', { maxCount: 2 });
    await writer.appendToStream('deleted', numberedUpTo(3));
    await writer.deleteStream('deleted');
    await writer.dispose();
    await first.stop();

    const second = await startEventStore({ file });
    const reader = EventStoreDBClient.connectionString(second.url);
    expect(numbersOf(await read(reader.readStream('kept')))).toEqual([3, 4]);
    expect(await reader.appendToStream('kept', events, { expectedRevision: 'no_stream' })).toEqual(appended);
    const revived = await reader.appendToStream('deleted', [numbered(3)]);
    expect(revived.nextExpectedRevision).toBe(3n);
    expect(revived.position?.commit).toBeGreaterThan(appended.position?.commit ?? 0n);
    await reader.dispose();
    await second.stop();
  });
});

describe('The event store on a full disk', () => {
  it('says so to the writer, shows nobody what failed, and goes on when there is room', async (context) => {
    await using folder = await temporaryFolder();
    await using server = onSmallDisk(context, folder.path);
    await goesOnAfter(server, 'the disk is full. Make room and try again; nothing was written.', () =>
      // The disk is the server's alone, and is reached through it.
      rm(join('/proc', `${server.child.pid}`, 'root', folder.path, 'filler')),
    );
  });

  it('does the same when its file may not grow, and keeps after a restart what it acknowledged', async (context) => {
    context.skip(!runs('prlimit', '--version'), 'only prlimit can raise the limit of a running process');
    await using folder = await temporaryFolder();
    const file = join(folder.path, 'events.db');
    const limited = `trap '' XFSZ; ulimit -S -f 2000; exec "$0" "$@"`;
    await using server = spawned(['--file', file], ['sh', '-c', limited, process.execPath]);
    const stored = await goesOnAfter(server, 'the disk is failing or full', () => {
      expect(runs('prlimit', '--pid', `${server.child.pid}`, '--fsize=unlimited')).toBe(true);
    });
    await server.kill();

    await using next = spawned(['--file', file]);
    const client = EventStoreDBClient.connectionString(await next.ready);
    expect(numbersOf(await read(client.readStream('a')))).toEqual(stored);
    const last = BigInt(stored.length) - 1n;
    const appended = await client.appendToStream('a', [numbered(-1)], { expectedRevision: last });
    expect(appended.nextExpectedRevision).toBe(last + 1n);
    await client.dispose();
  });
});

/** Fills the disk, makes room, and goes on. Returns the numbers that stream 'a' has then. */
async function goesOnAfter(server: Spawned, message: string, makeRoom: () => unknown): Promise<number[]> {
  const client = EventStoreDBClient.connectionString(await server.ready);
  const subscription = follow(client.subscribeToStream('a'));
  const padding = 'x'.repeat(100_000);
  const stored: number[] = [];
  const append = async (n: number, via: AppendToStreamOptions = {}) => {
    const expectedRevision = n === 0 ? 'no_stream' : BigInt(n) - 1n;
    await client.appendToStream('a', [{ ...numbered(n), data: { n, padding } }], { expectedRevision, ...via });
    stored.push(n);
  };
  const failure = await untilItFails(append);
  expect(failure).toBeInstanceOf(UnknownError);
  expect(failure).toMatchObject({ message: expect.stringContaining(message) });
  expect(stored.length).toBeGreaterThan(1);
  // With credentials the client makes a call of its own of an append.
  const credentials = { username: 'admin', password: 'changeit' };
  await expect(append(stored.length, { credentials })).rejects.toThrow(message);
  expect(numbersOf(await read(client.readStream('a')))).toEqual(stored);

  await makeRoom();
  for (const n of [stored.length, stored.length + 1]) await append(n);
  expect(numbersOf(await read(client.readStream('a')))).toEqual(stored);
  const { events } = await subscription.until((seen) => seen.events.length >= stored.length);
  expect(numbersOf(events)).toEqual(stored);
  await subscription.stop();
  await client.dispose();
  expect(server.said.err).toBe('');
  return stored;
}

async function untilItFails(append: (n: number) => Promise<void>): Promise<unknown> {
  try {
    for (let n = 0; n < 1_000; n += 1) await append(n);
    return undefined;
  } catch (error) {
    return error;
  }
}

/** A server whose folder is a disk of 3 MB, half of it taken by a filler. The disk is gone with the server. */
function onSmallDisk(context: TestContext, folder: string): Spawned {
  const mount = `mount -t tmpfs -o size=3m tmpfs ${folder}`;
  const own = ['unshare', '--user', '--map-root-user', '--mount', 'sh', '-c'] as const;
  context.skip(!runs(...own, mount), 'only where a process may have file systems of its own');
  const disk = `${mount} && head -c 1500000 /dev/zero > ${folder}/filler && exec "$0" "$@"`;
  return spawned(['--file', join(folder, 'events.db')], [...own, disk, process.execPath]);
}

function runs(command: string, ...args: readonly string[]): boolean {
  return spawnSync(command, args, { stdio: 'ignore' }).status === 0;
}
