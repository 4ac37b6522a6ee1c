import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startEventStore, type TestServer } from '../../test/support/servers.ts';
import { EventLogUnavailable, type Position, type StoredEvent } from '../events/event-log.ts';
import { connectEventStore, type EventStore } from './event-store.ts';

const streams = ['gateway-1', 'other-1', 'gateway-2', 'factory-1'];
const { signal: never } = new AbortController();

let server: TestServer;
let log: EventStore;

beforeAll(async () => {
  server = await startEventStore();
  log = connectEventStore({ url: server.url });
  for (const stream of streams) {
    const events = Array.from({ length: 600 }, (_, index) => ({
      id: crypto.randomUUID(),
      type: 'Happened',
      data: { index, text: 'ü\t🚀' },
      metadata: { actor: stream },
    }));
    await log.append(stream, 'no_stream', events);
  }
});

afterAll(async () => {
  await log?.close();
  await server?.stop();
});

describe('a bulk read', () => {
  it('tells the events that reads of the streams tell, in the order of the log, and ends', async () => {
    const expected = [...(await log.read('gateway-1')), ...(await log.read('gateway-2'))];
    const batches = await read('start', ['gateway-']);
    expect(batches.flat()).toEqual(expected);
    expect(Math.max(...batches.map(({ length }) => length))).toBeLessThanOrEqual(500);
  });

  it('goes on after a position, the last one of the log too', async () => {
    const all = (await read('start', ['gateway-', 'factory-'])).flat();
    const middle = all[700]?.position as Position;
    expect((await read(middle, ['gateway-', 'factory-'])).flat()).toEqual(all.slice(701));
    expect(await read(all.at(-1)?.position as Position, ['gateway-', 'factory-'])).toEqual([]);
  });

  it('tells nothing where no stream has the prefix', async () => {
    expect(await read('start', ['nobody-'])).toEqual([]);
  });

  it('tells the events of a type', async () => {
    const event = { id: crypto.randomUUID(), type: 'HappenedElsewhere', data: {}, metadata: {} };
    await log.append('other-2', 'no_stream', [event]);
    const told: StoredEvent[] = [];
    for await (const batch of log.readAll({ types: ['HappenedE', 'No'], after: 'start', signal: never }))
      told.push(...batch);
    expect(told).toEqual(await log.read('other-2'));
  });

  it('ends early when it is told to', async () => {
    const stopping = new AbortController();
    let count = 0;
    for await (const batch of log.readAll({ streamPrefixes: ['gateway-'], after: 'start', signal: stopping.signal })) {
      count += batch.length;
      stopping.abort();
    }
    expect(count).toBeLessThan(1_200);
  });

  it('keeps all events for a reader that takes its time', async () => {
    let count = 0;
    for await (const batch of log.readAll({
      streamPrefixes: ['gateway-'],
      after: 'start',
      signal: never,
      maxBatch: 100,
    })) {
      await new Promise((resolve) => setTimeout(resolve, 5));
      count += batch.length;
    }
    expect(count).toBe(1_200);
  });

  it('says that the store is away', async () => {
    const away = connectEventStore({ url: 'esdb://127.0.0.1:1?tls=false' });
    const reading = away.readAll({ streamPrefixes: ['gateway-'], after: 'start', signal: never });
    await expect(reading[Symbol.asyncIterator]().next()).rejects.toThrow(EventLogUnavailable);
    await away.close();
  });
});

async function read(after: Position | 'start', streamPrefixes: readonly string[]): Promise<(readonly StoredEvent[])[]> {
  const batches: (readonly StoredEvent[])[] = [];
  for await (const batch of log.readAll({ streamPrefixes, after, signal: never, maxBatch: 500 })) batches.push(batch);
  return batches;
}
