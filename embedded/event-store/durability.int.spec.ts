// The process form on a file: what was acknowledged survives kill -9 and a full disk, and nobody else gets the file.

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { text } from 'node:stream/consumers';
import { EventStoreDBClient } from '@eventstore/db-client';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { numbered, numberedUpTo, numbersOf, read, revisionsOf } from '../../test/contract/support.ts';
import { startEventStore } from './server.ts';

const program = join(import.meta.dirname, 'main.ts');
const running = new Set<ChildProcess>();
let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'event-store-'));
});

afterEach(async () => {
  await Promise.all([...running].map(killed));
  await rm(folder, { recursive: true, force: true });
});

describe('The event store process', () => {
  it('keeps through kill -9 under load all it acknowledged, without gaps or duplicates', async () => {
    const file = join(folder, 'events.db');
    const acknowledged: { stream: string; n: number; revision: bigint; commit: bigint }[] = [];
    for (const round of [1, 2, 3, 4]) {
      const { child, url } = await started(['--file', file]);
      const client = EventStoreDBClient.connectionString(url);
      const enough = Promise.withResolvers<void>();
      const writers = Array.from({ length: 16 }, async (_, writer) => {
        for (let n = 0; ; n += 1) {
          const stream = `writer-${writer}`;
          const answer = await client.appendToStream(stream, [numbered(round * 1_000_000 + n)]);
          const { nextExpectedRevision: revision, position } = answer;
          acknowledged.push({ stream, n: round * 1_000_000 + n, revision, commit: position?.commit ?? 0n });
          if (acknowledged.length > round * 400) enough.resolve();
        }
      });
      const ended = Promise.allSettled(writers);
      await enough.promise;
      await killed(child);
      await ended;
      await client.dispose();
    }

    const { child, url } = await started(['--file', file]);
    const client = EventStoreDBClient.connectionString(url);
    for (let writer = 0; writer < 16; writer += 1) {
      const stream = `writer-${writer}`;
      const events = await read(client.readStream(stream));
      const numbers = numbersOf(events);
      expect(revisionsOf(events)).toEqual(events.map((_, index) => BigInt(index)));
      expect(new Set(numbers).size).toBe(numbers.length);
      for (const { n, revision, commit } of acknowledged.filter((one) => one.stream === stream)) {
        const stored = events[Number(revision)]?.event;
        expect(stored).toMatchObject({ data: { n }, position: { commit, prepare: commit } });
      }
    }
    expect(acknowledged.length).toBeGreaterThan(1_600);
    await client.dispose();
    await killed(child);
  });

  it('answers an append with an error when the disk is full, and keeps nothing of it', async () => {
    const file = join(folder, 'events.db');
    const limited = `trap '' XFSZ; ulimit -f 2000; exec "$0" "$@"`;
    const { child, url } = await started(['--file', file], ['sh', '-c', limited, process.execPath]);
    const client = EventStoreDBClient.connectionString(url);
    const padding = 'x'.repeat(100_000);
    const append = (n: number) => client.appendToStream('a', [{ ...numbered(n), data: { n, padding } }]);
    let stored = 0;
    const failure = await (async () => {
      for (;;) {
        await append(stored);
        stored += 1;
      }
    })().catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(Error);
    expect(stored).toBeGreaterThan(1);
    const expected = Array.from({ length: stored }, (_, n) => n);
    expect(numbersOf(await read(client.readStream('a')))).toEqual(expected);
    await client.dispose();
    await killed(child);

    const again = await startEventStore({ file });
    const reader = EventStoreDBClient.connectionString(again.url);
    expect(numbersOf(await read(reader.readStream('a')))).toEqual(expected);
    const next = await reader.appendToStream('a', [numbered(stored)], { expectedRevision: BigInt(stored) - 1n });
    expect(next.nextExpectedRevision).toBe(BigInt(stored));
    await reader.dispose();
    await again.stop();
  });

  it('keeps revisions, positions, metadata and deletions over a clean restart', async () => {
    const file = join(folder, 'events.db');
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

  it('says in one line that the file is in use, or is no event store, and exits with 1', async () => {
    const file = join(folder, 'events.db');
    const server = await startEventStore({ file });
    expect(await failureOf(['--file', file])).toMatch(/^Cannot open .*events\.db: another server has it open\. .+\n$/);
    await expect(startEventStore({ file })).rejects.toThrow('another server has it open');
    await server.stop();
    const garbage = join(folder, 'garbage.db');
    await writeFile(garbage, 'this is no database\n'.repeat(1_000));
    expect(await failureOf(['--file', garbage])).toMatch(/^Cannot open .*garbage\.db: the file is corrupt.+\n$/);
    const busy = await startEventStore({ file: ':memory:' });
    const taken = await failureOf(['--file', ':memory:', '--port', `${busy.port}`]);
    expect(taken).toMatch(/^Cannot listen on 127\.0\.0\.1:\d+: another process listens there\. .+\n$/);
    await busy.stop();
  });

  it.each(['SIGTERM', 'SIGINT'] as const)('stops cleanly on %s', async (signal) => {
    const { child } = await started(['--file', join(folder, 'events.db')]);
    const exit = once(child, 'exit');
    child.kill(signal);
    expect(await exit).toEqual([0, null]);
  });

  it('stops with its parent when asked to', async () => {
    const { child } = await started(['--file', join(folder, 'events.db'), '--stop-with-parent']);
    const exit = once(child, 'exit');
    child.stdin?.end();
    expect(await exit).toEqual([0, null]);
  });
});

async function started(args: string[], [command = process.execPath, ...prefix]: string[] = []) {
  const child = spawn(command, [...prefix, program, ...args], { stdio: ['pipe', 'pipe', 'inherit'] });
  running.add(child);
  child.once('exit', () => running.delete(child));
  const [line] = (await once(createInterface(child.stdout), 'line')) as [string];
  expect(line).toMatch(/^ready esdb:\/\/127\.0\.0\.1:\d+\?tls=false$/);
  return { child, url: line.replace('ready ', '') };
}

async function failureOf(args: string[]): Promise<string> {
  const child = spawn(process.execPath, [program, ...args], { stdio: ['ignore', 'ignore', 'pipe'] });
  const [said, [code]] = await Promise.all([text(child.stderr), once(child, 'exit')]);
  expect(code).toBe(1);
  return said;
}

async function killed(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exit = once(child, 'exit');
  child.kill('SIGKILL');
  await exit;
}
