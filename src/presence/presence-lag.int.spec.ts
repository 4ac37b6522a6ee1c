// What becomes of gateways when the tables are behind, when an append comes late, and when a stream is spoiled.
import { setTimeout as delay } from 'node:timers/promises';
import { EventStoreDBClient } from '@eventstore/db-client';
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { eventually } from '../../test/support/eventually.ts';
import { type PresenceStage, setPresenceStage, timeout } from '../../test/support/presence-stage.ts';
import { type EventLog, EventLogUnavailable, type StoredEvent } from '../events/event-log.ts';

let stage: PresenceStage;
let gateway: string;

beforeAll(async () => {
  stage = await setPresenceStage();
});

afterAll(() => stage?.[Symbol.asyncDispose]());

beforeEach(async () => {
  stage.startTables();
  gateway = await stage.aGateway();
});

describe('a gateway that beats', () => {
  it('is online in the end, though the tables called it online when it had gone and came back', async () => {
    using scope = new DisposableStack();
    let hasGone = false;
    const log = appending((append, type) => {
      // It comes back at once; the tables hear of its having gone much later.
      if (type === 'GatewayDisconnected' && !hasGone) {
        hasGone = true;
        scope.use(stage.beatOnAndOn(gateway));
      }
      return append();
    });
    await using _presence = await stage.listening({}, log);
    stage.beat(gateway);
    await stage.becomes(gateway, 'online');
    await stage.stopTables();
    await eventually(async () => expect(await stage.revisionOf(gateway)).toBe(1n));
    await changes('GatewayConnected', 2n);
    stage.startTables();
    await stage.becomes(gateway, 'online');
  });

  it('is online in the end, though an append that was given up came late', async () => {
    using scope = new DisposableStack();
    let late: Promise<unknown> | undefined;
    const log = appending((append, type) => {
      if (late !== undefined || type !== 'GatewayDisconnected') return append();
      scope.use(stage.beatOnAndOn(gateway));
      late = delay(700).then(append);
      throw new EventLogUnavailable('no answer in time');
    });
    await using _presence = await stage.listening({}, log);
    stage.beat(gateway);
    await stage.becomes(gateway, 'online');
    await eventually(() => expect(late).toBeDefined());
    await late;
    await changes('GatewayConnected', 2n);
  });

  it('comes to who takes over while the tables call it online, though it had gone', async () => {
    const first = await stage.listening();
    stage.beat(gateway);
    await stage.becomes(gateway, 'online');
    await stage.stopTables();
    await changes('GatewayDisconnected', 1n);
    await first[Symbol.asyncDispose]();
    await using _second = await stage.listening();
    {
      using _beating = stage.beatOnAndOn(gateway);
      await changes('GatewayConnected', 2n);
    }
    await changes('GatewayDisconnected', 3n);
  });

  it('falls silent to who takes over while the tables have not heard of it', async () => {
    const first = await stage.listening();
    await stage.stopTables();
    stage.beat(gateway);
    await changes('GatewayConnected', 0n);
    await first[Symbol.asyncDispose]();
    await using _second = await stage.listening();
    await changes('GatewayDisconnected', 1n);
  });

  it('is heard by who takes over while the log is away, and comes when the tables follow', async () => {
    const first = await stage.listening();
    stage.beat(gateway);
    await stage.becomes(gateway, 'online');
    await stage.stopTables();
    await changes('GatewayDisconnected', 1n);
    await first[Symbol.asyncDispose]();
    const log = stage.registry.log;
    const readAll: EventLog['readAll'] = () => {
      throw new EventLogUnavailable('away');
    };
    await using second = await stage.listening({}, { ...log, readAll });
    expect(second.health().status).toBe('running');
    using _beating = stage.beatOnAndOn(gateway);
    stage.startTables();
    await changes('GatewayConnected', 2n);
  });

  it('comes no sooner than the debounce allows, though who took over has tables that are behind', async () => {
    const debounce = 2_000;
    const first = await stage.listening({ debounce });
    await stage.stopTables();
    stage.beat(gateway);
    await changes('GatewayConnected', 0n);
    const went = occurredAt(await changes('GatewayDisconnected', 1n));
    await first[Symbol.asyncDispose]();
    await using _second = await stage.listening({ debounce });
    using _beating = stage.beatOnAndOn(gateway);
    const came = occurredAt(await changes('GatewayConnected', 2n));
    expect(came - went).toBeGreaterThanOrEqual(debounce);
  });
});

describe('many gateways that fall silent at the same moment', () => {
  it('are looked at anew when it takes long to record that: who was heard meanwhile stays online', async () => {
    const many = await Promise.all(
      Array.from({ length: 40 }, () => stage.createGateway({ offline_after_seconds: timeout })),
    );
    await stage.tablesFollow();
    {
      await using _first = await stage.listening();
      using _beating = allBeating(many);
      await eventually(async () => expect(await revisionsOf(many)).toEqual(many.map(() => 0n)));
    }
    const recording = Promise.withResolvers<void>();
    const waiting = vi.fn();
    const log = stage.registry.log;
    const slowly: EventLog['append'] = async (...given) => {
      const [stream, , [event]] = given;
      if (event?.type === 'GatewayDisconnected' && many.some((id) => stream === `gatewayPresence-${id}`)) {
        waiting();
        await recording.promise;
      }
      return log.append(...given);
    };
    const trust = 500;
    await using _second = await stage.listening({ trust }, { ...log, append: slowly });
    await eventually(() => expect(waiting).toHaveBeenCalledTimes(32));
    using _beating = allBeating(many);
    await delay(trust);
    recording.resolve();
    const isBack = (revision: bigint | undefined) => revision === 2n;
    await eventually(async () => expect((await revisionsOf(many)).filter(isBack)).toHaveLength(32));
    expect((await revisionsOf(many)).filter((revision) => !isBack(revision))).toEqual(Array(8).fill(0n));
  });
});

describe('a gateway that has just been created', () => {
  it('is online from its first heartbeat on, though the tables do not have it yet', async () => {
    await using _presence = await stage.listening();
    await stage.stopTables();
    const id = await stage.createGateway({});
    stage.beat(id);
    // When another one, which beats later, has come, the first one has been looked for.
    stage.beat(gateway);
    await changes('GatewayConnected', 0n);
    stage.startTables();
    await stage.becomes(id, 'online');
  });
});

describe('a gateway that has just been restored', () => {
  it('is online from its first heartbeat on, though the tables call it deleted', async () => {
    const restored = await stage.aGateway({});
    await stage.registry.run('SoftDeleteGateway', restored);
    await eventually(async () => expect((await stage.rowOf(restored)).stream_revision).toBe('1'));
    await using _presence = await stage.listening();
    await stage.stopTables();
    await stage.registry.run('RestoreGateway', restored);
    stage.beat(restored);
    stage.beat(gateway);
    await changes('GatewayConnected', 0n);
    stage.startTables();
    await stage.becomes(restored, 'online');
  });
});

describe('a stream of presence that somebody has deleted for good', () => {
  it('keeps no other gateway from coming and going, and is told in the health', async () => {
    const spoiled = await stage.aGateway();
    const store = EventStoreDBClient.connectionString(stage.registry.url);
    await store.tombstoneStream(`gatewayPresence-${spoiled}`);
    await store.dispose();
    await using presence = await stage.listening();
    using _beating = stage.beatOnAndOn(spoiled);
    await eventually(() => expect(presence.health()).toMatchObject({ status: 'degraded', parked: 1 }));
    stage.beat(gateway);
    await stage.becomes(gateway, 'online');
    await stage.becomes(gateway, 'offline');
  });
});

describe('a stream of presence that cannot be read', () => {
  it('keeps no other gateway from coming and going, and is told in the health', async () => {
    const spoiled = await stage.aGateway();
    await stage.registry.log.append(`gatewayPresence-${spoiled}`, 'no_stream', [
      { id: crypto.randomUUID(), type: 'SomethingElse', data: {}, metadata: {} },
    ]);
    await using presence = await stage.listening();
    using _beating = stage.beatOnAndOn(spoiled);
    await eventually(() => expect(presence.health()).toMatchObject({ status: 'degraded', parked: 1 }));
    stage.beat(gateway);
    await stage.becomes(gateway, 'online');
    await stage.becomes(gateway, 'offline');
    expect(presence.health()).toEqual({ name: 'presence', status: 'degraded', parked: 1 });
  });
});

function allBeating(ids: readonly string[]): Disposable {
  const beating = new DisposableStack();
  for (const id of ids) beating.use(stage.beatOnAndOn(id));
  return beating;
}

function revisionsOf(ids: readonly string[]): Promise<readonly (bigint | undefined)[]> {
  return Promise.all(ids.map((id) => stage.revisionOf(id)));
}

/** The log of the registry, with something else done when a change of the gateway is appended. */
function appending(
  instead: (append: () => ReturnType<EventLog['append']>, type: string | undefined) => unknown,
): EventLog {
  const { log } = stage.registry;
  return {
    ...log,
    append: async (...given) => {
      const [stream, , events] = given;
      // Others may still fall silent that an earlier test has left.
      if (stream !== `gatewayPresence-${gateway}`) return log.append(...given);
      return (await instead(() => log.append(...given), events[0]?.type)) as Awaited<ReturnType<EventLog['append']>>;
    },
  };
}

/** Resolves with the change when it is the last one in the log. */
async function changes(type: string, revision: bigint): Promise<StoredEvent> {
  return await eventually(async () => {
    const last = await stage.lastEventOf(gateway);
    expect(last).toMatchObject({ type, revision });
    return last as StoredEvent;
  });
}

function occurredAt({ metadata }: StoredEvent): number {
  return Date.parse((metadata as { readonly occurredAt: string }).occurredAt);
}
