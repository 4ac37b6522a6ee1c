// Whatever happens to the file of a log, it gives all that was acknowledged or an error that names the file: never less,
// and never something else, and nothing that is appended then hides the loss. DAMAGES=2000 SEED=7 tries more of it, and at
// other places; a failure names its seed and its place.

import { randomUUID } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { isDeepStrictEqual } from 'node:util';
import { EventStoreDBClient } from '@eventstore/db-client';
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { follow, read } from '../../test/contract/support.ts';
import { temporaryFolder } from '../../test/support/temporary-folder.ts';
import { openLog, type Page } from './log.ts';
import type { ProposedEvent, RecordedEvent } from './records.ts';
import { startEventStore } from './server.ts';
import { spawned } from './spawned.ts';
import { openStore, type Store } from './store.ts';

/** The file, its write-ahead log and the note of what was acknowledged, by how their names end; null: missing. */
type Files = Readonly<Record<'' | '-wal' | '-acknowledged', Buffer | null>>;

/** Each as its reader gets it: newest first when it is read backwards. */
interface Contents {
  readonly all: readonly RecordedEvent[];
  readonly allBackwards: readonly RecordedEvent[];
  readonly ofStreams: readonly {
    readonly stream: string;
    readonly forwards: readonly RecordedEvent[];
    readonly backwards: readonly RecordedEvent[];
  }[];
}

type Damage = (bytes: Buffer, at: number, by: number) => Buffer;

const streams = Array.from({ length: 30 }, (_, n) => `stream-${n}`);
const { DAMAGES = '40', SEED = '1' } = process.env;
const options = { numRuns: Number(DAMAGES), seed: Number(SEED), endOnFailure: true };
const timeout = 30_000 + 300 * Number(DAMAGES);

const change: Damage = (bytes, at, by) => bytes.with(at, ((bytes[at] ?? 0) + by) % 256) as Buffer;
const cut: Damage = (bytes, at) => bytes.subarray(0, at);

/** As many commits as checkpoint some of the write-ahead log, and begin it anew, while events are appended. */
const commits = 400;

let older: Files;
let killed: Files;
let stopped: Files;
let contents: Contents;

beforeAll(async () => {
  await using folder = await temporaryFolder();
  const file = join(folder.path, 'events.db');
  const store = openStore(openLog(file));
  for (let n = 0; n < commits; n += 1) {
    if (n === commits / 2) older = filesOf(file);
    await appended(store, streamsOf(n), n);
  }
  contents = contentsOf(store);
  killed = filesOf(file);
  store.close();
  stopped = filesOf(file);
});

describe('The log of a server', () => {
  it('is whole when it was stopped', () => expectWhole(stopped));
  it('is whole when it was killed', () => expectWhole(killed));
  it('is whole without a note of what was acknowledged', () => expectWhole({ ...killed, '-acknowledged': null }));
  it('is whole with an empty note of what was acknowledged', () =>
    expectWhole({ ...stopped, '-acknowledged': Buffer.alloc(0) }));
});

describe('A damaged log gives all or an error', () => {
  it('with a byte changed, after a stop', () => expectAllOrErrors(() => stopped, '', change), timeout);
  it('with a byte changed, after a kill', () => expectAllOrErrors(() => killed, '', change), timeout);
  it('with a byte of its write-ahead log changed', () => expectAllOrErrors(() => killed, '-wal', change), timeout);
  it('cut off, after a stop', () => expectAllOrErrors(() => stopped, '', cut), timeout);
  it('cut off, after a kill', () => expectAllOrErrors(() => killed, '', cut), timeout);
  it('with its write-ahead log cut off', () => expectAllOrErrors(() => killed, '-wal', cut), timeout);
  it('without its write-ahead log', () => expectError({ ...killed, '-wal': null }));
  it('as an older copy with a newer write-ahead log', () => expectError({ ...killed, '': older[''] }));

  it('to the client that reads it, too', async () => {
    await using folder = await temporaryFolder();
    const file = join(folder.path, 'events.db');
    const bytes = Buffer.from(stopped[''] ?? '');
    bytes.write('8', bytes.indexOf('7,"stream":"stream-7"'));
    write(file, { ...stopped, '': bytes });
    const server = await startEventStore({ file });
    const client = EventStoreDBClient.connectionString(server.url);
    const told = `${file} is damaged: the event at position`;
    await expect(read(client.readAll())).rejects.toThrow(told);
    await expect(read(client.readStream(streamsOf(7)[0]))).rejects.toThrow(told);
    const { error } = await follow(client.subscribeToAll()).until((seen) => seen.error !== undefined);
    expect(error?.message).toContain(told);
    await client.dispose();
    await server.stop();
  });
});

describe('A log that ends before what was acknowledged is refused', () => {
  it.each([
    ['its write-ahead log is missing', () => ({ ...killed, '-wal': null })],
    ['its write-ahead log is empty', () => ({ ...killed, '-wal': Buffer.alloc(0) })],
    ['it is an older copy', () => ({ ...older, '-acknowledged': killed['-acknowledged'] })],
    ['it is empty', () => ({ ...stopped, '': Buffer.alloc(0) })],
    ['it is missing', () => ({ ...stopped, '': null })],
  ])('when %s', async (_, files) => {
    expect(await refusalOf(files())).toMatch(
      /: it ends at position \d+, and events up to \d+ were acknowledged\. Restore/,
    );
  });

  it.each(['garbage', '12x', '-1', '\0\0\0'])('or may do so, for what was acknowledged is %j', async (note) => {
    const said = await refusalOf({ ...stopped, '-acknowledged': Buffer.from(note) });
    expect(said).toMatch(/: .+-acknowledged is damaged: it holds no position\. Restore/);
  });
});

describe('The event store process says in one line what is wrong with its file, and exits with 1', () => {
  it.each([
    ['when it is cut off', () => ({ ...stopped, '': stopped['']?.subarray(0, 100_000) ?? null }), 'is corrupt'],
    ['when its write-ahead log is missing', () => ({ ...killed, '-wal': null }), 'were acknowledged'],
    ['when it is missing', () => ({ ...stopped, '': null }), 'were acknowledged'],
    ['when its note is garbage', () => ({ ...stopped, '-acknowledged': Buffer.from('?') }), 'holds no position'],
  ])('%s', async (_, files, reason) => {
    await using folder = await temporaryFolder();
    const file = join(folder.path, 'events.db');
    write(file, files());
    await using server = spawned(['--file', file]);
    expect(await server.ended).toEqual([1, null]);
    expect(server.said).toEqual({ out: '', err: expect.stringMatching(/^Cannot open the event store file [^\n]+\n$/) });
    expect(server.said.err).toContain(file);
    expect(server.said.err).toContain(reason);
    expect(server.said.err).toMatch(/Restore/);
  });
});

describe('A log of another schema version', () => {
  it('gets its checksums when it is of version 1, and is whole', async () => {
    await using folder = await temporaryFolder();
    const file = join(folder.path, 'events.db');
    writeVersion1(file, contents.all);
    for (const opening of ['first', 'second']) {
      const store = openStore(openLog(file));
      expect(isWhole(contentsOf(store), []), `at the ${opening} opening`).toBe(true);
      store.close();
    }
    using database = new DatabaseSync(file);
    expect(database.prepare('PRAGMA user_version').get()).toEqual({ user_version: 2 });
  });

  it('is refused when it is newer', async () => {
    await using folder = await temporaryFolder();
    const file = join(folder.path, 'events.db');
    write(file, stopped);
    using database = new DatabaseSync(file);
    database.exec('PRAGMA user_version = 3');
    database.close();
    expect(() => openLog(file)).toThrow(`Cannot open the event store file ${file}: its schema version is 3, not 2.`);
  });
});

async function expectWhole(files: Files): Promise<void> {
  expect(await outcomeOf(files)).toBe('whole');
}

async function expectError(files: Files): Promise<void> {
  expect(await outcomeOf(files)).toBe('error');
}

/** Tries as many damages as asked for, and expects them to be told from none at least now and then. */
async function expectAllOrErrors(files: () => Files, suffix: keyof Files, damage: Damage): Promise<void> {
  const bytes = files()[suffix];
  if (!bytes) throw new Error(`There is no file that ends with '${suffix}'.`);
  const outcomes = new Set<string>();
  const place = fc.nat(bytes.length - 1);
  const property = fc.asyncProperty(place, fc.integer({ min: 1, max: 255 }), async (at, by) => {
    outcomes.add(await outcomeOf({ ...files(), [suffix]: damage(bytes, at, by) }));
  });
  await fc.assert(property, options);
  expect(outcomes).toContain('error');
}

/**
 * Opens, reads, appends, reads again, and once more after opening it again. Each gives all there has to be or an error
 * that names the file. An error cannot go away.
 */
async function outcomeOf(files: Files): Promise<'whole' | 'error'> {
  await using folder = await temporaryFolder();
  const file = join(folder.path, 'events.db');
  write(file, files);
  const outcomes: ('whole' | 'error')[] = [];
  const more: string[] = [];
  for (const opening of [1, 2]) {
    const store = await attempt(file, () => openStore(openLog(file)));
    if (!store) return 'error';
    try {
      outcomes.push(await outcomeOfReading(file, store, more));
      if (opening === 2) continue;
      const ids = await attempt(file, () => appended(store, streams, commits));
      more.push(...(ids ?? []));
      outcomes.push(await outcomeOfReading(file, store, more));
    } finally {
      store.close();
    }
  }
  const [first = 'whole', ...others] = outcomes;
  if (first === 'error') expect(others).toEqual(others.map(() => 'error'));
  return outcomes.at(-1) ?? first;
}

async function outcomeOfReading(file: string, store: Store, more: readonly string[]): Promise<'whole' | 'error'> {
  const found = await attempt(file, () => contentsOf(store));
  if (!found) return 'error';
  if (!isWhole(found, more)) throw new Error('Something else than what was acknowledged was read, without an error.');
  return 'whole';
}

/** Undefined when it fails and names the file. */
async function attempt<T>(file: string, work: () => T | Promise<T>): Promise<T | undefined> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof Error && error.message.includes(file)) return undefined;
    throw new Error('An error does not name the file.', { cause: error });
  }
}

/** Whether these are all acknowledged events and, after them, those with these ids. */
function isWhole({ all, allBackwards, ofStreams }: Contents, more: readonly string[]): boolean {
  const known = contents.all.length;
  return (
    isDeepStrictEqual(all.slice(0, known), contents.all) &&
    isDeepStrictEqual(
      all.slice(known).map(({ id }) => id),
      more,
    ) &&
    isDeepStrictEqual(allBackwards.toReversed(), all) &&
    ofStreams.every(({ stream, forwards, backwards }) => {
      const events = all.filter((event) => event.stream === stream);
      return (
        events.every(({ revision }, index) => revision === BigInt(index)) &&
        isDeepStrictEqual(forwards, events) &&
        isDeepStrictEqual(backwards.toReversed(), events)
      );
    })
  );
}

/** Read as a client's calls read it. */
function contentsOf({ log, visibility }: Store): Contents {
  const { head } = log;
  return {
    all: pages(
      0n,
      (after) => log.allForwards(after, 100),
      ({ position }) => position,
    ),
    allBackwards: pages(
      head() + 1n,
      (before) => log.allBackwards(before, 100),
      ({ position }) => position,
    ),
    ofStreams: streams.map((stream) => {
      const { last, first, createdSince } = visibility(stream);
      const forwards = (from: bigint) => log.streamForwards(stream, { from, to: last, createdSince }, 10);
      const backwards = (to: bigint) => log.streamBackwards(stream, { from: first, to, createdSince }, 10);
      return {
        stream,
        forwards: last < 0n ? [] : pages(first, forwards, ({ revision }) => revision + 1n),
        backwards: last < 0n ? [] : pages(last, backwards, ({ revision }) => revision - 1n),
      };
    }),
  };
}

function pages(start: bigint, page: (cursor: bigint) => Page, after: (event: RecordedEvent) => bigint) {
  const events: RecordedEvent[] = [];
  for (let cursor = start; ; ) {
    const { events: next, isLast } = page(cursor);
    events.push(...next);
    const last = events.at(-1);
    if (isLast || !last) return events;
    cursor = after(last);
  }
}

/** Appends an event to each stream, in one commit, and gives their ids. */
async function appended(store: Store, to: readonly string[], n: number): Promise<string[]> {
  const events = to.map((stream) => anEvent(stream, n));
  await Promise.all(events.map((event, index) => store.append(to[index] as string, 'any', [event])));
  return events.map(({ id }) => id);
}

/** Some are longer than a page of the file. */
function anEvent(stream: string, n: number): ProposedEvent {
  const data = { n, stream, padding: 'x'.repeat(n % 20 === 0 ? 9_000 : (n % 7) * 50) };
  return {
    id: randomUUID(),
    type: 'Numbered',
    isJson: true,
    data: Buffer.from(JSON.stringify(data)),
    metadata: new Uint8Array(),
  };
}

function streamsOf(n: number): [string, string] {
  return [streams[n % streams.length] as string, streams[(n + 11) % streams.length] as string];
}

async function refusalOf(files: Files): Promise<string> {
  await using folder = await temporaryFolder();
  const file = join(folder.path, 'events.db');
  write(file, files);
  try {
    openLog(file).close();
    return 'none';
  } catch (error) {
    const { message } = error as Error;
    expect(message).toContain(`Cannot open the event store file ${file}: `);
    return message;
  }
}

function filesOf(file: string): Files {
  const bytes = (suffix: string) => (existsSync(file + suffix) ? readFileSync(file + suffix) : null);
  return { '': bytes(''), '-wal': bytes('-wal'), '-acknowledged': bytes('-acknowledged') };
}

function write(file: string, files: Files): void {
  for (const [suffix, bytes] of Object.entries(files)) if (bytes) writeFileSync(file + suffix, bytes);
}

/** As the first version of the log wrote it: without checksums. */
function writeVersion1(file: string, events: readonly RecordedEvent[]): void {
  using database = new DatabaseSync(file);
  database.exec(`
    CREATE TABLE event (
      position INTEGER PRIMARY KEY,
      stream   TEXT    NOT NULL,
      revision INTEGER NOT NULL,
      id       TEXT    NOT NULL,
      type     TEXT    NOT NULL,
      is_json  INTEGER NOT NULL,
      created  INTEGER NOT NULL,
      data     BLOB    NOT NULL,
      metadata BLOB    NOT NULL
    ) STRICT;
    CREATE UNIQUE INDEX event_of_stream ON event (stream, revision);
    PRAGMA user_version = 1;
    BEGIN`);
  const insert = database.prepare('INSERT INTO event VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)');
  for (const { position, stream, revision, id, type, isJson, createdTicks, data, metadata } of events) {
    insert.run(position, stream, revision, id, type, isJson ? 1 : 0, createdTicks, data, metadata);
  }
  database.exec('COMMIT');
}
