import { pino } from 'pino';
import { describe, expect, it, vi } from 'vitest';
import { eventually } from '../../test/support/eventually.ts';
import * as examples from '../../test/support/examples.ts';
import { type GivenLog, givenLog } from '../../test/support/given-log.ts';
import { type MemoryStream, memoryStream } from '../../test/support/memory-stream.ts';
import type { StoredEvent } from '../events/event-log.ts';
import type { Message } from './bus.ts';
import { startMirror } from './mirror.ts';
import { rebuildState } from './rebuild-state.ts';

const logger = pino({ level: 'silent' });
const another = { id: examples.anotherGateway, gatewayId: examples.anotherDevice };
const third = { id: examples.aGateway.replace(/1$/, '3') as typeof examples.aGateway };
const keyOf = (id: string, factory: string = examples.aFactory) => `${examples.anOrganization}.${factory}.${id}`;

describe('rebuilding the state', () => {
  it('fills an empty bucket', async () => {
    const { log, bus } = given();
    expect(await rebuilt(log, bus)).toEqual({
      gateways: 2,
      parked: 0,
      corrected: { missing: 0, extra: 0, altered: 0 },
    });
    expect([...valuesIn(bus).keys()].sort()).toEqual([
      keyOf(examples.anotherGateway),
      keyOf(examples.aGateway, examples.anotherFactory),
    ]);
  });

  it('writes nothing when there is no difference', async () => {
    const { log, bus } = given();
    await rebuilt(log, bus);
    const sent = bus.sent.length;
    expect(await rebuilt(log, bus)).toEqual({
      gateways: 2,
      parked: 0,
      corrected: { missing: 0, extra: 0, altered: 0 },
    });
    expect(bus.sent).toHaveLength(sent);
  });

  it('corrects what is missing, extra or altered, and writes nothing else', async () => {
    const { log, bus } = given();
    await rebuilt(log, bus);
    const values = valuesIn(bus);
    const sent = bus.sent.length;
    plant(bus, keyOf(examples.aGateway, examples.anotherFactory), undefined);
    plant(bus, keyOf(examples.aGateway), '{"name":"where it stood"}');
    plant(bus, keyOf(third.id), '{"name":"deleted"}');
    plant(bus, 'no.such.key', 'anything');
    expect(await rebuilt(log, bus)).toEqual({
      gateways: 2,
      parked: 0,
      corrected: { missing: 1, extra: 3, altered: 0 },
    });
    expect(valuesIn(bus)).toEqual(values);
    expect(bus.sent.length - sent).toBe(4);
  });

  it('says of what it writes what the tail says, so that a mirror goes on from there', async () => {
    const { log, bus } = given();
    await rebuilt(log, bus);
    const tail = bus.sent.at(-1)?.message.headers;
    plant(bus, keyOf(examples.aGateway, examples.anotherFactory), 'altered');
    await rebuilt(log, bus);
    const { 'Nats-Msg-Id': _, 'Nats-Expected-Last-Sequence': __, ...origin } = bus.messages.at(-1)?.headers ?? {};
    expect(tail).toMatchObject(origin);
    expect(origin['registry-position']).toBe('600');
  });

  it('looks again when the tail moves before it has written', async () => {
    const { log, bus } = given();
    await rebuilt(log, bus);
    plant(bus, 'no.such.key', 'anything');
    const moved: MemoryStream = { ...bus, stream: () => moved };
    vi.spyOn(moved, 'last').mockImplementationOnce(async (subject) => {
      plant(bus, 'no.other.key', 'later');
      return await bus.last(subject);
    });
    expect(await rebuilt(log, moved)).toMatchObject({ corrected: { missing: 0, extra: 1, altered: 0 } });
    expect([...valuesIn(bus).keys()].filter((key) => key.startsWith('no.'))).toEqual(['no.other.key']);
  });

  it('looks at fewer keys where the tail never rests for as long as many take', async () => {
    const { log, bus } = given();
    await rebuilt(log, bus);
    for (let key = 0; key < 200; key++) plant(bus, `no.such.key-${key}`, 'anything');
    const restless: MemoryStream = { ...bus, stream: () => restless };
    let looks = 0;
    vi.spyOn(restless, 'last').mockImplementation(async (subject) => {
      looks += 1;
      if (looks > 5_000) expect.fail('it would go on for ever');
      if (looks % 20 === 0) plant(bus, 'no.other.key', `${looks}`);
      return await bus.last(subject);
    });
    expect(await rebuilt(log, restless)).toMatchObject({ corrected: { missing: 0, extra: 200, altered: 0 } });
    expect([...valuesIn(bus).keys()].filter((key) => key.startsWith('no.'))).toEqual(['no.other.key']);
  });

  it('leaves to a mirror the second half of a move between whose halves it writes', async () => {
    const [created, moved] = examples.storedInOrder(examples.gatewayCreated(), examples.gatewayMoved());
    const whole = memoryStream({ keeps: 'bucket' });
    const log = givenLog(created as StoredEvent, moved as StoredEvent);
    await rebuilt(log, whole);
    const half = whole.sent[1]?.message as Message;
    const bus = memoryStream({ keeps: 'bucket' });
    await rebuilt(givenLog(created as StoredEvent), bus);
    plant(bus, 'no.such.key', 'anything');
    const growing = givenLog(created as StoredEvent);
    let readings = 0;
    const interrupted: GivenLog = {
      ...growing,
      async *readAll(options) {
        yield* growing.readAll(options);
        readings += 1;
        if (readings === 1) return;
        // It has read all that it compares.
        growing.add(moved as StoredEvent);
        bus.store(half);
      },
    };
    expect(await rebuilt(interrupted, bus)).toMatchObject({ corrected: { missing: 0, extra: 1, altered: 0 } });
    expect(bus.messages.at(-1)?.headers['registry-step']).toBe('1/2');
    await rebuilt(log, bus);
    expect(valuesIn(bus)).toEqual(valuesIn(whole));
  });

  it('clears a bucket of which the log knows nothing', async () => {
    const bus = memoryStream({ keeps: 'bucket' });
    plant(bus, 'no.such.key', 'anything');
    expect(await rebuilt(givenLog(), bus)).toMatchObject({ corrected: { missing: 0, extra: 1, altered: 0 } });
    expect(valuesIn(bus).size).toBe(0);
  });

  it('corrects each key once when it runs twice at a time', async () => {
    const { log, bus } = given();
    await rebuilt(log, bus);
    const values = valuesIn(bus);
    plant(bus, keyOf(examples.aGateway, examples.anotherFactory), undefined);
    for (let key = 0; key < 100; key++) plant(bus, `no.such.key-${key}`, 'anything');
    const both = await Promise.all([rebuilt(log, bus), rebuilt(log, bus)]);
    const corrected = both.map(({ corrected: { missing, extra, altered } }) => missing + extra + altered);
    expect(corrected.reduce((sum, each) => sum + each)).toBe(101);
    expect(valuesIn(bus)).toEqual(values);
  });

  it('ends although a mirror is always ahead of it, and has something to write all the time', async () => {
    const updates = Array.from({ length: 1_000 }, (_, index) => examples.gatewayUpdated({ name: `Hall ${index}` }));
    const [created, ...others] = examples.storedInOrder(examples.gatewayCreated(), ...updates);
    const log = givenLog(created as StoredEvent);
    const bus = memoryStream({ keeps: 'bucket' });
    const mirror = startMirror({ log, bus, logger });
    await eventually(() => expect(bus.sent).toHaveLength(1));
    const load = setInterval(() => log.add(...others.splice(0, 1)), 20);
    // What it looks at first has changed when it writes.
    const late: MemoryStream = { ...bus, stream: () => late };
    vi.spyOn(late, 'bounds').mockResolvedValueOnce({ first: 1, last: 0 });
    try {
      expect(await rebuilt(log, late)).toEqual({
        gateways: 1,
        parked: 0,
        corrected: { missing: 0, extra: 0, altered: 0 },
      });
      expect(others.length).toBeGreaterThan(0);
    } finally {
      clearInterval(load);
      await mirror.stop();
    }
  });

  it('stops when it is told to', async () => {
    const { log, bus } = given();
    const options = { log, bus, logger, onProgress: () => undefined, signal: AbortSignal.abort() };
    await expect(rebuildState(options)).rejects.toThrow('aborted');
    expect(bus.sent).toEqual([]);
  });
});

/** A gateway that has moved, one that stands where it was created, and one that is deleted; in this order in the bucket. */
function given(): { readonly log: GivenLog; readonly bus: MemoryStream } {
  const events = examples.storedInOrder(
    examples.gatewayCreated(),
    examples.gatewayCreated(third),
    examples.gatewayMoved(),
    examples.gatewaySoftDeleted(third),
    examples.gatewayCreated(another),
    examples.gatewayUpdated({ id: another.id, name: 'Hall 3' }),
  );
  return { log: givenLog(...events), bus: memoryStream({ keeps: 'bucket' }) };
}

function rebuilt(log: GivenLog, bus: MemoryStream) {
  return rebuildState({ log, bus, logger, onProgress: () => undefined, signal: new AbortController().signal });
}

function plant(bus: MemoryStream, key: string, value: string | undefined): void {
  const headers = value === undefined ? { 'KV-Operation': 'DEL' } : {};
  bus.store({ subject: `$KV.gateways.${key}`, headers, body: value ?? '' });
}

function valuesIn(bus: MemoryStream): ReadonlyMap<string, string> {
  const present = bus.messages.filter((message) => message !== undefined);
  return new Map(
    present
      .filter(({ headers }) => headers['KV-Operation'] === undefined)
      .map(({ subject, body }) => [subject.replace('$KV.gateways.', ''), body]),
  );
}
