// kill -9 at random moments under load: single and multiple events, exact and no expectations, deletions, metadata, over
// two connections and both ways to append. After each kill the writers repeat, with the same ids and expectations, what
// was not answered. KILLS=300 makes it long; SEED=<seed of a failure> kills at the same moments again.

import { randomInt, randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { copyFile } from 'node:fs/promises';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as pause } from 'node:timers/promises';
import {
  type AllStreamResolvedEvent,
  EventStoreDBClient,
  type JSONEventData,
  jsonEvent,
  type Position,
  type START,
  StreamDeletedError,
  StreamNotFoundError,
  WrongExpectedVersionError,
} from '@eventstore/db-client';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { appendPaths, read } from '../../test/contract/support.ts';
import { temporaryFolder } from '../../test/support/temporary-folder.ts';
import { type Spawned, spawned } from './spawned.ts';

interface Append {
  readonly kind: 'append';
  readonly stream: string;
  readonly expected: bigint | 'any' | 'no_stream';
  readonly events: readonly JSONEventData[];
}

interface Deletion {
  readonly kind: 'deletion';
  readonly stream: string;
  readonly expected: bigint;
}

type Write = Append | Deletion;
type Writes = Generator<Write, never, void>;
type Clients = readonly [EventStoreDBClient, EventStoreDBClient];

interface Answer {
  readonly append: Append;
  readonly revision: bigint;
  readonly commit: bigint | undefined;
}

const { KILLS = '15', SEED } = process.env;
const kills = Number(KILLS);
const seed = SEED === undefined ? randomInt(2 ** 31) : Number(SEED);
const maxCount = 3;

describe('The event store, killed again and again', () => {
  it(
    'keeps all that it acknowledged, once and in order, and opens as if nothing had happened',
    () => sayingTheSeed(keepsAllThatItAcknowledged),
    20_000 + kills * 5_000,
  );
});

async function keepsAllThatItAcknowledged(): Promise<void> {
  await using folder = await temporaryFolder();
  const file = join(folder.path, 'events.db');
  const load = someLoad();
  const seen = historyOf(load);
  let killed = 0;
  for (const { during, answers, milliseconds } of moments()) {
    await using server = spawned(['--file', file]);
    if (during === 'start') {
      await pause(milliseconds * 10);
    } else {
      await using clients = await connected(server);
      seen.add(await read(clients.both[0].readAll({ fromPosition: seen.end() })));
      seen.expectAnswersKept();
      const round = load.start(clients.both, seen.has, answers);
      await round.enough;
      await pause(milliseconds);
      round.expectEnd();
      if (during === 'stop') {
        server.child.kill('SIGTERM');
        await pause(milliseconds / 4);
      }
      await server.kill();
      await round.ended;
      killed += 1;
    }
    await server.kill();
    expect(server.said).toEqual({ out: expect.stringMatching(/^(ready \S+\n)?$/), err: '' });
    expect(await integrityOf(file, join(folder.path, 'copy.db'))).toBe('ok');
  }
  expect(killed).toBe(kills);
  expect(load.answers.length).toBeGreaterThan(kills * 30);

  await using server = spawned(['--file', file]);
  await using clients = await connected(server);
  seen.add(await read(clients.both[0].readAll({ fromPosition: seen.end() })));
  await load.finish(clients.both, seen.has);
  const all = historyOf(load);
  all.add(await read(clients.both[0].readAll()));
  all.expectAnswersKept();
  for (const [stream, ids] of all.streams) {
    expect(await visibleIds(clients.both[1], stream)).toEqual(load.visibleOf(stream, ids));
  }
}

/** When to kill: as many as asked for under load or in a stop under load, and some in a start. */
function* moments() {
  const moment = fc.record({
    during: fc.constantFrom('load', 'load', 'load', 'load', 'stop', 'start'),
    answers: fc.nat(150),
    milliseconds: fc.nat(30),
  });
  let left = kills;
  for (const sample of fc.sample(moment, { seed, numRuns: kills * 4 })) {
    if (left === 0) return;
    if (sample.during !== 'start') left -= 1;
    yield sample;
  }
}

/** Writers that go on, over all kills, where they were. */
function someLoad() {
  const sent = new Map<string, Append>();
  const answers: Answer[] = [];
  const hidden = new Map<string, number>();
  const writers = Array.from({ length: 16 }, (_, number) => {
    const kinds = [exactWrites, describedWrites, deletedWrites, exactWrites, freeWrites] as const;
    const kind = kinds[number % kinds.length] ?? freeWrites;
    return { writes: kind(number), pending: undefined as Write | undefined };
  });
  let deletions = 0;

  function* exactWrites(number: number): Writes {
    for (let life = 0; ; life += 1) yield* appends(`exact-${number}-${life}`, 'no_stream', 20);
  }

  function* freeWrites(number: number): Writes {
    for (let n = 0; ; n += 1) yield append(`free-${number % 2}`, 'any', numberedEvents(number, (n % 3) + 1));
  }

  function* deletedWrites(number: number): Writes {
    const stream = `deleted-${number}`;
    let last = yield* appends(stream, 'no_stream', 2);
    for (;;) {
      hidden.set(stream, Number(last) + 1);
      yield { kind: 'deletion', stream, expected: last };
      last = yield* appends(stream, last, 3);
    }
  }

  function* describedWrites(number: number): Writes {
    let last: Append['expected'] = 'no_stream';
    for (let version = 0n; ; version += 1n) {
      const metadata = jsonEvent({ type: '$metadata', data: { $maxCount: maxCount, version: `${version}` } });
      yield append(`$$described-${number}`, version === 0n ? 'no_stream' : version - 1n, [metadata]);
      last = yield* appends(`described-${number}`, last, 4);
    }
  }

  function* appends(stream: string, after: bigint | 'no_stream', count: number): Generator<Write, bigint, void> {
    let last = after === 'no_stream' ? -1n : after;
    for (let n = 0; n < count; n += 1) {
      const events = numberedEvents(n, (n % 4) + 1);
      yield append(stream, last < 0n ? 'no_stream' : last, events);
      last += BigInt(events.length);
    }
    return last;
  }

  function append(stream: string, expected: Append['expected'], events: readonly JSONEventData[]): Append {
    const write: Append = { kind: 'append', stream, expected, events };
    for (const { id } of events) sent.set(id, write);
    return write;
  }

  /** Writes until the server is gone. `enough` is when as many answers have come. */
  function start(clients: Clients, isStored: (id: string) => boolean, count: number) {
    const target = answers.length + count;
    const enough = Promise.withResolvers<void>();
    let endIsExpected = false;
    const ended = Promise.all(
      writers.map(async (_, number) => {
        try {
          for (;;) {
            await step(number, clients, isStored);
            if (answers.length >= target) enough.resolve();
          }
        } catch (error) {
          const isRefusal = error instanceof WrongExpectedVersionError || error instanceof StreamDeletedError;
          if (isRefusal || !endIsExpected) throw error;
        }
      }),
    );
    ended.catch(enough.reject);
    const expectEnd = () => {
      endIsExpected = true;
    };
    return { enough: enough.promise, ended, expectEnd };
  }

  /** Only repeats what was not answered. */
  async function finish(clients: Clients, isStored: (id: string) => boolean): Promise<void> {
    await Promise.all(writers.map((writer, number) => writer.pending && step(number, clients, isStored)));
  }

  async function step(number: number, clients: Clients, isStored: (id: string) => boolean): Promise<void> {
    const writer = writers[number];
    if (!writer) throw new Error(`There is no writer ${number}.`);
    // Each connection has its way to append: the client mixes up the batches of two, and trips when both end.
    const way = number % 2 === 0 ? 0 : 1;
    const [client, { via }] = [clients[way], appendPaths[way]];
    const repeated = writer.pending;
    const write = repeated ?? writer.writes.next().value;
    writer.pending = write;
    const { stream, expected } = write;
    if (write.kind === 'deletion') {
      deletions += 1;
      await client.deleteStream(stream, { expectedRevision: write.expected });
    } else if (!(repeated && expected === 'any' && write.events.every(({ id }) => isStored(id)))) {
      // Who expects nothing has to look first: after a restart the server does not know the ids of its last events.
      const answer = await client.appendToStream(stream, [...write.events], { expectedRevision: expected, ...via });
      answers.push({ append: write, revision: answer.nextExpectedRevision, commit: answer.position?.commit });
    }
    writer.pending = undefined;
  }

  function visibleOf(stream: string, ids: readonly string[]): readonly string[] {
    if (stream.startsWith('described-')) return ids.slice(-maxCount);
    return stream.startsWith('$$') ? ids.slice(-1) : ids.slice(hidden.get(stream) ?? 0);
  }

  return { sent, answers, deletions: () => deletions, start, finish, visibleOf };
}

/** What is read of $all, checked as it comes. */
function historyOf({ sent, answers, deletions }: ReturnType<typeof someLoad>) {
  const stored = new Map<string, { readonly revision: bigint; readonly commit: bigint }>();
  const streams = new Map<string, string[]>();
  let end: Position | undefined;
  let answersChecked = 0;
  let ownEvents = 0;

  function add(events: readonly AllStreamResolvedEvent[]): void {
    let rest: readonly string[] = [];
    for (const { event } of events) {
      if (!event) throw new Error('A read of $all delivered an event without content.');
      const { id, streamId, revision, position } = event;
      if (position.commit === end?.commit) continue;
      expect(position.commit).toBeGreaterThan(end?.commit ?? -1n);
      end = position;
      const ids = streams.get(streamId) ?? [];
      streams.set(streamId, ids);
      expect({ streamId, revision }).toEqual({ streamId, revision: BigInt(ids.length) });
      expect(stored.has(id)).toBe(false);
      ids.push(id);
      stored.set(id, { revision, commit: position.commit });
      const append = sent.get(id);
      if (append) {
        const [first, ...others] = append.events.map((one) => one.id);
        const [next = first, ...after] = rest;
        expect(id).toBe(next);
        rest = id === first ? others : after;
        const { type, data } = append.events.find((one) => one.id === id) ?? {};
        expect(event).toMatchObject({ streamId: append.stream, type, data });
      } else {
        expect(rest).toEqual([]);
        expect(`${event.type} ${streamId}`).toMatch(/^(\$metadata \$\$deleted-|\$ProjectionsInitialized )/);
        ownEvents += 1;
      }
    }
    expect(rest).toEqual([]);
    // Each deletion writes one, and so does what comes after it.
    expect(ownEvents).toBeLessThanOrEqual(1 + 2 * deletions());
  }

  function expectAnswersKept(): void {
    for (const { append, revision, commit } of answers.slice(answersChecked)) {
      const place = stored.get(append.events.at(-1)?.id ?? '');
      expect(place).toEqual({ revision, commit: commit ?? place?.commit });
    }
    answersChecked = answers.length;
  }

  return {
    streams,
    add,
    expectAnswersKept,
    has: (id: string) => stored.has(id),
    end: (): Position | typeof START => end ?? 'start',
  };
}

function numberedEvents(n: number, count: number): JSONEventData[] {
  return Array.from({ length: count }, (_, index) => {
    const id = randomUUID();
    return jsonEvent({ id, type: 'Numbered', data: { n, index, id, padding: 'x'.repeat((n % 5) * 200) } });
  });
}

async function connected(server: Spawned) {
  const url = await server.ready;
  const both = [EventStoreDBClient.connectionString(url), EventStoreDBClient.connectionString(url)] as const;
  return {
    both,
    async [Symbol.asyncDispose]() {
      await Promise.all(both.map((client) => client.dispose()));
    },
  };
}

async function visibleIds(client: EventStoreDBClient, stream: string): Promise<unknown[]> {
  try {
    return (await read(client.readStream(stream))).map(({ event }) => event?.id);
  } catch (error) {
    // A deleted stream, too, is not found.
    if (error instanceof StreamNotFoundError) return [];
    throw error;
  }
}

/** What SQLite says of a copy of the file, with its write-ahead log, as the server left them. */
async function integrityOf(file: string, copy: string): Promise<unknown> {
  for (const suffix of ['', '-wal']) if (existsSync(file + suffix)) await copyFile(file + suffix, copy + suffix);
  using database = new DatabaseSync(copy);
  return database.prepare('PRAGMA integrity_check').get()?.integrity_check;
}

async function sayingTheSeed(test: () => Promise<void>): Promise<void> {
  try {
    await test();
  } catch (error) {
    if (error instanceof Error) error.message += `\nAgain with SEED=${seed} KILLS=${kills}`;
    throw error;
  }
}
