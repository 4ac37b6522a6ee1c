import { createServer as createHttp2Server, type ServerHttp2Session, type ServerHttp2Stream } from 'node:http2';
import { type AddressInfo, createServer as createTcpServer, type Server as NetServer, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import type { IServerFeaturesServer } from '@eventstore/db-client/generated/serverfeatures_grpc_pb.js';
import type { ReadReq } from '@eventstore/db-client/generated/streams_pb.js';
import { Metadata, Server, ServerCredentials, type ServerWritableStream, status } from '@grpc/grpc-js';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventBytes } from '../../embedded/event-store/event-bytes.ts';
import { openLog } from '../../embedded/event-store/log.ts';
import { serverFeaturesHandlers, serverFeaturesService } from '../../embedded/event-store/node-services.ts';
import type { RecordedEvent } from '../../embedded/event-store/records.ts';
import { startEventStore } from '../../embedded/event-store/server.ts';
import { openStore } from '../../embedded/event-store/store.ts';
import { streamsHandlers, streamsService } from '../../embedded/event-store/streams-service.ts';
import { caughtUpResponse, checkpointResponse, confirmationResponse } from '../../embedded/event-store/wire.ts';
import { until } from '../../embedded/until.ts';
import { startEventStore as startInMemory, type TestServer } from '../../test/support/servers.ts';
import { temporaryFolder } from '../../test/support/temporary-folder.ts';
import {
  type EventLog,
  EventLogUnavailable,
  type EventToAppend,
  type ExpectedRevision,
  type LogFilter,
  type LogItem,
  type Position,
  type StoredEvent,
  type SubscriptionOptions,
} from '../events/event-log.ts';
import { connectEventStore, type EventStore } from './event-store.ts';
import { isStrayRejection } from './event-store-errors.ts';

let server: TestServer;
let log: EventStore;

beforeAll(async () => {
  server = await startInMemory();
  log = connectEventStore({ url: server.url });
});

afterAll(async () => {
  await log?.close();
  await server?.stop();
});

describe('a stream', () => {
  it('is empty before anything was appended', async () => {
    expect(await log.read('gateway-missing')).toEqual([]);
    expect(await log.readLast('gateway-missing')).toBeUndefined();
  });

  it('is read as it was appended, oldest first, from the start or from a revision', async () => {
    const appended = [anEvent(1), anEvent(2), anEvent(3)];
    const stream = aStream();
    await log.append(stream, 'no_stream', appended);
    const read = await log.read(stream);
    expect(read.map(({ id, type, data, metadata }) => ({ id, type, data, metadata }))).toEqual(appended);
    expect(read.map(({ revision }) => revision)).toEqual([0n, 1n, 2n]);
    expect(read.every((event) => event.stream === stream)).toBe(true);
    expect(await log.read(stream, 1n)).toEqual(read.slice(1));
    expect(await log.read(stream, 3n)).toEqual([]);
    expect(await log.read(stream, 0n, 1n)).toEqual(read.slice(0, 2));
    expect(await log.read(stream, 1n, 1n)).toEqual(read.slice(1, 2));
    expect(await log.read(stream, 1n, 9n)).toEqual(read.slice(1));
    expect(await log.read(stream, 0n, 2n ** 53n)).toEqual(read);
    expect(await log.read(stream, 0n, -1n)).toEqual([]);
    expect(await log.read('gateway-missing', 0n, 1n)).toEqual([]);
    expect(await log.readLast(stream)).toEqual(read.at(-1));
  });

  it('may have any name and hold any JSON', async () => {
    const stream = `gatewayIdentity-${encodeURIComponent('漢'.repeat(255))}`;
    const event = {
      ...anEvent(1),
      data: { text: '😀\u2028"\\', '': null, nested: [{ deep: [1.5e-7, -1, true] }] },
    };
    await log.append(stream, 'no_stream', [event]);
    expect((await log.readLast(stream))?.data).toEqual(event.data);
  });

  it('is read whole, however long', async () => {
    const stream = aStream();
    for (let start = 0; start < 3_000; start += 1_000) {
      const events = Array.from({ length: 1_000 }, (_, index) => anEvent(start + index));
      await log.append(stream, start === 0 ? 'no_stream' : BigInt(start - 1), events);
    }
    expect((await log.read(stream)).map(({ data }) => data)).toEqual(Array.from({ length: 3_000 }, (_, n) => ({ n })));
  });
});

describe('the head', () => {
  it('is the position of the last event of all streams', async () => {
    for (const stream of [aStream(), 'any other']) {
      const appended = await log.append(stream, 'no_stream', [anEvent(1), anEvent(2)]);
      expect(appended).toMatchObject({ status: 'appended', position: await log.head() });
    }
  });
});

describe('a position', () => {
  it('is one of the log when an event is there, or a checkpoint that the log has told, also behind its last event', async () => {
    const appended = await log.append(aStream(), 'no_stream', [anEvent(1)]);
    const { commit } = appended.status === 'appended' ? appended.position : { commit: 0n };
    expect(await log.reaches({ commit, prepare: commit })).toBe(true);
    expect(await log.reaches({ commit: commit + 1n, prepare: 0n })).toBe(true);
  });

  it('is none of the log between two events, or beyond the end', async () => {
    const commit = (await log.head())?.commit ?? 0n;
    expect(await log.reaches({ commit: commit - 3n, prepare: commit - 3n })).toBe(false);
    expect(await log.reaches({ commit: commit * 2n, prepare: commit * 2n })).toBe(false);
  });
});

describe('an append', () => {
  it('tells the revision and the position of its last event', async () => {
    const stream = aStream();
    const first = await log.append(stream, 'no_stream', [anEvent(1), anEvent(2)]);
    const [, second] = await log.read(stream);
    expect(first).toEqual({ status: 'appended', revision: 1n, position: second?.position });
    const next = await log.append(stream, 1n, [anEvent(3), anEvent(4), anEvent(5)]);
    expect(next).toEqual({ status: 'appended', revision: 4n, position: (await log.readLast(stream))?.position });
  });

  it.each([
    ['that should be new and is not', 'no_stream', 2],
    ['that is behind', 2n, 2],
    ['that is ahead', 0n, 2],
    ['that should exist and does not', 0n, 0],
  ] as const)('to a stream %s is a conflict and appends nothing', async (_, expected, present) => {
    const stream = aStream();
    if (present > 0)
      await log.append(
        stream,
        'no_stream',
        Array.from({ length: present }, (_, n) => anEvent(n)),
      );
    expect(await log.append(stream, expected, [anEvent(7), anEvent(8)])).toEqual({ status: 'conflict' });
    expect(await log.read(stream)).toHaveLength(present);
  });

  it('wins alone among many that expect the same', async () => {
    const stream = aStream();
    const outcomes = await Promise.all(
      Array.from({ length: 20 }, (_, n) => log.append(stream, 'no_stream', [anEvent(n), anEvent(n)])),
    );
    expect(outcomes.filter(({ status }) => status === 'appended')).toHaveLength(1);
    expect(await log.read(stream)).toHaveLength(2);
  });

  it('that is repeated with the same ids is told the same again', async () => {
    const stream = aStream();
    const events = [anEvent(1), anEvent(2)];
    const once = await log.append(stream, 'no_stream', events);
    expect(await log.append(stream, 'no_stream', events)).toEqual(once);
    expect(await log.read(stream)).toHaveLength(2);
  });

  it('that is too large is refused with an error of its own, not as a store that is away', async () => {
    const huge = { ...anEvent(1), data: { text: 'x'.repeat(2 * 1024 ** 2) } };
    const refusal = await log.append(aStream(), 'no_stream', [huge]).catch((error: unknown) => error);
    expect(refusal).toBeInstanceOf(Error);
    expect(refusal).not.toBeInstanceOf(EventLogUnavailable);
  });
});

describe('a subscription', () => {
  it('tells history in order and in batches, then once that it has caught up, then each event at once', async () => {
    const { prefix, stream } = aCategory();
    await appendMany(stream, 25);
    await using told = subscribed({ streamPrefixes: [prefix], after: 'start', maxBatch: 10 });
    await told.until((items) => items.some(({ kind }) => kind === 'caught-up'));
    expect(numbers(told.items)).toEqual(Array.from({ length: 25 }, (_, n) => n));
    expect(told.batches.every((batch) => eventsIn(batch).length <= 10)).toBe(true);
    expect(told.batches.length).toBeGreaterThan(2);

    for (const n of [25, 26]) {
      await log.append(stream, BigInt(n - 1), [anEvent(n)]);
      await told.until((items) => eventsIn(items).length === n + 1);
      expect(eventsIn(told.batches.at(-1) ?? [])).toHaveLength(1);
    }
    expect(numbers(told.items)).toEqual(Array.from({ length: 27 }, (_, n) => n));
    expect(told.items.filter(({ kind }) => kind === 'caught-up')).toHaveLength(1);
    expect(told.items.findIndex(({ kind }) => kind === 'caught-up')).toBeGreaterThanOrEqual(25);
  });

  it('to nothing yet has caught up at once', async () => {
    await using told = subscribed({ streamPrefixes: [aCategory().prefix], after: 'start' });
    await told.until((items) => items.some(({ kind }) => kind === 'caught-up'));
    expect(eventsIn(told.items)).toEqual([]);
  });

  it('tells what was read of the stream', async () => {
    const { prefix, stream } = aCategory();
    await appendMany(stream, 3);
    await using told = subscribed({ streamPrefixes: [prefix], after: 'start' });
    await told.until((items) => eventsIn(items).length === 3);
    expect(eventsIn(told.items)).toEqual(await log.read(stream));
  });

  it('goes on after a position without the event there', async () => {
    const { prefix, stream } = aCategory();
    await appendMany(stream, 5);
    const after = (await log.read(stream))[2]?.position as Position;
    await using told = subscribed({ streamPrefixes: [prefix], after });
    await told.until((items) => items.some(({ kind }) => kind === 'caught-up'));
    expect(numbers(told.items)).toEqual([3, 4]);
  });

  it('tells of streams that have one of its prefixes, whole and with their case', async () => {
    const { prefix, stream } = aCategory();
    const category = prefix.slice(0, -1);
    await log.append(`${category}Identity-1`, 'no_stream', [anEvent(1)]);
    await log.append(`${category.toUpperCase()}-1`, 'no_stream', [anEvent(2)]);
    await log.append(`x${prefix}1`, 'no_stream', [anEvent(3)]);
    await log.append(stream, 'no_stream', [anEvent(4)]);
    await log.append(`other${prefix}1`, 'no_stream', [anEvent(5)]);
    await using told = subscribed({ streamPrefixes: [prefix, `other${prefix}`], after: 'start' });
    await told.until((items) => items.some(({ kind }) => kind === 'caught-up'));
    expect(numbers(told.items)).toEqual([4, 5]);
  });

  it('tells of events whose type starts with one that is asked for, in any stream', async () => {
    const streams = [aStream(), aCategory().stream, aStream()];
    const append = (stream: string, expected: ExpectedRevision, n: number, type: string) =>
      log.append(stream, expected, [{ ...anEvent(n), type }]);
    for (const [index, stream] of streams.entries()) {
      await append(stream, 'no_stream', index * 3, 'ThingMade');
      await append(stream, 0n, index * 3 + 1, 'thingMade');
      await append(stream, 1n, index * 3 + 2, 'ThingUnmadeAgain');
    }
    await using told = subscribed({ types: ['ThingMade', 'ThingUnmade'], after: 'start' });
    await told.until((items) => items.some(({ kind }) => kind === 'caught-up'));
    expect(numbers(told.items)).toEqual([0, 2, 3, 5, 6, 8]);
    await append(aStream(), 'no_stream', 9, 'UnlikeThingMade');
    await append(aStream(), 'no_stream', 10, 'ThingMade');
    await told.until((items) => eventsIn(items).length > 6);
    expect(numbers(told.items).at(-1)).toBe(10);
  });

  it('moves its checkpoint past what it does not tell, and never behind what it told', async () => {
    const { prefix, stream } = aCategory();
    const { stream: elsewhere } = aCategory();
    await using told = subscribed({ streamPrefixes: [prefix], after: 'start', maxBatch: 3 });
    await told.until((items) => items.some(({ kind }) => kind === 'caught-up'));
    for (let round = 0; round < 5; round++) {
      await appendMany(elsewhere, 50, round * 50);
      await appendMany(stream, 7, round * 7);
    }
    // Live, a checkpoint comes after about a thousand events that are not told.
    const last = (await appendMany(elsewhere, 1_500, 250)).position;
    await told.until((items) => eventsIn(items).length === 35);
    const lastOwn = (await log.readLast(stream))?.position.commit ?? 0n;
    await told.until((items) => checkpointsIn(items).some(({ commit }) => commit > lastOwn && commit <= last.commit));

    let before = -1n;
    for (const item of told.items) {
      if (item.kind === 'caught-up') continue;
      const { commit } = item.kind === 'event' ? item.event.position : item.position;
      expect(commit).toBeGreaterThan(before);
      before = commit;
    }
    const checkpoint = checkpointsIn(told.items).at(-1) as Position;
    await using resumed = subscribed({ streamPrefixes: [prefix], after: checkpoint });
    await resumed.until((items) => items.some(({ kind }) => kind === 'caught-up'));
    expect(eventsIn(resumed.items)).toEqual([]);
  });

  it('ends without an error when it is aborted, while it waits and while it is read', async () => {
    const { prefix, stream } = aCategory();
    await appendMany(stream, 5);
    const waiting = subscribed({ streamPrefixes: [prefix], after: 'start' });
    await waiting.until((items) => items.some(({ kind }) => kind === 'caught-up'));
    waiting.abort();
    await waiting.ended;

    const stopping = new AbortController();
    const told: StoredEvent[] = [];
    for await (const items of log.subscribe({
      streamPrefixes: [prefix],
      after: 'start',
      signal: stopping.signal,
      maxBatch: 2,
    })) {
      told.push(...eventsIn(items));
      if (told.length > 0) stopping.abort();
    }
    expect([1, 2]).toContain(told.length);
  });

  it('does not begin when it is aborted before', async () => {
    const options = { streamPrefixes: ['x-'], after: 'start', signal: AbortSignal.abort() } as const;
    for await (const _ of log.subscribe(options)) throw new Error('something was told');
  });

  it('may be left in the middle', async () => {
    const { prefix, stream } = aCategory();
    await appendMany(stream, 5);
    const { signal } = new AbortController();
    for await (const items of log.subscribe({ streamPrefixes: [prefix], after: 'start', signal, maxBatch: 1 })) {
      if (eventsIn(items).length === 1) break;
    }
    expect(await log.read(stream)).toHaveLength(5);
  });

  it('loses nothing while its reader is slower than the log', async () => {
    const { prefix, stream } = aCategory();
    await appendMany(stream, 100);
    const stopping = new AbortController();
    const told: number[] = [];
    let appended = false;
    const options = { streamPrefixes: [prefix], after: 'start', signal: stopping.signal, maxBatch: 7 } as const;
    for await (const items of log.subscribe(options)) {
      if (!appended) await appendMany(stream, 900, 100);
      appended = true;
      told.push(...numbers(items));
      if (told.length >= 1_000) stopping.abort();
    }
    expect(told).toEqual(Array.from({ length: 1_000 }, (_, n) => n));
  });
});

describe('an event store that goes away', () => {
  it('is unavailable to whoever asks, and there again on the same port', async () => {
    await using folder = await temporaryFolder();
    const file = `${folder.path}/log`;
    let running = await startEventStore({ file });
    const away = connectEventStore({ url: running.url, answerWithin: 2_000 });
    try {
      const { prefix, stream } = aCategory();
      await away.append(stream, 'no_stream', [anEvent(0)]);
      const told = subscribed({ streamPrefixes: [prefix], after: 'start' }, away);
      await told.until((items) => eventsIn(items).length === 1);

      await running.stop();
      await expect(told.ended).rejects.toThrow(EventLogUnavailable);
      await expect(away.append(stream, 0n, [anEvent(1)])).rejects.toThrow(EventLogUnavailable);
      await expect(away.read(stream)).rejects.toThrow(EventLogUnavailable);
      await expect(away.readLast(stream)).rejects.toThrow(EventLogUnavailable);
      await expect(away.head()).rejects.toThrow(EventLogUnavailable);
      await expect(subscribed({ streamPrefixes: [prefix], after: 'start' }, away).ended).rejects.toThrow(
        EventLogUnavailable,
      );

      running = await startEventStore({ file, port: running.port });
      // The client looks for a connection it lost at intervals of its own.
      const back = await until(
        () =>
          away.append(stream, 0n, [anEvent(1)]).then(
            () => true,
            () => false,
          ),
        10_000,
      );
      expect(back).toBe(true);
      expect(numbersOf(await away.read(stream))).toEqual([0, 1]);
      await using again = subscribed({ streamPrefixes: [prefix], after: 'start' }, away);
      await again.until((items) => eventsIn(items).length === 2);
    } finally {
      await away.close();
      await running.stop();
    }
  });

  it('is unavailable while no node of a cluster can be found, and there when one is', async () => {
    const port = await aClosedPort();
    const cluster = connectEventStore({
      url: `esdb+discover://127.0.0.1:${port}?tls=false&maxDiscoverAttempts=1&discoveryInterval=1&gossipTimeout=1`,
    });
    await using closing = new AsyncDisposableStack();
    closing.defer(() => cluster.close());
    await expect(cluster.append('gateway-1', 'no_stream', [anEvent(1)])).rejects.toThrow(EventLogUnavailable);
    await expect(cluster.read('gateway-1')).rejects.toThrow(EventLogUnavailable);
    const told = subscribed({ streamPrefixes: ['x-'], after: 'start' }, cluster);
    await expect(told.ended).rejects.toThrow(EventLogUnavailable);

    const node = await startEventStore({ file: ':memory:', port });
    closing.defer(() => node.stop());
    expect(await cluster.append('gateway-1', 'no_stream', [anEvent(1)])).toMatchObject({ status: 'appended' });
    expect(await cluster.read('gateway-1')).toHaveLength(1);
  });
});

describe('an event store that does not answer', () => {
  it.each([
    ['takes connections and says nothing', silentListener],
    ['takes requests and says nothing', silentHttp2],
  ])('is unavailable after a while: one that %s', async (_, start) => {
    await using silent = await start();
    const waiting = connectEventStore({ url: silent.url, answerWithin: 100 });
    try {
      await expect(waiting.append('gateway-1', 'no_stream', [anEvent(1)])).rejects.toThrow(EventLogUnavailable);
      await expect(waiting.read('gateway-1')).rejects.toThrow(EventLogUnavailable);
      await expect(waiting.readLast('gateway-1')).rejects.toThrow(EventLogUnavailable);
      await expect(subscribed({ streamPrefixes: ['x-'], after: 'start' }, waiting).ended).rejects.toThrow(
        EventLogUnavailable,
      );
    } finally {
      await waiting.close();
    }
  });

  it('is asked no further for what nobody waits for any more', async () => {
    await using silent = await silentHttp2();
    const waiting = connectEventStore({ url: silent.url, answerWithin: 100 });
    try {
      await expect(waiting.read('gateway-1')).rejects.toThrow(EventLogUnavailable);
      expect(await until(() => silent.streams.length > 0 && silent.streams.every(({ closed }) => closed), 20_000)).toBe(
        true,
      );
    } finally {
      await waiting.close();
    }
  });

  it('may break off after the answer was given up', async () => {
    await using silent = await silentHttp2();
    const waiting = connectEventStore({ url: silent.url, answerWithin: 100 });
    try {
      await expect(waiting.read('gateway-1')).rejects.toThrow(EventLogUnavailable);
      silent.breakOff();
      await expect(waiting.read('gateway-1')).rejects.toThrow(EventLogUnavailable);
    } finally {
      await waiting.close();
    }
  });

  it('may be quiet once it has confirmed a subscription', async () => {
    await using confirming = await scriptedStreams((_, answer) => answer(confirmationResponse('a-subscription')));
    const waiting = connectEventStore({ url: confirming.url, answerWithin: 100 });
    const told = subscribed({ streamPrefixes: ['x-'], after: 'start' }, waiting);
    const ended = told.ended.then(() => 'ended');
    expect(await Promise.race([ended, delay(200, 'quiet')])).toBe('quiet');
    told.abort();
    await told.ended;
    await waiting.close();
  });

  it('does not keep a subscription from being aborted', async () => {
    await using silent = await silentListener();
    const waiting = connectEventStore({ url: silent.url });
    const told = subscribed({ streamPrefixes: ['x-'], after: 'start' }, waiting);
    told.abort();
    await told.ended;
    await waiting.close();
  });
});

describe('an event store that fails to say what it can do', () => {
  it.each([status.INTERNAL, status.UNKNOWN, status.RESOURCE_EXHAUSTED, status.DEADLINE_EXCEEDED])(
    'with code %i, is asked again at the next append',
    async (code) => {
      await using store = await forgetfulOnce(code);
      const log = connectEventStore({ url: store.url });
      try {
        await expect(log.append('gateway-1', 'no_stream', [anEvent(1)])).rejects.toThrow();
        expect(await log.append('gateway-1', 'no_stream', [anEvent(1)])).toMatchObject({ status: 'appended' });
      } finally {
        await log.close();
      }
    },
  );
});

describe('positions and revisions', () => {
  const beyondDoubles = 2n ** 53n + 1n;

  it('are exact beyond what a double holds, in both directions', async () => {
    const asked: string[] = [];
    await using scripted = await scriptedStreams((request, answer) => {
      const position = request.getOptions()?.getAll()?.getPosition();
      asked.push(position?.getCommitPosition() ?? '', position?.getPreparePosition() ?? '');
      answer(eventBytes({ event: aRecord(beyondDoubles), link: undefined }, 'string'));
      answer(checkpointResponse({ commit: beyondDoubles + 1n, prepare: beyondDoubles + 1n }));
      answer(caughtUpResponse());
    });
    const exact = connectEventStore({ url: scripted.url });
    const after = { commit: beyondDoubles, prepare: beyondDoubles };
    const told = subscribed({ streamPrefixes: ['gateway-'], after }, exact);
    await told.until((items) => items.some(({ kind }) => kind === 'caught-up'));
    told.abort();
    await told.ended;
    expect(asked).toEqual([String(beyondDoubles), String(beyondDoubles)]);
    expect(told.items).toEqual([
      { kind: 'event', event: expect.objectContaining({ revision: beyondDoubles, position: after }) },
      { kind: 'checkpoint', position: { commit: beyondDoubles + 1n, prepare: beyondDoubles + 1n } },
      { kind: 'caught-up' },
    ]);
    await exact.close();
  });

  it('are not told as checkpoints when they are the end of all things', async () => {
    await using scripted = await scriptedStreams((_, answer) => {
      answer(checkpointResponse({ commit: 2n ** 64n - 1n, prepare: 2n ** 64n - 1n }));
      answer(caughtUpResponse());
    });
    const exact = connectEventStore({ url: scripted.url });
    const told = subscribed({ streamPrefixes: ['gateway-'], after: 'start' }, exact);
    await told.until((items) => items.length > 0);
    expect(told.items).toEqual([{ kind: 'caught-up' }]);
    told.abort();
    await told.ended;
    await exact.close();
  });
});

describe('a connection string', () => {
  it.each(['http://admin:hunter2@localhost', 'esdb://admin:hunter2@', ''])(
    'that is malformed is refused at once and not repeated: %s',
    (url) => {
      expect(() => connectEventStore({ url })).toThrow(
        new Error('EVENTSTORE_URL is not an EventStoreDB connection string such as esdb://localhost:2113?tls=false'),
      );
    },
  );
});

describe('a stray rejection of the client', () => {
  it.each([status.UNAVAILABLE, status.CANCELLED, status.NOT_FOUND, status.INTERNAL])(
    'is one that gRPC made, whatever ended the call: code %i',
    (code) => {
      const error = Object.assign(new Error('gone'), { code, details: 'gone', metadata: new Metadata() });
      expect(isStrayRejection(error)).toBe(true);
    },
  );

  it('is one about a cluster without a node', () => {
    expect(isStrayRejection(new Error('Failed to discover after 10 attempts.'))).toBe(true);
  });

  it.each([
    ['an error of Postgres', Object.assign(new Error('bad'), { code: '23505', detail: 'bad' })],
    ['an error of ours', new EventLogUnavailable('gone')],
    ['an error of the system', Object.assign(new Error('gone'), { code: 'ECONNRESET' })],
    ['no error', { code: status.UNAVAILABLE, details: 'gone' }],
    ['nothing', undefined],
  ])('is not %s', (_, error) => {
    expect(isStrayRejection(error)).toBe(false);
  });
});

let streams = 0;

function aStream(): string {
  streams += 1;
  return `gateway-${streams}`;
}

/** A prefix that no other spec uses, and a stream that has it. */
function aCategory(): { readonly prefix: string; readonly stream: string } {
  streams += 1;
  return { prefix: `category${streams}-`, stream: `category${streams}-1` };
}

let events = 0;

function anEvent(n: number): EventToAppend {
  events += 1;
  const id = `0194e000-0000-7000-8000-${events.toString(16).padStart(12, '0')}`;
  return { id, type: 'Numbered', data: { n }, metadata: { actor: 'a-tester' } };
}

async function appendMany(stream: string, count: number, from = 0): Promise<{ readonly position: Position }> {
  const expected = from === 0 ? 'no_stream' : BigInt(from - 1);
  const appended = await log.append(
    stream,
    expected,
    Array.from({ length: count }, (_, n) => anEvent(from + n)),
  );
  if (appended.status === 'conflict') throw new Error(`${stream} is not at ${expected}`);
  return appended;
}

interface Subscribed extends AsyncDisposable {
  readonly batches: readonly (readonly LogItem[])[];
  readonly items: readonly LogItem[];
  readonly ended: Promise<void>;
  abort(): void;
  until(condition: (items: readonly LogItem[]) => boolean): Promise<void>;
}

/** A subscription that collects what it is told until the scope ends. */
function subscribed(
  options: LogFilter & Pick<SubscriptionOptions, 'after' | 'maxBatch'>,
  from: EventLog = log,
): Subscribed {
  const stopping = new AbortController();
  const batches: (readonly LogItem[])[] = [];
  const items: LogItem[] = [];
  const ended = collect();
  // Who waits for the end hears of a failure there; `until` only has to notice it.
  let failed = false;
  ended.catch(() => {
    failed = true;
  });
  return {
    batches,
    items,
    ended,
    abort: () => stopping.abort(),
    async until(condition) {
      const met = await until(() => failed || condition(items), 10_000);
      if (failed) await ended;
      if (!met) throw new Error(`the subscription told ${items.length} items, and not what was waited for`);
    },
    async [Symbol.asyncDispose]() {
      stopping.abort();
      await ended;
    },
  };

  async function collect(): Promise<void> {
    for await (const batch of from.subscribe({ ...options, signal: stopping.signal })) {
      batches.push(batch);
      items.push(...batch);
    }
  }
}

function eventsIn(items: readonly LogItem[]) {
  return items.flatMap((item) => (item.kind === 'event' ? item.event : []));
}

function checkpointsIn(items: readonly LogItem[]) {
  return items.flatMap((item) => (item.kind === 'checkpoint' ? item.position : []));
}

function numbers(items: readonly LogItem[]): number[] {
  return numbersOf(eventsIn(items));
}

function numbersOf(events: readonly { readonly data: unknown }[]): number[] {
  return events.map(({ data }) => (data as { n: number }).n);
}

interface Silent extends AsyncDisposable {
  readonly url: string;
}

async function silentListener(): Promise<Silent> {
  const sockets = new Set<Socket>();
  const listener = createTcpServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
  });
  const port = await listening(listener);
  return {
    url: `esdb://127.0.0.1:${port}?tls=false`,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      await closed(listener);
    },
  };
}

async function silentHttp2(): Promise<Silent & { readonly streams: readonly ServerHttp2Stream[]; breakOff(): void }> {
  const opened: ServerHttp2Stream[] = [];
  const sessions = new Set<ServerHttp2Session>();
  const listener = createHttp2Server();
  listener.on('session', (session) => {
    sessions.add(session);
    session.on('error', () => undefined);
  });
  listener.on('stream', (stream) => {
    opened.push(stream);
    stream.on('error', () => undefined);
  });
  const breakOff = () => {
    for (const session of sessions) session.destroy();
    sessions.clear();
  };
  const port = await listening(listener);
  return {
    url: `esdb://127.0.0.1:${port}?tls=false`,
    streams: opened,
    breakOff,
    async [Symbol.asyncDispose]() {
      breakOff();
      await closed(listener);
    },
  };
}

async function aClosedPort(): Promise<number> {
  const listener = createTcpServer();
  const port = await listening(listener);
  await closed(listener);
  return port;
}

async function listening(listener: NetServer): Promise<number> {
  await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve));
  return (listener.address() as AddressInfo).port;
}

async function closed(listener: NetServer): Promise<void> {
  await new Promise((resolve) => listener.close(resolve));
}

type ReadCall = ServerWritableStream<ReadReq, Buffer>;

/** A server whose Read answers what a spec says. */
async function scriptedStreams(
  read: (request: ReadCall['request'], answer: (response: Buffer) => void) => void,
): Promise<Silent> {
  const scripted = new Server();
  scripted.addService(streamsService, {
    read: (call: ReadCall) => read(call.request, (response) => call.write(response)),
  });
  return bound(scripted);
}

type FeaturesCall = Parameters<IServerFeaturesServer['getSupportedMethods']>;

/** An event store that fails, the first time it is asked, to say which calls it knows. */
async function forgetfulOnce(code: status): Promise<Silent> {
  const store = openStore(openLog(':memory:'));
  const { getSupportedMethods } = serverFeaturesHandlers([streamsService]);
  let asked = 0;
  const scripted = new Server();
  scripted.addService(streamsService, streamsHandlers(store, 2 ** 20));
  scripted.addService(serverFeaturesService, {
    getSupportedMethods: (call: FeaturesCall[0], callback: FeaturesCall[1]) => {
      asked += 1;
      if (asked > 1) getSupportedMethods(call, callback);
      else callback({ code, details: 'not now' });
    },
  });
  const { url, [Symbol.asyncDispose]: shutDown } = await bound(scripted);
  return {
    url,
    [Symbol.asyncDispose]: async () => {
      await shutDown();
      store.close();
    },
  };
}

async function bound(scripted: Server): Promise<Silent> {
  const port = await new Promise<number>((resolve, reject) => {
    scripted.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) =>
      error ? reject(error) : resolve(bound),
    );
  });
  return {
    url: `esdb://127.0.0.1:${port}?tls=false`,
    [Symbol.asyncDispose]: async () => scripted.forceShutdown(),
  };
}

function aRecord(place: bigint): RecordedEvent {
  return {
    position: place,
    stream: 'gateway-1',
    revision: place,
    id: '0194e000-0000-7000-8000-000000000001',
    type: 'Numbered',
    isJson: true,
    createdTicks: 0n,
    data: Buffer.from('{}'),
    metadata: Buffer.from('{}'),
  };
}
