import { setTimeout as pause } from 'node:timers/promises';
import type { KV } from 'nats';
import { pino } from 'pino';
import { beforeEach, describe, expect, it } from 'vitest';
import { differences, readBucket } from '../../test/support/bucket.ts';
import { eventually } from '../../test/support/eventually.ts';
import * as examples from '../../test/support/examples.ts';
import { type GivenLog, givenLog } from '../../test/support/given-log.ts';
import { livesOfGateways } from '../../test/support/lives-of-gateways.ts';
import { natsServers } from '../../test/support/nats-process.ts';
import { sharedNats } from '../../test/support/shared-nats.ts';
import type { StoredEvent } from '../events/event-log.ts';
import { connectNats } from '../infrastructure/nats.ts';
import { type Mirror, startMirror } from './mirror.ts';
import { contentOf } from './mirror-content.ts';
import { foldAll } from './mirror-state.ts';
import { type RebuiltState, rebuildState } from './rebuild-state.ts';

const stream = 'KV_gateways';
const logger = pino({ level: 'silent' });
const timing = { patience: 500, quiet: 50, backoff: { first: 20, longest: 200 } };

const key = `${examples.anOrganization}.${examples.aFactory}.${examples.aGateway}`;
const keyElsewhere = `${examples.anOrganization}.${examples.anotherFactory}.${examples.aGateway}`;

describe.each(natsServers())('the mirror, with %s,', (_, file) => {
  const shared = sharedNats(file);

  beforeEach(() => shared.client.deleteStreams(stream));

  it('shows who watches the bucket the life of a gateway, and a move under the new key first', async () => {
    const [first, ...others] = examples.storedInOrder(
      examples.gatewayCreated(),
      examples.gatewayUpdated({ name: 'Hall 2' }),
      examples.gatewayMoved(),
      examples.gatewaySoftDeleted({ factoryId: examples.anotherFactory }),
      examples.gatewayRestored({ factoryId: examples.anotherFactory }),
    );
    const log = givenLog(first as StoredEvent);
    await using _mirror = mirroring(log);
    await mirrored(log);
    const seen: unknown[] = [];
    for await (const { key: of, operation, value } of await (await bucket()).watch()) {
      const told = operation === 'PUT' ? JSON.parse(new TextDecoder().decode(value)) : undefined;
      seen.push([operation, of, told?.revision, told?.name]);
      // One after the other: who watches may miss a value that is replaced at once.
      const isHalfAMove = told?.revision === 2;
      if (!isHalfAMove) log.add(...others.splice(0, 1));
      if (seen.length === 6) break;
    }
    expect(seen).toEqual([
      ['PUT', key, 0, 'Hall 1, north'],
      ['PUT', key, 1, 'Hall 2'],
      ['PUT', keyElsewhere, 2, 'Hall 2'],
      ['PURGE', key, undefined, undefined],
      ['PURGE', keyElsewhere, undefined, undefined],
      ['PUT', keyElsewhere, 4, 'Hall 2'],
    ]);
  });

  it('shows who watches each of many moves', async () => {
    const [created, ...moves] = examples.storedInOrder(
      examples.gatewayCreated(),
      ...Array.from({ length: 200 }, (_, index) => {
        const there = { factoryId: examples.anotherFactory, fromFactoryId: examples.aFactory };
        const back = { factoryId: examples.aFactory, fromFactoryId: examples.anotherFactory };
        return examples.gatewayMoved(index % 2 === 0 ? there : back);
      }),
    );
    const log = givenLog(created as StoredEvent);
    await using _mirror = mirroring(log);
    await mirrored(log);
    const revisions: unknown[] = [];
    for await (const { operation, value } of await (await bucket()).watch()) {
      if (operation !== 'PUT') continue;
      revisions.push(JSON.parse(new TextDecoder().decode(value)).revision);
      if (moves.length === 0) break;
      log.add(...moves.splice(0, 1));
    }
    expect(revisions).toEqual(Array.from({ length: 201 }, (_, index) => index));
  });

  it('shows who comes later what there is, and what comes after that', async () => {
    const events = livesOfGateways(30);
    const log = givenLog(...events);
    await using _mirror = mirroring(log);
    await mirrored(log);
    const kv = await bucket();
    const keys: string[] = [];
    for await (const each of await kv.keys(`${examples.anOrganization}.>`)) keys.push(each);
    expect(keys.sort()).toEqual([...expectedOf(log).keys()].sort());
    const [first = ''] = keys;
    expect((await kv.get(first))?.string()).toBe(expectedOf(log).get(first));
    expect(await kv.get(`${examples.anOrganization}.${examples.aFactory}.nobody`)).toBeNull();
  });

  it('equals the log while NATS is killed, frozen and thawed under load', async () => {
    const events = livesOfGateways(1_000);
    const log = givenLog(...events.slice(0, -2_000));
    await using mirror = mirroring(log);
    for (const threshold of [500, 2_500]) {
      await written(threshold);
      await shared.nats.kill();
      await shared.nats.start();
    }
    await written(5_000);
    shared.nats.freeze();
    log.add(...events.slice(-2_000));
    await eventually(() => expect(mirror.health().status).toBe('failing'));
    shared.nats.thaw();
    await mirrored(log);
  });

  it('fills the bucket again when NATS has lost everything', async () => {
    const log = givenLog(...livesOfGateways(100));
    await using _mirror = mirroring(log);
    await mirrored(log);
    await shared.nats.kill();
    await shared.nats.wipe();
    await shared.nats.start();
    await mirrored(log);
  });

  it('writes nothing twice when two run, and one goes on when the other stops', async () => {
    const events = livesOfGateways(600);
    const later = events.slice(-300);
    const log = givenLog(...events.slice(0, -300));
    await using one = mirroring(log);
    await using _other = mirroring(log);
    await mirrored(log);
    const sequence = await shared.client.lastSequence(stream);
    await one[Symbol.asyncDispose]();
    log.add(...later);
    await mirrored(log);
    expect((await shared.client.lastSequence(stream)) - sequence).toBe(300);
  });

  it('goes on when a stranger writes under a key, and corrects it with the next event of that gateway', async () => {
    const [created, updated] = examples.storedInOrder(examples.gatewayCreated(), examples.gatewayUpdated());
    if (created === undefined || updated === undefined) throw new Error('two were asked for');
    const log = givenLog(created);
    await using _mirror = mirroring(log);
    await mirrored(log);
    await (await bucket()).put(key, 'altered');
    log.add(updated);
    await mirrored(log);
  });

  it('is corrected where a stranger has altered it, key by key, while it goes on under load', async () => {
    const events = livesOfGateways(240);
    const isQuiet = ({ stream: of }: StoredEvent) => Number.parseInt(of.slice(-4), 16) < 120;
    const log = givenLog(...events.filter(isQuiet));
    await using _mirror = mirroring(log);
    await mirrored(log);
    const kv = await bucket();
    const [deleted = '', altered = ''] = expectedOf(log).keys();
    await kv.delete(deleted);
    await kv.put(altered, 'altered');
    await kv.put('no.such.gateway', 'extra');
    await kv.put('no.such.other', 'extra');
    const before = await shared.client.lastSequence(stream);
    expect(await rebuilt(log)).toMatchObject({ corrected: { missing: 1, extra: 2, altered: 1 } });
    expect((await shared.client.lastSequence(stream)) - before).toBe(4);
    await mirrored(log);

    const adding = (async () => {
      for (const event of events.filter((each) => !isQuiet(each))) {
        log.add({ ...event, position: positionBehind(log) });
        await pause(1);
      }
    })();
    await kv.delete(deleted);
    await kv.put('no.such.gateway', 'extra');
    expect(await rebuilt(log)).toMatchObject({ corrected: { extra: 1 } });
    await adding;
    await mirrored(log);
  });

  it('uses a bucket that a client created, and refuses one that forgets', async () => {
    await bucket();
    const log = givenLog(...livesOfGateways(3));
    await using mirror = mirroring(log);
    await mirrored(log);
    await mirror[Symbol.asyncDispose]();
    await shared.client.deleteStreams(stream);
    await shared.client.connection.jetstream().views.kv('gateways', { ttl: 60_000 });
    await using refusing = mirroring(log);
    await failing(refusing, 'max_age is 60000000000 and must be 0');
  });

  it('refuses a bucket that was filled from another log', async () => {
    const log = givenLog(...livesOfGateways(3));
    await using first = mirroring(log);
    await mirrored(log);
    await first[Symbol.asyncDispose]();
    await using second = mirroring(givenLog(...examples.storedInOrder(examples.gatewayCreated())));
    await failing(second, 'belongs to another log');
  });

  function bucket(): Promise<KV> {
    return shared.client.connection.jetstream().views.kv('gateways');
  }

  function mirroring(log: GivenLog): Mirror & AsyncDisposable {
    const bus = connectNats({ url: shared.nats.url, name: 'mirror-test', logger });
    const mirror = startMirror({ log, bus, logger, timing });
    return {
      ...mirror,
      async [Symbol.asyncDispose]() {
        await mirror.stop();
        await bus.close();
      },
    };
  }

  async function rebuilt(log: GivenLog): Promise<RebuiltState> {
    const bus = connectNats({ url: shared.nats.url, name: 'rebuild-state-test', logger });
    try {
      return await rebuildState({
        log,
        bus,
        logger,
        signal: new AbortController().signal,
        onProgress: () => undefined,
      });
    } finally {
      await bus.close();
    }
  }

  /** Resolves when the bucket holds what the log says. */
  async function mirrored(log: GivenLog): Promise<void> {
    const expected = expectedOf(log);
    await eventually(async () =>
      expect(differences(await readBucket(shared.client), expected).slice(0, 3)).toEqual([]),
    );
  }

  async function written(count: number): Promise<void> {
    await eventually(async () => expect(await shared.client.lastSequence(stream)).toBeGreaterThanOrEqual(count));
  }
});

function expectedOf({ events }: GivenLog): ReadonlyMap<string, string> {
  const gateways = [...Map.groupBy(events, (event) => event.stream).values()].map(foldAll);
  return new Map(
    gateways.flatMap((gateway) => {
      const content = contentOf(gateway, 1024 * 1024);
      return gateway && content?.kind === 'shown' ? [[gateway.key, content.text]] : [];
    }),
  );
}

function positionBehind({ events }: GivenLog) {
  const commit = (events.at(-1)?.position.commit ?? 0n) + 100n;
  return { commit, prepare: commit };
}

async function failing(mirror: Mirror, why: string): Promise<void> {
  await eventually(() =>
    expect(mirror.health()).toMatchObject({ status: 'failing', error: expect.stringContaining(why) }),
  );
}
