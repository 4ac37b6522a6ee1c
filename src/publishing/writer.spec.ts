import { pino } from 'pino';
import { describe, expect, it, vi } from 'vitest';
import { eventually } from '../../test/support/eventually.ts';
import * as examples from '../../test/support/examples.ts';
import { type GivenLog, givenLog } from '../../test/support/given-log.ts';
import { type MemoryStream, memoryStream } from '../../test/support/memory-stream.ts';
import { decode } from '../events/codec.ts';
import type { StoredEvent } from '../events/event-log.ts';
import { toMessage } from './message.ts';
import { type Publisher, startPublisher } from './publisher.ts';

describe('a writer to whose stream nothing is written', () => {
  it('fills it again when it was deleted and created anew', async () => {
    const { log, bus, publisher } = await caughtUp();
    bus.messages.splice(1);
    await eventually(() => expect(idsIn(bus)).toEqual(log.events.map(({ id }) => id)));
    await publisher.stop();
  });

  it('fills it again when it was emptied', async () => {
    const { log, bus, publisher } = await caughtUp();
    bus.messages.fill(undefined);
    await eventually(() => expect(idsIn(bus)).toEqual(log.events.map(({ id }) => id)));
    expect(bus.messages).toHaveLength(1 + 2 * log.events.length);
    await publisher.stop();
  });

  it('fails when it is gone, and when NATS does not answer, until it is there', async () => {
    const { bus, publisher } = await caughtUp();
    const bounds = vi.spyOn(bus, 'bounds').mockRejectedValue(new Error('stream not found'));
    await eventually(() => expect(publisher.health()).toMatchObject({ error: 'stream not found' }));
    bounds.mockRestore();
    await eventually(() => expect(publisher.health().status).toBe('running'));
    await publisher.stop();
  });

  it('goes on while the stream is as it left it, be it without any message', async () => {
    for (const bus of [memoryStream(), withoutMessages(memoryStream(), 7)]) {
      const log = givenLog();
      const publisher = publishing(log, bus);
      await eventually(() => expect(publisher.health().status).toBe('running'));
      const bounds = vi.spyOn(bus, 'bounds');
      await eventually(() => expect(bounds.mock.calls.length).toBeGreaterThan(3));
      expect(log.readAfter).toEqual(['start']);
      await publisher.stop();
    }
  });
});

describe('a look at the stream', () => {
  it('tells nothing when something is sent while it lasts', async () => {
    const { log, bus, publisher } = await caughtUp();
    const asked = Promise.withResolvers<void>();
    const answer = Promise.withResolvers<Awaited<ReturnType<MemoryStream['bounds']>>>();
    const bounds = vi.spyOn(bus, 'bounds').mockImplementationOnce(() => {
      asked.resolve();
      return answer.promise;
    });
    await asked.promise;
    log.add(examples.stored(examples.factoryCreated(), { revision: 0n, position: 900n }));
    await eventually(() => expect(idsIn(bus)).toHaveLength(4));
    answer.resolve({ first: 1, last: 4 });
    await eventually(() => expect(bounds.mock.calls.length).toBeGreaterThan(2));
    expect(log.readAfter).toEqual(['start']);
    await publisher.stop();
  });
});

describe('a writer that another one outruns', () => {
  it('is well as a standby, however long that one goes on without a pause', async () => {
    const log = givenLog(...updates(1_000));
    const bus = memoryStream({ answers: false });
    const publisher = publishing(log, bus);
    await eventually(() => expect(bus.sent.length).toBeGreaterThan(0));
    const others = log.events.map(messageAbout).values();
    const writeAnother = () => bus.store(others.next().value ?? expect.fail('it takes too long'));
    writeAnother();
    bus.reply(1, { kind: 'fenced', reason: 'wrong last sequence: 1' });
    await eventually(() => {
      writeAnother();
      expect(publisher.health().status).toBe('running');
    });
    await publisher.stop();
  });
});

describe('a writer whose message NATS refuses though nobody else has written', () => {
  it.each([
    ['is failing', { kind: 'fenced', reason: 'wrong last sequence: 9' }, 'wrong last sequence: 9'],
    ['says what it waits for', { kind: 'duplicate', sequence: 7 }, 'remembers ids for two minutes'],
  ] as const)('%s', async (_, reply, why) => {
    const bus = memoryStream({ answers: false });
    const publisher = publishing(givenLog(...updates(1)), bus);
    await eventually(() => expect(bus.sent).toHaveLength(1));
    bus.reply(1, reply);
    await eventually(() =>
      expect(publisher.health()).toMatchObject({ status: 'failing', error: expect.stringContaining(why) }),
    );
    await publisher.stop();
  });
});

function updates(count: number): readonly StoredEvent[] {
  return examples.storedInOrder(
    ...Array.from({ length: count }, (_, index) => examples.organizationUpdated({ name: `Acme ${index}` })),
  );
}

function publishing(log: GivenLog, bus: MemoryStream): Publisher {
  const timing = { quiet: 10, look: 10, backoff: { first: 5, longest: 20 } };
  return startPublisher({ log, bus, logger: pino({ level: 'silent' }), timing });
}

/** A publisher that has said all that there is. */
async function caughtUp() {
  const log = givenLog(...updates(3));
  const bus = memoryStream();
  const publisher = publishing(log, bus);
  await eventually(() => expect(publisher.health().status).toBe('running'));
  await eventually(() => expect(idsIn(bus)).toHaveLength(3));
  return { log, bus, publisher };
}

/** As it is when so many were purged. */
function withoutMessages(bus: MemoryStream, count: number): MemoryStream {
  bus.messages.push(...Array.from({ length: count }, () => undefined));
  return bus;
}

function idsIn(bus: MemoryStream): readonly unknown[] {
  return bus.messages.flatMap((message) => message?.headers['ce-id'] ?? []);
}

function messageAbout(event: StoredEvent) {
  const decoded = decode(event);
  return (decoded && toMessage(decoded)) ?? expect.fail(`${event.type} is published`);
}
