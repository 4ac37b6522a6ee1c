// The presence process among real servers: who comes, who falls silent, and whom nobody may call silent.
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { eventually } from '../../test/support/eventually.ts';
import { natsServers } from '../../test/support/nats-process.ts';
import { type PresenceStage, setPresenceStage, timeout } from '../../test/support/presence-stage.ts';
import { anId } from '../../test/support/registry.ts';

let stage: PresenceStage;
let gateway: string;

beforeAll(async () => {
  stage = await setPresenceStage();
});

afterAll(() => stage?.[Symbol.asyncDispose]());

beforeEach(async () => {
  gateway = await stage.aGateway();
});

describe('a gateway', () => {
  it('is online from its first heartbeat on, and offline when it has been silent for its timeout', async () => {
    await using _presence = await stage.listening();
    expect(await stage.statusOf(gateway)).toBeUndefined();
    const before = Date.now();
    stage.beat(gateway);
    await stage.becomes(gateway, 'online');
    const { last_seen_at, updated_at, created_at } = await stage.rowOf(gateway);
    expect(last_seen_at?.getTime()).toBeGreaterThanOrEqual(before);
    expect(updated_at).toEqual(created_at);
    await stage.becomes(gateway, 'offline');
    expect(await stage.lastEventOf(gateway)).toMatchObject({
      type: 'GatewayDisconnected',
      data: {
        id: gateway,
        factoryId: stage.factory,
        organizationId: stage.organization,
        lastSeenAt: last_seen_at?.toISOString(),
      },
    });
  });

  it('has of its presence one event in the log at a time, and each change is one', async () => {
    await using _presence = await stage.listening();
    for (const [status, revision] of [
      ['online', 0n],
      ['offline', 1n],
      ['online', 2n],
      ['offline', 3n],
    ] as const) {
      if (status === 'online') stage.beat(gateway);
      await stage.becomes(gateway, status);
      const events = await stage.registry.log.read(`gatewayPresence-${gateway}`);
      expect(events.map((event) => event.revision)).toEqual([revision]);
    }
  });

  it('stays online as long as it is heard of', async () => {
    await using _presence = await stage.listening();
    {
      using _beating = stage.beatOnAndOn(gateway);
      await stage.becomes(gateway, 'online');
      const since = await stage.sinceOf(gateway);
      await eventually(async () => {
        const { last_seen_at } = await stage.rowOf(gateway);
        expect(last_seen_at?.getTime()).toBeGreaterThan(since.getTime() + 1_500 * timeout);
      });
      expect(await stage.revisionOf(gateway)).toBe(0n);
    }
    await stage.becomes(gateway, 'offline');
  });

  it('does not come and go more often than the debounce allows', async () => {
    await using _presence = await stage.listening({ debounce: 1_500 });
    stage.beat(gateway);
    await stage.becomes(gateway, 'online');
    const came = await stage.sinceOf(gateway);
    await stage.becomes(gateway, 'offline');
    const went = await stage.sinceOf(gateway);
    expect(went.getTime() - came.getTime()).toBeGreaterThanOrEqual(1_500);
    using _beating = stage.beatOnAndOn(gateway);
    await stage.becomes(gateway, 'online');
    expect((await stage.sinceOf(gateway)).getTime() - went.getTime()).toBeGreaterThanOrEqual(1_500);
  });

  it('is told of with the factory that it stands in now, and goes by the timeout that it has now', async () => {
    await using _presence = await stage.listening();
    const elsewhere = anId();
    await stage.registry.run('CreateFactory', elsewhere, { organization_id: stage.organization, name: 'Spandau' });
    {
      using _beating = stage.beatOnAndOn(gateway);
      await stage.becomes(gateway, 'online');
      await stage.registry.run('MoveGateway', gateway, { factory_id: elsewhere });
      await stage.registry.run('UpdateGateway', gateway, { metadata: { offline_after_seconds: 2 } });
      await eventually(async () => expect((await stage.rowOf(gateway)).stream_revision).toBe('2'));
    }
    await stage.becomes(gateway, 'offline');
    const event = await stage.lastEventOf(gateway);
    expect(event?.data).toMatchObject({ factoryId: elsewhere });
    const { lastSeenAt = '' } = (event?.data ?? {}) as { readonly lastSeenAt?: string };
    expect((await stage.sinceOf(gateway)).getTime() - Date.parse(lastSeenAt)).toBeGreaterThanOrEqual(2_000);
  });

  it('that is deleted goes offline however much is heard of it, and comes when it is restored', async () => {
    await using _presence = await stage.listening();
    using _beating = stage.beatOnAndOn(gateway);
    await stage.becomes(gateway, 'online');
    await stage.registry.run('SoftDeleteGateway', gateway);
    await stage.becomes(gateway, 'offline');
    await stage.registry.run('RestoreGateway', gateway);
    await stage.becomes(gateway, 'online');
  });

  it('is nobody else, and of no other organization', async () => {
    await using presence = await stage.listening();
    stage.client.connection.publish(`mti.hb.v1.${anId()}.${gateway}`);
    stage.client.connection.publish(`mti.hb.v1.${stage.organization}.${anId()}`);
    stage.client.connection.publish(`mti.hb.v1.${stage.organization}.nobody`);
    const another = await stage.aGateway({});
    stage.beat(another);
    await stage.becomes(another, 'online');
    expect(await stage.statusOf(gateway)).toBeUndefined();
    expect(presence.health().status).toBe('running');
  });
});

describe('many gateways', () => {
  it('are online after one heartbeat each, by one event each', async () => {
    const many = await Promise.all(Array.from({ length: 100 }, () => stage.createGateway({})));
    await stage.tablesFollow();
    await using _presence = await stage.listening();
    for (let round = 0; round < 3; round++) many.forEach(stage.beat);
    await eventually(async () => {
      const { rows } = await stage.query('SELECT stream_revision FROM gateway_presence WHERE id = ANY ($1)', [many]);
      expect(rows.map(({ stream_revision }) => stream_revision)).toEqual(many.map(() => '0'));
    });
  });
});

describe('the presence process', () => {
  it('calls nobody silent before one timeout has passed since it started', async () => {
    const presence = await stage.listening();
    stage.beat(gateway);
    await stage.becomes(gateway, 'online');
    await presence[Symbol.asyncDispose]();
    await silenceIsOver();
    const started = Date.now();
    await using _again = await stage.listening();
    await stage.becomes(gateway, 'offline');
    expect((await stage.sinceOf(gateway)).getTime() - started).toBeGreaterThanOrEqual(timeout * 1_000);
  });

  it('stands by while another one is active, and takes over when that ends', async () => {
    await using first = await stage.listening();
    await using second = await stage.listening();
    {
      using _beating = stage.beatOnAndOn(gateway);
      await stage.becomes(gateway, 'online');
      await first[Symbol.asyncDispose]();
      await heardAgain(stage, gateway);
      expect(await stage.revisionOf(gateway)).toBe(0n);
    }
    await stage.becomes(gateway, 'offline');
    expect(second.health().status).toBe('running');
  });

  it('has noted all that it heard when it has ended', async () => {
    const presence = await stage.listening({ threshold: 3_600_000 });
    const [id, another] = [await stage.aGateway({}), await stage.aGateway({})];
    stage.beat(id);
    await stage.becomes(id, 'online');
    const again = Date.now();
    stage.beat(id);
    // When this one has come, the one that beat before it has been heard.
    stage.beat(another);
    await stage.becomes(another, 'online');
    expect((await stage.rowOf(id)).last_seen_at?.getTime()).toBeLessThan(again);
    await presence[Symbol.asyncDispose]();
    expect((await stage.rowOf(id)).last_seen_at?.getTime()).toBeGreaterThanOrEqual(again);
  });

  it('brings back when gateways were seen, where the tables have lost it', async () => {
    const presence = await stage.listening();
    stage.beat(gateway);
    await stage.becomes(gateway, 'offline');
    await presence[Symbol.asyncDispose]();
    const { last_seen_at } = await stage.rowOf(gateway);
    await stage.query('UPDATE gateways SET last_seen_at = NULL WHERE id = $1', [gateway]);
    await using _again = await stage.listening();
    await eventually(async () => expect((await stage.rowOf(gateway)).last_seen_at).toEqual(last_seen_at));
  });

  it('tells where it has failed, and goes on', async () => {
    let isAway = true;
    const log: typeof stage.registry.log = {
      ...stage.registry.log,
      append: async (...append) => {
        if (isAway) throw new Error('the event store is away');
        return stage.registry.log.append(...append);
      },
    };
    await using presence = await stage.listening({}, log);
    stage.beat(gateway);
    await eventually(() =>
      expect(presence.health()).toMatchObject({ status: 'failing', error: 'the event store is away' }),
    );
    isAway = false;
    await eventually(() => expect(presence.health().status).toBe('running'));
    using _beating = stage.beatOnAndOn(gateway);
    await stage.becomes(gateway, 'online');
  });
});

describe.each(natsServers())('the presence process, with %s,', (_, file) => {
  it('calls nobody silent who could not be heard because NATS was away, or frozen', async () => {
    await using own = await setPresenceStage(file);
    await using presence = await own.listening();
    const id = await own.aGateway();
    {
      using _beating = own.beatOnAndOn(id);
      await own.becomes(id, 'online');
      await own.nats.kill();
      await eventually(() => expect(presence.health().status).toBe('failing'));
      await silenceIsOver();
      await own.nats.start();
      await heardAgain(own, id);

      own.nats.freeze();
      await silenceIsOver();
      own.nats.thaw();
      await heardAgain(own, id);
      expect(await own.revisionOf(id)).toBe(0n);
    }
    await own.becomes(id, 'offline');
    await eventually(() => expect(presence.health().status).toBe('running'));
  }, 60_000);
});

/** Waits for so long that whoever was not heard would have been silent for its timeout twice. */
function silenceIsOver(): Promise<void> {
  return delay(2_000 * timeout);
}

async function heardAgain(where: PresenceStage, id: string): Promise<void> {
  const since = Date.now();
  await eventually(async () => {
    expect((await where.rowOf(id)).last_seen_at?.getTime()).toBeGreaterThan(since + 1_500 * timeout);
  });
}
