import { pino } from 'pino';
import { describe, expect, it } from 'vitest';
import { eventually } from '../../test/support/eventually.ts';
import * as examples from '../../test/support/examples.ts';
import { type GivenLog, givenLog } from '../../test/support/given-log.ts';
import { type MemoryStream, memoryStream } from '../../test/support/memory-stream.ts';
import type { RegistryEvent } from '../events/catalogue.ts';
import { type StoredEvent, StreamTombstoned } from '../events/event-log.ts';
import type { Message } from './bus.ts';
import { createMirrorWriter, startMirror } from './mirror.ts';

const logger = pino({ level: 'silent' });
const key = `${examples.anOrganization}.${examples.aFactory}.${examples.aGateway}`;
const keyElsewhere = `${examples.anOrganization}.${examples.anotherFactory}.${examples.aGateway}`;

describe('the mirror', () => {
  it('shows all that the world may see of a gateway, and how new it is', async () => {
    const { values } = await mirrored(examples.gatewayCreated());
    expect(values).toEqual(
      new Map([
        [
          key,
          {
            id: examples.aGateway,
            factory_id: examples.aFactory,
            organization_id: examples.anOrganization,
            gateway_id: 'GW-0001',
            name: 'Hall 1, north',
            url: 'wss://10.0.0.1:8443/ws',
            email: 'gateway-0001@acme.example',
            model: 'SG-200',
            firmware_version: '1.4.2',
            metadata: { rack: 7 },
            created_at: examples.now,
            updated_at: examples.now,
            revision: 0,
            position: '100',
            credential_version: 0,
          },
        ],
      ]),
    );
  });

  it('folds what has changed into what was there', async () => {
    const { values } = await mirrored(
      examples.gatewayCreated(),
      examples.gatewayUpdated({ name: 'Hall 2' }),
      examples.gatewayPasswordChanged(),
      examples.gatewayUpdated({ model: null }),
    );
    expect(values.get(key)).toMatchObject({
      name: 'Hall 2',
      model: null,
      email: 'gateway-0001@acme.example',
      revision: 3,
      position: '400',
      credential_version: 2,
      updated_at: '2026-01-02T03:04:08.678Z',
    });
  });

  it('puts a gateway that moves under its new key before it purges the old one', async () => {
    const { bus, values } = await mirrored(examples.gatewayCreated(), examples.gatewayMoved());
    expect([...values.keys()]).toEqual([keyElsewhere]);
    expect(bus.sent.map(({ message }) => toldBy(message))).toEqual([
      { key, step: '1/1', operation: undefined },
      { key: keyElsewhere, step: '1/2', operation: undefined },
      { key, step: '2/2', operation: 'PURGE' },
    ]);
  });

  it('purges a gateway that is deleted, and puts it back as it was when it is restored', async () => {
    const deleted = [examples.gatewayCreated(), examples.gatewayMoved(), examples.gatewaySoftDeleted()];
    expect((await mirrored(...deleted)).values).toEqual(new Map());
    const { values } = await mirrored(...deleted, examples.gatewayRestored({ factoryId: examples.anotherFactory }));
    expect(values.get(keyElsewhere)).toMatchObject({ name: 'Hall 1, north', revision: 3, credential_version: 0 });
    expect(values.size).toBe(1);
  });

  it('tells the new revision of a gateway of which nobody sees a change, and nothing of one that is deleted', async () => {
    const unseen = [
      examples.gatewayPasswordReencrypted(),
      examples.gatewayIdReservationAbandoned(),
      examples.gatewayRestorationRefused(),
    ];
    const active = await mirrored(examples.gatewayCreated(), ...unseen);
    expect(active.values.get(key)).toMatchObject({ revision: 3, credential_version: 0, updated_at: examples.now });
    const deleted = await mirrored(examples.gatewayCreated(), examples.gatewaySoftDeleted(), ...unseen);
    expect(deleted.bus.sent).toHaveLength(2);
  });

  it('shows no gateway that was never created', async () => {
    expect((await mirrored(examples.gatewayIdReservationAbandoned())).bus.sent).toEqual([]);
  });

  it('puts no password on the bus, encrypted or not', async () => {
    const { bus } = await mirrored(...aLife);
    for (const secret of ['password', examples.aPasswordEncrypted, examples.anotherPasswordEncrypted]) {
      expect(JSON.stringify(bus.sent).replaceAll('gateway-password', '')).not.toContain(secret);
    }
  });

  it('comes to the same, wherever it was killed', async () => {
    const whole = await mirrored(...aLife);
    for (let sent = 0; sent <= whole.bus.sent.length; sent += 1) {
      const bus = memoryStream({ keeps: 'bucket' });
      for (const { message } of whole.bus.sent.slice(0, sent)) bus.store(message);
      await catchUp(whole.log, bus);
      expect(valuesIn(bus), `after ${sent} messages`).toEqual(whole.values);
      expect(bus.sent, `after ${sent} messages`).toHaveLength(whole.bus.sent.length - sent);
    }
  });

  it('comes to the same with a memory for hardly anything', async () => {
    const { log, values } = await mirrored(...aLife);
    const bus = memoryStream({ keeps: 'bucket' });
    await catchUp(log, bus, 2_000);
    expect(valuesIn(bus)).toEqual(values);
  });

  it('goes back to what it wrote before when a stranger overwrites its tail', async () => {
    const { log, bus, values } = await mirrored(examples.gatewayCreated(), examples.gatewayUpdated());
    bus.store({ subject: `$KV.gateways.${key}`, headers: {}, body: '{}' });
    await catchUp(log, bus);
    expect(valuesIn(bus)).toEqual(values);
  });

  it('is not stopped by a gateway whose stream was deleted for good', async () => {
    const [moved, created] = examples.storedInOrder(examples.gatewayMoved(), examples.gatewayCreated(another));
    const tombstone = { ...(moved as StoredEvent), type: '$streamDeleted', revision: 2n ** 63n - 1n };
    const given = givenLog(tombstone, created as StoredEvent);
    const read: GivenLog['read'] = async (stream, ...range) => {
      if (stream === tombstone.stream) throw new StreamTombstoned('it has been deleted for good');
      return await given.read(stream, ...range);
    };
    const bus = memoryStream({ keeps: 'bucket' });
    await catchUp({ ...given, read }, bus);
    expect([...valuesIn(bus).values()]).toEqual([expect.objectContaining({ id: examples.anotherGateway })]);
  });

  it('goes no further than an event that a later version has written', async () => {
    const [created, updated] = examples.storedInOrder(examples.gatewayCreated(), examples.gatewayUpdated());
    const later = { ...(updated?.metadata as object), schemaVersion: 9 };
    const bus = memoryStream({ keeps: 'bucket' });
    const log = givenLog(created as StoredEvent, { ...(updated as StoredEvent), metadata: later });
    const mirror = startMirror({ log, bus, logger });
    await eventually(() => expect(mirror.health()).toMatchObject({ name: 'mirror', status: 'failing' }));
    expect(mirror.health().error).toContain('GatewayUpdated at revision 1');
    await mirror.stop();
    expect(bus.sent).toHaveLength(1);
  });

  it('follows what happens, until it is told to stop', async () => {
    const [created, updated] = examples.storedInOrder(examples.gatewayCreated(), examples.gatewayUpdated());
    const log = givenLog(created as StoredEvent);
    const bus = memoryStream({ keeps: 'bucket' });
    const mirror = startMirror({ log, bus, logger });
    await eventually(() => expect(valuesIn(bus).get(key)).toMatchObject({ revision: 0 }));
    log.add(updated as StoredEvent);
    await eventually(() => expect(valuesIn(bus).get(key)).toMatchObject({ revision: 1 }));
    expect(mirror.health()).toEqual({ name: 'mirror', status: 'running' });
    await mirror.stop();
    expect(mirror.health().status).toBe('stopped');
  });
});

const another = { id: examples.anotherGateway, gatewayId: examples.anotherDevice };
const aLife: readonly RegistryEvent[] = [
  examples.gatewayIdReservationAbandoned(another),
  examples.gatewayCreated(),
  examples.gatewayCreated(another),
  examples.gatewayMoved(),
  examples.gatewayPasswordChanged({ id: examples.anotherGateway }),
  examples.gatewayMoved({ factoryId: examples.aFactory, fromFactoryId: examples.anotherFactory }),
  examples.gatewayMoved(),
  examples.gatewaySoftDeleted({ factoryId: examples.anotherFactory }),
  examples.gatewayPasswordReencrypted({ factoryId: examples.anotherFactory }),
  examples.gatewayUpdated({ id: examples.anotherGateway, name: 'Hall 3' }),
  examples.gatewayRestored({ factoryId: examples.anotherFactory }),
  examples.gatewaySoftDeleted({ id: examples.anotherGateway }),
];

async function mirrored(...events: readonly RegistryEvent[]) {
  const log = givenLog(...examples.storedInOrder(...events));
  const bus = memoryStream({ keeps: 'bucket' });
  await catchUp(log, bus);
  return { log, bus, values: valuesIn(bus) };
}

async function catchUp(log: GivenLog, bus: MemoryStream, memoryBytes?: number): Promise<void> {
  const done = new AbortController();
  const writer = createMirrorWriter({ log, bus, logger, ...(memoryBytes !== undefined && { memoryBytes }) });
  const writing = writer.write(done.signal, { alive: () => undefined, caughtUp: () => done.abort() });
  await expect(writing).rejects.toThrow('told to stop');
}

function valuesIn(bus: MemoryStream): ReadonlyMap<string, unknown> {
  const present = bus.messages.filter((message) => message !== undefined && toldBy(message).operation === undefined);
  return new Map(present.map((message) => [toldBy(message as Message).key, JSON.parse((message as Message).body)]));
}

function toldBy({ subject, headers }: Message) {
  return {
    key: subject.replace('$KV.gateways.', ''),
    step: headers['registry-step'],
    operation: headers['KV-Operation'],
  };
}
