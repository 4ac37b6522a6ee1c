import { pino } from 'pino';
import { describe, expect, it, vi } from 'vitest';
import { eventually } from '../../test/support/eventually.ts';
import * as examples from '../../test/support/examples.ts';
import { type GivenLog, givenLog } from '../../test/support/given-log.ts';
import { type MemoryStream, memoryStream } from '../../test/support/memory-stream.ts';
import type { RegistryEvent } from '../events/catalogue.ts';
import { BusUnavailable } from './bus.ts';
import { startPublisher } from './publisher.ts';

// A type that only a later version of the service knows.
const unknown = { ...examples.gatewayUpdated(), type: 'GatewayPainted' } as unknown as RegistryEvent;

describe('the publisher', () => {
  it('leaves out what it does not know, counts it, and says so once', async () => {
    const lines: string[] = [];
    const logger = pino({ level: 'warn' }, { write: (line: string) => void lines.push(line) });
    const log = givenLog(...examples.storedInOrder(unknown, examples.gatewayCreated(), unknown, unknown));
    const bus = memoryStream();
    const publisher = startPublisher({ log, bus, logger });
    await eventually(() => expect(publisher.skipped()).toEqual(new Map([['GatewayPainted', 3]])));
    await publisher.stop();
    expect(bus.messages.slice(1).map((message) => message?.headers['ce-type'])).toEqual(['mti.evt.v1.gateway-created']);
    expect(lines.map((line) => JSON.parse(line).msg)).toEqual(['events of type GatewayPainted are not published']);
  });

  it('parks an event that it cannot read, says so in its place, and goes on', async () => {
    const [first, second, third] = examples.storedInOrder(
      examples.organizationCreated(),
      examples.organizationUpdated(),
      examples.organizationSoftDeleted(),
    );
    if (first === undefined || second === undefined || third === undefined) throw new Error('three were asked for');
    const bus = memoryStream();
    const log = givenLog(first, { ...second, data: { id: 7 } }, third);
    const publisher = startPublisher({ log, bus, logger: pino({ level: 'silent' }) });
    await eventually(() => expect(publisher.health()).toMatchObject({ status: 'degraded' }));
    await publisher.stop();
    expect(bus.messages.slice(1).map((message) => message?.headers['ce-type'])).toEqual([
      'mti.evt.v1.organization-created',
      'mti.evt.v1.event-parked',
      'mti.evt.v1.organization-soft-deleted',
    ]);
    expect(bus.messages[2]).toEqual({
      subject: `mti.evt.v1.${examples.anOrganization}._.organization.${examples.anOrganization}.event-parked`,
      headers: expect.objectContaining({
        'Nats-Msg-Id': second.id,
        'registry-position': String(second.position.commit),
        'registry-stream': `organization-${examples.anOrganization}`,
        'registry-revision': '1',
      }),
      body: JSON.stringify({ id: examples.anOrganization, type: 'organization-updated', reason: 'unreadable' }),
    });
  });

  it('tells of an event that it parks when that was and what began it, unless there is none of that or too much', async () => {
    const traceparent = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';
    const events = examples.storedInOrder(
      examples.organizationCreated(),
      examples.organizationUpdated(),
      examples.organizationSoftDeleted(),
    );
    const [whole = {}, ...others] = events.map(({ metadata }) => metadata as object);
    const kinds = [
      { ...whole, traceparent },
      { ...others[0], traceparent: traceparent.repeat(10_000) },
      { ...others[1], occurredAt: `2026-01-02T03:04:05.${'0'.repeat(10_000)}Z`, traceparent: 7 },
    ];
    const log = givenLog(
      ...events.map((event, index) => ({ ...event, data: { id: 7 }, metadata: kinds[index] ?? null })),
    );
    const bus = memoryStream();
    await publishes(log, bus, 'degraded', 3);
    expect(bus.messages.slice(1).map((message) => [message?.headers['ce-time'], message?.headers.traceparent])).toEqual(
      [
        [examples.now, traceparent],
        ['2026-01-02T03:04:06.678Z', undefined],
        [undefined, undefined],
      ],
    );
  });

  it('says in each message behind a parked event that there is one, and looks for it only then when it starts again', async () => {
    const log = givenLog(...withUnreadable);
    const bus = memoryStream();
    const last = vi.spyOn(bus, 'last');
    await publishes(log, bus, 'degraded', 3);
    expect(bus.messages.slice(1).map((message) => message?.headers['registry-degraded'])).toEqual([
      undefined,
      'true',
      'true',
    ]);
    expect(last).not.toHaveBeenCalled();
    await publishes(log, bus, 'degraded', 3);
    // Somebody removes the message that stands for the event.
    bus.messages[2] = undefined;
    log.add(examples.stored(examples.factoryCreated(), { revision: 0n, position: 900n }));
    await publishes(log, bus, 'running', 4);
    expect(bus.messages.at(-1)?.headers).not.toHaveProperty('registry-degraded');
    last.mockClear();
    await publishes(log, bus, 'running', 4);
    expect(last).not.toHaveBeenCalled();
  });

  it('goes on where NATS takes too long to look for what is parked', async () => {
    const log = givenLog(...withUnreadable);
    const bus = memoryStream();
    await publishes(log, bus, 'degraded', 3);
    vi.spyOn(bus, 'last').mockRejectedValue(new BusUnavailable('NATS does not answer (TIMEOUT)'));
    log.add(examples.stored(examples.factoryCreated(), { revision: 0n, position: 900n }));
    await publishes(log, bus, 'degraded', 4);
  });

  it('goes no further than an event that a later version has written', async () => {
    const [first, second] = examples.storedInOrder(examples.organizationCreated(), examples.organizationUpdated());
    if (first === undefined || second === undefined) throw new Error('two were asked for');
    const bus = memoryStream();
    const log = givenLog(first, { ...second, metadata: { ...(second.metadata as object), schemaVersion: 99 } });
    const publisher = startPublisher({ log, bus, logger: pino({ level: 'silent' }) });
    await eventually(() => expect(publisher.health()).toMatchObject({ status: 'failing' }));
    expect(publisher.health().error).toContain('OrganizationUpdated at revision 1');
    await publisher.stop();
    expect(bus.messages.slice(1)).toHaveLength(1);
  });

  it('stops at once while it waits for events', async () => {
    const publisher = startPublisher({ log: givenLog(), bus: memoryStream(), logger: pino({ level: 'silent' }) });
    await eventually(() => expect(publisher.health().status).toBe('running'));
    await publisher.stop();
    expect(publisher.health().status).toBe('stopped');
  });
});

/** The second of three events is not what its type promises. */
const withUnreadable = examples
  .storedInOrder(examples.organizationCreated(), examples.organizationUpdated(), examples.organizationSoftDeleted())
  .map((event, index) => (index === 1 ? { ...event, data: { id: 7 } } : event));

/** Publishes for as long as it takes to be so well, and to have written so many messages. */
async function publishes(log: GivenLog, bus: MemoryStream, status: string, messages: number): Promise<void> {
  const publisher = startPublisher({ log, bus, logger: pino({ level: 'silent' }) });
  await eventually(() => expect([publisher.health().status, bus.messages.length - 1]).toEqual([status, messages]));
  await publisher.stop();
}
