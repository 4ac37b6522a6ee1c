import { pino } from 'pino';
import { describe, expect, it } from 'vitest';
import { eventually } from '../../test/support/eventually.ts';
import * as examples from '../../test/support/examples.ts';
import { givenLog } from '../../test/support/given-log.ts';
import { type MemoryStream, memoryStream } from '../../test/support/memory-stream.ts';
import type { RegistryEvent } from '../events/catalogue.ts';
import type { EventLog, StoredEvent } from '../events/event-log.ts';
import type { StoredMessage } from './bus.ts';
import { createMirrorWriter, startMirror } from './mirror.ts';
import { readChange, readContents, readMarks } from './mirror-message.ts';
import { rebuildState } from './rebuild-state.ts';

const logger = pino({ level: 'silent' });
const key = `${examples.anOrganization}.${examples.aFactory}.${examples.aGateway}`;
const keyElsewhere = `${examples.anOrganization}.${examples.anotherFactory}.${examples.aGateway}`;
const keyOfAnother = `${examples.anOrganization}.${examples.aFactory}.${examples.anotherGateway}`;
const another = { id: examples.anotherGateway, gatewayId: examples.anotherDevice };
const large = examples.gatewayUpdated({ metadata: { long: 'x'.repeat(5_000) } });
const small = examples.gatewayUpdated({ metadata: {} });
const mostBytes = 4_096;

describe('a gateway that NATS cannot take for its size', () => {
  it('is purged, with a mark that says why and how new that is, and the others go on', async () => {
    const { bus } = await mirrored(stored(examples.gatewayCreated(), large, examples.gatewayCreated(another)));
    expect(bus.messages.findLast((message) => message?.subject.endsWith(key))).toMatchObject({
      headers: { 'KV-Operation': 'PURGE', 'registry-parked': 'too-large', 'registry-degraded': 'true' },
    });
    expect(await parkedIn(bus)).toEqual([
      [key, { id: examples.aGateway, reason: 'too-large', revision: 1, position: '200' }],
    ]);
    expect(await shownIn(bus)).toEqual([keyOfAnother]);
  });

  it('is shown again after an event that makes it smaller', async () => {
    const { bus } = await mirrored(stored(examples.gatewayCreated(), large, small));
    expect(await parkedIn(bus)).toEqual([]);
    expect(await shownIn(bus)).toEqual([key]);
    expect(bus.messages.at(-1)?.headers).not.toHaveProperty('registry-degraded');
  });

  it('has its mark under the new key when it moves, and none when it is deleted', async () => {
    const events = stored(examples.gatewayCreated(), large, examples.gatewayMoved());
    expect((await parkedIn((await mirrored(events)).bus)).map(([of]) => of)).toEqual([keyElsewhere]);
    const deleted = examples.gatewaySoftDeleted({ factoryId: examples.anotherFactory });
    const { bus } = await mirrored(stored(examples.gatewayCreated(), large, examples.gatewayMoved(), deleted));
    expect([await parkedIn(bus), await shownIn(bus)]).toEqual([[], []]);
  });

  it('is shown when NATS takes larger messages and the mirror starts again', async () => {
    const { log, bus } = await mirrored(stored(examples.gatewayCreated(), large, examples.gatewayCreated(another)));
    const roomy = continued(bus);
    await catchUp(log, roomy);
    expect((await shownIn(roomy)).sort()).toEqual([keyOfAnother, key].sort());
    expect(roomy.sent).toHaveLength(1);
    expect(roomy.messages.at(-1)?.headers).not.toHaveProperty('registry-degraded');
  });
});

describe('a gateway with an event that cannot be read', () => {
  it('is purged, with a mark, and stays so with what comes later, because nobody knows what that event has changed', async () => {
    const events = stored(examples.gatewayCreated(), examples.gatewayUpdated(), examples.gatewayPasswordChanged());
    const { bus } = await mirrored(spoiled(events, 1));
    expect(await shownIn(bus)).toEqual([]);
    expect(await parkedIn(bus)).toEqual([[key, expect.objectContaining({ reason: 'unreadable', revision: 2 })]]);
  });

  it('is marked where the event says that it stands now, and purged where it stood', async () => {
    const { bus } = await mirrored(spoiled(stored(examples.gatewayCreated(), examples.gatewayMoved()), 1));
    expect((await parkedIn(bus)).map(([of]) => of)).toEqual([keyElsewhere]);
    expect(readChange(lastUnder(bus, key)).content).toBeUndefined();
  });

  it('is marked though its first event does not even tell whose it is, until one does', async () => {
    const [created, moved] = stored(examples.gatewayCreated(), examples.gatewayMoved()) as [StoredEvent, StoredEvent];
    const nothing = { ...created, data: 'nothing' };
    expect((await parkedIn((await mirrored([nothing])).bus)).map(([of]) => of)).toEqual([`_._.${examples.aGateway}`]);
    expect((await parkedIn((await mirrored([nothing, moved])).bus)).map(([of]) => of)).toEqual([keyElsewhere]);
  });

  it('is neither shown nor marked once it is deleted, and marked when it is restored', async () => {
    const events = stored(
      examples.gatewayCreated(),
      examples.gatewayUpdated(),
      examples.gatewaySoftDeleted(),
      examples.gatewayRestored(),
    );
    const deleted = (await mirrored(spoiled(events.slice(0, 3), 1))).bus;
    expect([await parkedIn(deleted), await shownIn(deleted)]).toEqual([[], []]);
    expect(await parkedIn((await mirrored(spoiled(events, 1))).bus)).toHaveLength(1);
  });

  it('is shown by a version that can read it, when that starts', async () => {
    const events = stored(examples.gatewayCreated(), examples.gatewayUpdated(), examples.gatewayCreated(another));
    const { bus } = await mirrored(spoiled(events, 1));
    await catchUp(givenLog(...events), bus);
    expect((await shownIn(bus)).sort()).toEqual([keyOfAnother, key].sort());
    expect(bus.sent).toHaveLength(4);
  });
});

describe('a mirror that cannot show a gateway', () => {
  it('comes to the same, wherever it was killed', async () => {
    const events = spoiled(
      stored(
        examples.gatewayCreated(),
        examples.gatewayCreated(another),
        large,
        examples.gatewayMoved(),
        examples.gatewayUpdated({ ...another, name: 'Hall 3' }),
        examples.gatewayMoved({ id: another.id }),
        small,
        examples.gatewaySoftDeleted({ id: another.id, factoryId: examples.anotherFactory }),
        examples.gatewayUpdated({ factoryId: examples.anotherFactory, metadata: { long: 'y'.repeat(5_000) } }),
      ),
      4,
    );
    const whole = await mirrored(events);
    for (let sent = 0; sent <= whole.bus.sent.length; sent += 1) {
      const bus = memoryStream({ keeps: 'bucket', mostBytes });
      for (const { message } of whole.bus.sent.slice(0, sent)) bus.store(message);
      await catchUp(whole.log, bus);
      expect(await contentsOf(bus), `after ${sent} messages`).toEqual(await contentsOf(whole.bus));
      expect(bus.sent, `after ${sent} messages`).toHaveLength(whole.bus.sent.length - sent);
    }
  });

  it('keeps of the bucket the marks alone, of what is there now', async () => {
    const events = stored(examples.gatewayCreated(), large, examples.gatewayCreated(another), examples.gatewayMoved());
    const { bus } = await mirrored(events);
    expect(await readMarks(bus.contents())).toEqual(new Map([[keyElsewhere, expect.anything()]]));
    const { bus: mended } = await mirrored(stored(examples.gatewayCreated(), large, small));
    expect(await readMarks(mended.contents())).toEqual(new Map());
  });

  it('is degraded and names its key, also when it starts again behind it, until the gateway can be shown', async () => {
    const events = stored(examples.gatewayCreated(), large, examples.gatewayCreated(another), small);
    const log = givenLog(...events.slice(0, 3));
    const bus = memoryStream({ keeps: 'bucket', mostBytes });
    const degraded = { name: 'mirror', status: 'degraded', parked: 1, parkedKeys: [key] };
    const first = startMirror({ log, bus, logger });
    await eventually(() => expect(first.health()).toEqual(degraded));
    await eventually(() => expect(bus.sent).toHaveLength(3));
    await first.stop();
    const again = startMirror({ log, bus, logger });
    await eventually(() => expect(again.health()).toEqual(degraded));
    log.add(...events.slice(3));
    await eventually(() => expect(again.health()).toEqual({ name: 'mirror', status: 'running' }));
    await again.stop();
  });

  it('has nothing to correct', async () => {
    const { log, bus } = await mirrored(stored(examples.gatewayCreated(), large, examples.gatewayCreated(another)));
    const sent = bus.sent.length;
    expect(await rebuilt(log, bus)).toEqual({
      gateways: 2,
      parked: 1,
      corrected: { missing: 0, extra: 0, altered: 0 },
    });
    expect(bus.sent).toHaveLength(sent);
  });

  it('knows its keys also behind what rebuilding the state has written elsewhere', async () => {
    const { log, bus } = await mirrored(stored(examples.gatewayCreated(), large, examples.gatewayCreated(another)));
    bus.store({ subject: '$KV.gateways.no.such.key', headers: {}, body: 'anything' });
    expect(await rebuilt(log, bus)).toMatchObject({ corrected: { extra: 1 } });
    const mirror = startMirror({ log, bus, logger });
    await eventually(() => expect(mirror.health()).toMatchObject({ status: 'degraded', parkedKeys: [key] }));
    await mirror.stop();
  });

  it('finds the mark that rebuilding the state has put where a value was, since NATS takes less', async () => {
    const log = givenLog(...stored(examples.gatewayCreated(), large, examples.gatewayCreated(another)));
    const roomy = memoryStream({ keeps: 'bucket' });
    await catchUp(log, roomy);
    const bus = continued(roomy, mostBytes);
    expect(await rebuilt(log, bus)).toMatchObject({ parked: 1, corrected: { altered: 1 } });
    expect(await parkedIn(bus)).toHaveLength(1);
    const mirror = startMirror({ log, bus, logger });
    await eventually(() => expect(mirror.health()).toMatchObject({ status: 'degraded', parkedKeys: [key] }));
    await mirror.stop();
  });
});

function stored(...events: readonly RegistryEvent[]): readonly StoredEvent[] {
  return examples.storedInOrder(...events);
}

/** With an event that does not hold what its type promises. */
function spoiled(events: readonly StoredEvent[], at: number): readonly StoredEvent[] {
  return events.map((event, index) =>
    index === at ? { ...event, data: { ...(event.data as object), id: 7 } } : event,
  );
}

async function mirrored(events: readonly StoredEvent[]) {
  const log = givenLog(...events);
  const bus = memoryStream({ keeps: 'bucket', mostBytes });
  await catchUp(log, bus);
  return { log, bus };
}

/** The same bucket on a server that takes messages of another size. */
function continued(bus: MemoryStream, size = 1024 * 1024): MemoryStream {
  const other = memoryStream({ keeps: 'bucket', mostBytes: size });
  other.messages.push(...bus.messages.slice(1));
  return other;
}

async function catchUp(log: EventLog, bus: MemoryStream): Promise<void> {
  const done = new AbortController();
  const writer = createMirrorWriter({ log, bus, logger });
  const writing = writer.write(done.signal, { alive: () => undefined, caughtUp: () => done.abort() });
  await expect(writing).rejects.toThrow('told to stop');
}

function rebuilt(log: EventLog, bus: MemoryStream) {
  return rebuildState({ log, bus, logger, onProgress: () => undefined, signal: new AbortController().signal });
}

async function contentsOf(bus: MemoryStream) {
  return new Map([...(await readContents(bus.contents()))].sort());
}

async function parkedIn(bus: MemoryStream): Promise<readonly (readonly [string, unknown])[]> {
  const parked = [...(await contentsOf(bus))].filter(([, { kind }]) => kind !== 'shown');
  return parked.map(([of, { text }]) => [of, JSON.parse(text)]);
}

async function shownIn(bus: MemoryStream): Promise<string[]> {
  return [...(await contentsOf(bus))].filter(([, { kind }]) => kind === 'shown').map(([of]) => of);
}

function lastUnder(bus: MemoryStream, of: string): StoredMessage {
  const sequence = bus.messages.findLastIndex((message) => message?.subject.endsWith(of));
  const message = bus.messages[sequence];
  if (message === undefined) throw new Error(`nothing was ever under ${of}`);
  return { ...message, sequence };
}
