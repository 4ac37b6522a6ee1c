import { setImmediate as turn } from 'node:timers/promises';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { factoryCreated, factoryUpdated, now } from '../../test/support/examples.ts';
import { memoryLog } from '../../test/support/memory-log.ts';
import { type EventLog, EventLogUnavailable, type StoredEvent } from '../events/event-log.ts';
import type { FactoryId } from '../events/ids.ts';
import { uuidv7 } from '../events/new-id.ts';
import { factories } from './aggregate.ts';
import { createAggregateCache, current, currentParent } from './aggregate-cache.ts';
import { type Cause, stamp } from './cause.ts';
import { load } from './load.ts';

const megabyte = 1024 * 1024;
const ids = [1, 2, 3].map((n) => `0194b000-0000-7000-8000-00000000000${n}` as FactoryId);
const [first, second] = ids as [FactoryId, FactoryId];

describe('a parent', () => {
  it('is read once, and then as long as nothing happens to it known by one look at all of them', async () => {
    const { log, asked } = watched(memoryLog());
    const cache = createAggregateCache(megabyte);
    await change(log, first);
    await currentParent(log, cache, factories, first);
    asked.length = 0;
    await currentParent(log, cache, factories, first);
    expect(asked).toEqual(['all']);
  });

  it('is as the log has it after somebody else has changed it', async () => {
    const log = memoryLog();
    const cache = createAggregateCache(megabyte);
    for (const revision of [0n, 1n, 2n]) {
      await change(log, first);
      expect((await currentParent(log, cache, factories, first)).revision).toBe(revision);
    }
  });

  it('is known by the look that all share who wait for it, whichever parents they ask for', async () => {
    const { log, asked } = watched(memoryLog());
    const cache = createAggregateCache(megabyte);
    for (const id of [first, second]) await change(log, id);
    await Promise.all([first, second].map((id) => currentParent(log, cache, factories, id)));
    asked.length = 0;
    await Promise.all([first, second, first, second].map((id) => currentParent(log, cache, factories, id)));
    expect(asked).toEqual(['all']);
  });

  it('that there is not may be there the next time', async () => {
    const log = memoryLog();
    const cache = createAggregateCache(megabyte);
    expect((await currentParent(log, cache, factories, first)).state.status).toBe('none');
    await change(log, first);
    expect((await currentParent(log, cache, factories, first)).state.status).toBe('active');
  });

  it('is not known from a look that failed, and is from the next one', async () => {
    const log = memoryLog();
    const cache = createAggregateCache(megabyte);
    await change(log, first);
    await currentParent(log, cache, factories, first);
    await change(log, first);
    const failing = { ...log, readAll: () => failingRead() };
    await expect(currentParent(failing, cache, factories, first)).rejects.toThrow('away');
    expect((await currentParent(log, cache, factories, first)).revision).toBe(1n);
  });

  it('is never older than it was when it was asked for, whatever else goes on and however long answers take', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(aStep, { minLength: 10, maxLength: 60 }),
        fc.infiniteStream(fc.nat(3)),
        async (steps, delays) => {
          const truth = memoryLog();
          const log = slow(truth, () => delays.next().value ?? 0);
          // The second one has room for next to nothing.
          const caches = [createAggregateCache(megabyte), createAggregateCache(4_000)];
          const answers: Promise<void>[] = [];
          for (const { what, who, whom, pause } of steps) {
            const cache = caches[who];
            const id = ids[whom] as FactoryId;
            if (what === 'change') await change(truth, id);
            if (what === 'change oneself') {
              await change(truth, id);
              cache?.put(factories.stream(id), await load(truth, factories, id));
            }
            if (what === 'read') answers.push(current(log, cache, factories, id).then(() => undefined));
            if (what === 'ask') {
              const before = (await truth.read(factories.stream(id))).at(-1)?.revision ?? -1n;
              const answer = currentParent(log, cache, factories, id);
              answers.push(answer.then(({ last }) => expect(last?.revision ?? -1n).toBeGreaterThanOrEqual(before)));
            }
            for (let turns = 0; turns < pause; turns++) await turn();
          }
          await Promise.all(answers);
        },
      ),
      { numRuns: 300 },
    );
  });
});

const aStep = fc.record({
  what: fc.constantFrom('change', 'change oneself', 'ask', 'ask', 'read'),
  who: fc.constantFrom(0, 1),
  whom: fc.nat(2),
  pause: fc.nat(4),
});

/** Changes a factory, which makes it first if need be. */
async function change(log: EventLog, id: FactoryId): Promise<void> {
  const events = await log.read(factories.stream(id));
  const name = `name ${events.length}`;
  const event = events.length === 0 ? factoryCreated({ id }) : factoryUpdated({ id, name });
  await log.append(factories.stream(id), events.at(-1)?.revision ?? 'no_stream', stamp([event], cause, undefined));
}

const cause: Cause = { commandId: uuidv7(), correlationId: 'c', causationId: 'c', actor: 'a-tester', now };

/** Notes what is read: a stream by its name, or `all`. */
function watched(log: EventLog) {
  const asked: string[] = [];
  const watching: EventLog = {
    ...log,
    read: (stream, ...range) => {
      asked.push(stream);
      return log.read(stream, ...range);
    },
    readAll: (options) => {
      asked.push('all');
      return log.readAll(options);
    },
  };
  return { log: watching, asked };
}

/** Takes its time before it looks, and again before it tells what it has seen. */
function slow(log: EventLog, turns: () => number): EventLog {
  const wait = async () => {
    for (let left = turns(); left > 0; left--) await turn();
  };
  const slowly = async <T>(read: () => Promise<T>): Promise<T> => {
    await wait();
    const seen = await read();
    await wait();
    return seen;
  };
  return {
    ...log,
    read: (...read) => slowly(() => log.read(...read)),
    head: () => slowly(() => log.head()),
    readAll: async function* (options) {
      yield* await slowly(() => all(log.readAll(options)));
    },
  };
}

async function all<T>(items: AsyncIterable<T>): Promise<readonly T[]> {
  const collected: T[] = [];
  for await (const item of items) collected.push(item);
  return collected;
}

// biome-ignore lint/correctness/useYield: it fails before it tells anything
async function* failingRead(): AsyncGenerator<readonly StoredEvent[]> {
  throw new EventLogUnavailable('away');
}
