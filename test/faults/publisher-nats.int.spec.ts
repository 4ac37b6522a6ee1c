// NATS, in mid-publishing and under load: killed (kill -9) and started again, frozen (SIGSTOP) for a shorter or longer time
// than a publisher waits, and started again without all that it had stored.
import { setTimeout as pause } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { natsServersBySeed } from './nats-servers.ts';
import { type PublisherScene, setPublisherScene } from './publisher-scene.ts';
import { type Random, randomNumbers, restarts, sayingTheSeed, seed } from './random.ts';

it.each(natsServersBySeed())(
  'a publisher whose NATS is killed, frozen and wiped publishes each event once and in order: %s',
  (_, natsServer) => sayingTheSeed(() => survivesNats(natsServer)),
  60_000 + restarts * 30_000,
);

const faults = [killed, frozen, wiped] as const;

async function survivesNats(natsServer: string): Promise<void> {
  const random = randomNumbers(seed);
  await using scene = await setPublisherScene(natsServer);
  await using publisher = scene.startPublisher();
  await scene.isPublished();
  for (let round = 0; round < restarts; round++) {
    await scene.burst(random.of([0, 1_500, 1_500]) ?? 0);
    await pause(random.below(50));
    await faults[round % faults.length]?.(scene, random);
    // Sometimes the next one comes before it has found back.
    if (random.below(3) > 0) await scene.isPublished();
  }
  await scene.load.stop();

  await scene.expectNoDifference();
  expect(publisher.count(/publisher failed/)).toBeGreaterThan(0);
}

async function killed({ nats, load }: PublisherScene): Promise<void> {
  await nats.kill();
  // Commands need no NATS.
  await load.goesOn(20);
  await nats.start();
}

async function frozen({ nats, load }: PublisherScene, random: Random): Promise<void> {
  nats.freeze();
  await load.goesOn(20);
  await pause(random.below(2_500));
  nats.thaw();
}

async function wiped({ nats, load }: PublisherScene): Promise<void> {
  await nats.kill();
  await nats.wipe();
  await load.goesOn(20);
  await nats.start();
}
