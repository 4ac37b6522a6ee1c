import { setImmediate } from 'node:timers/promises';
import type { NatsConnection } from 'nats';
import { describe, expect, it } from 'vitest';
import type { RegistryEvent } from '../../src/events/catalogue.ts';
import { type Collecting, collecting } from '../../test/support/collecting.ts';
import { eventually } from '../../test/support/eventually.ts';
import * as examples from '../../test/support/examples.ts';
import { type GivenLog, givenLog } from '../../test/support/given-log.ts';
import { natsClient } from '../../test/support/nats-client.ts';
import { natsServers } from '../../test/support/nats-process.ts';
import { publishing } from '../../test/support/publishing.ts';
import { sharedNats } from '../../test/support/shared-nats.ts';
import type { GatewayChange } from './gateway-change.ts';
import type { Trouble } from './trouble.ts';
import { type WatchOptions, watchGateways } from './watch.ts';

const stream = 'KV_gateways';
const another = { id: examples.anotherGateway, gatewayId: examples.anotherDevice };

describe.each(natsServers())('watching gateways, with %s,', (_, file) => {
  const shared = sharedNats(file);

  it('tells what there is, then each change, and a move as one', async () => {
    const log = await scene(examples.gatewayCreated(), examples.gatewayCreated(another));
    await using _publishing = publishing(shared.nats.url, log);
    await published(log);
    await using watch = watching();
    await watch.count(3);
    await step(log, watch, 4, examples.gatewayUpdated({ name: 'Hall 2' }));
    await step(log, watch, 5, examples.gatewayMoved());
    await step(log, watch, 6, examples.gatewayPasswordChanged({ factoryId: examples.anotherFactory }));
    await step(log, watch, 7, examples.gatewaySoftDeleted({ factoryId: examples.anotherFactory }));
    await step(log, watch, 8, examples.gatewayRestored({ factoryId: examples.anotherFactory }));

    expect(told(watch)).toEqual([
      'appeared GW-0001 0',
      'appeared GW-0002 0',
      'current',
      'changed GW-0001 0→1',
      'changed GW-0001 1→2',
      'changed GW-0001 2→3',
      'disappeared GW-0001 3',
      'appeared GW-0001 5',
    ]);
    expect(watch.items[4]).toMatchObject({
      before: { factory_id: examples.aFactory },
      gateway: { factory_id: examples.anotherFactory, name: 'Hall 2' },
    });
    expect(watch.items[5]).toMatchObject({ before: { credential_version: 0 }, gateway: { credential_version: 3 } });
  });

  it('tells of nothing that there is nothing', async () => {
    const log = await scene();
    await using _publishing = publishing(shared.nats.url, log);
    await using watch = watching();

    expect(await watch.count(1)).toEqual([{ type: 'current' }]);
  });

  it('waits for a bucket that is not there yet', async () => {
    await scene();
    const troubles: Trouble[] = [];
    await using watch = watching({ onTrouble: (trouble) => troubles.push(trouble) });
    await eventually(() => expect(troubles.length).toBeGreaterThan(2));
    const log = givenLog(...examples.storedInOrder(examples.gatewayCreated()));
    await using _publishing = publishing(shared.nats.url, log);
    await eventually(() => expect(told(watch)).toContain('appeared GW-0001 0'));

    expect(new Set(troubles.map(({ kind }) => kind))).toEqual(new Set(['missing']));
    expect(troubles.every(({ retryIn }) => retryIn > 0 && retryIn <= 5_000)).toBe(true);
  });

  it('tells what has changed while its server was away, and only that', async () => {
    const log = await scene(examples.gatewayCreated(), examples.gatewayCreated(another));
    await using _publishing = publishing(shared.nats.url, log);
    await published(log);
    await using watch = watching();
    await watch.count(3);
    await shared.nats.kill();
    add(log, examples.gatewayUpdated({ name: 'Hall 2' }), examples.gatewaySoftDeleted(another));
    await shared.nats.start();
    // The mirror may be back before the watch, or after it.
    await watch.count(6);

    expect(told(watch).slice(3).sort()).toEqual(['changed GW-0001 0→1', 'current', 'disappeared GW-0002 0']);
  });

  it('tells nothing of the past that a wiped bucket is filled with', async () => {
    const log = await scene(
      examples.gatewayCreated(),
      examples.gatewayMoved(),
      examples.gatewaySoftDeleted({ factoryId: examples.anotherFactory }),
      examples.gatewayRestored({ factoryId: examples.anotherFactory }),
      examples.gatewayCreated(another),
      examples.gatewaySoftDeleted(another),
    );
    const troubles: Trouble[] = [];
    const first = publishing(shared.nats.url, log);
    await published(log);
    await using watch = watching({ onTrouble: (trouble) => troubles.push(trouble) });
    await watch.count(2);
    await first[Symbol.asyncDispose]();
    await shared.nats.kill();
    await shared.nats.wipe();
    await shared.nats.start();
    // Filled step by step, so that each state of the past is there to be seen.
    const [created, ...others] = log.events;
    if (created === undefined) throw new Error('there are no events');
    const past = givenLog(created);
    await using _publishing = publishing(shared.nats.url, past);
    await eventually(() => expect(troubles.map(({ kind }) => kind)).toContain('behind'));
    for (const event of others) {
      past.add(event);
      await published(past);
    }
    await watch.count(3);
    add(log, examples.gatewayUpdated({ factoryId: examples.anotherFactory, name: 'Hall 3' }));
    past.add(...log.events.slice(-1));
    await watch.count(4);

    expect(told(watch)).toEqual(['appeared GW-0001 3', 'current', 'current', 'changed GW-0001 3→4']);
  });

  it('goes on after its server was frozen', async () => {
    const log = await scene(examples.gatewayCreated());
    await using _publishing = publishing(shared.nats.url, log);
    await published(log);
    const troubles: Trouble[] = [];
    await using watch = watching({ onTrouble: (trouble) => troubles.push(trouble) });
    await watch.count(2);
    troubles.length = 0;
    shared.nats.freeze();
    add(log, examples.gatewayUpdated({ name: 'Hall 2' }));
    await eventually(() => expect(troubles.length).toBeGreaterThan(0));
    shared.nats.thaw();
    await eventually(() => expect(told(watch)).toContain('changed GW-0001 0→1'));

    expect(told(watch).filter((change) => change !== 'current')).toEqual(['appeared GW-0001 0', 'changed GW-0001 0→1']);
    expect(troubles[0]?.kind).toBe('interrupted');
  });

  it('goes on when its consumer is deleted, and leaves none behind', async () => {
    const log = await scene(examples.gatewayCreated());
    await using _publishing = publishing(shared.nats.url, log);
    await published(log);
    {
      await using watch = watching();
      await watch.count(2);
      await shared.client.deleteConsumersOf(stream);
      add(log, examples.gatewayUpdated({ name: 'Hall 2' }));
      await eventually(() => expect(told(watch)).toContain('changed GW-0001 0→1'));
      expect(await shared.client.consumersOf(stream)).toHaveLength(1);
    }
    expect(await shared.client.consumersOf(stream)).toEqual([]);
  });

  it('leaves nothing behind when its loop is left', async () => {
    const log = await scene(examples.gatewayCreated());
    await using _publishing = publishing(shared.nats.url, log);
    await published(log);
    for await (const { type } of watchGateways(shared.client.connection)) if (type === 'appeared') break;

    expect(await shared.client.consumersOf(stream)).toEqual([]);
  });

  it('tells of what is no gateway, and of the gateways beside it', async () => {
    const log = await scene(examples.gatewayCreated());
    await using _publishing = publishing(shared.nats.url, log);
    await published(log);
    const bucket = await shared.client.connection.jetstream().views.kv('gateways');
    await bucket.put(`${examples.anOrganization}.${examples.aFactory}.${examples.anotherGateway}`, '{"id":7}');
    const troubles: Trouble[] = [];
    await using watch = watching({ onTrouble: (trouble) => troubles.push(trouble) });
    await watch.count(2);

    expect(told(watch)).toEqual(['appeared GW-0001 0', 'current']);
    expect(troubles).toEqual([expect.objectContaining({ kind: 'unreadable', retryIn: 0 })]);
  });

  it('tells of more than a server may owe a connection, to who is slow as well', async () => {
    await scene();
    const count = 200;
    const bucket = await shared.client.connection.jetstream().views.kv('gateways', { history: 1 });
    const metadata = { text: 'x'.repeat(500_000) };
    for (let n = 0; n < count; n++) {
      const id = `0194c000-0000-7000-8000-${String(n).padStart(12, '0')}`;
      const owners = { organization_id: examples.anOrganization, factory_id: examples.aFactory };
      const value = { id, ...owners, revision: 0, metadata };
      await bucket.put(`${examples.anOrganization}.${examples.aFactory}.${id}`, JSON.stringify(value));
    }
    const troubles: Trouble[] = [];
    const told = new Map<string, number>();
    for await (const change of watchGateways(shared.client.connection, {
      onTrouble: (trouble) => troubles.push(trouble),
    })) {
      if (change.type === 'current') break;
      // Nothing is read meanwhile.
      if (told.size === 0) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 2_000);
      told.set(change.gateway.id, change.gateway.revision);
    }

    expect(troubles).toEqual([]);
    expect(told.size).toBe(count);
  });

  it('watches one factory: what moves there appears, what moves away disappears', async () => {
    const log = await scene(examples.gatewayCreated());
    await using _publishing = publishing(shared.nats.url, log);
    await published(log);
    await using here = watching({ factory: examples.aFactory });
    await using there = watching({ organization: examples.anOrganization, factory: examples.anotherFactory });
    await here.count(2);
    await there.count(1);
    add(log, examples.gatewayMoved());
    await here.count(3);
    await there.count(2);

    expect(told(here)).toEqual(['appeared GW-0001 0', 'current', 'disappeared GW-0001 0']);
    expect(told(there)).toEqual(['current', 'appeared GW-0001 1']);
  });

  it('ends when the connection is closed, with a word that it does not come back', async () => {
    await scene();
    const own = await natsClient(shared.nats.url);
    await using watch = watching({}, own.connection);
    await own.connection.close();
    await eventually(() => expect(watch.error()).toMatchObject({ code: 'CONNECTION_CLOSED' }));
  });

  it('can be left after the connection was closed', async () => {
    const log = await scene(examples.gatewayCreated());
    await using _publishing = publishing(shared.nats.url, log);
    const own = await natsClient(shared.nats.url);
    for await (const { type } of watchGateways(own.connection)) {
      if (type !== 'current') continue;
      await own.connection.close();
      // By then it has noticed.
      await setImmediate();
      break;
    }

    expect(own.connection.isClosed()).toBe(true);
  });

  it('refuses an organization that would be more than one', () => {
    expect(() => watchGateways(shared.client.connection, { organization: '*' })).toThrow('organization must be an id');
  });

  async function scene(...events: readonly RegistryEvent[]): Promise<GivenLog> {
    await shared.client.deleteStreams(stream, 'MTI_EVENTS');
    return givenLog(...examples.storedInOrder(...events));
  }

  function watching(options: WatchOptions = {}, connection: NatsConnection = shared.client.connection) {
    return collecting((signal) => watchGateways(connection, { ...options, signal }));
  }

  async function step(log: GivenLog, watch: Collecting<GatewayChange>, count: number, event: RegistryEvent) {
    add(log, event);
    await watch.count(count);
  }

  /** Resolves when all of the log is in the bucket. */
  async function published(log: GivenLog): Promise<void> {
    const end = String(log.events.at(-1)?.position.commit);
    const { streams } = await shared.client.connection.jetstreamManager({ checkAPI: false });
    await eventually(async () => {
      const { state } = await streams.info(stream);
      const { header } = await streams.getMessage(stream, { seq: state.last_seq });
      const [step, steps] = header.get('registry-step').split('/');
      expect([header.get('registry-position'), step]).toEqual([end, steps]);
    });
  }
});

/** Adds events to the end of a log, as what comes after those that are there. */
function add(log: GivenLog, ...events: readonly RegistryEvent[]): void {
  for (const event of events) {
    const name = `gateway-${event.data.id}`;
    const revision = log.events.findLast(({ stream }) => stream === name)?.revision ?? -1n;
    const position = (log.events.at(-1)?.position.commit ?? 0n) + 100n;
    log.add(examples.stored(event, { revision: revision + 1n, position }));
  }
}

function told({ items }: Collecting<GatewayChange>): readonly string[] {
  return items.map((change) => {
    if (change.type === 'current') return change.type;
    const { gateway_id, revision } = change.gateway;
    const from = change.type === 'changed' ? `${change.before.revision}→` : '';
    return `${change.type} ${gateway_id} ${from}${revision}`;
  });
}
