// kill -9 of the event store at random moments while it is published from, and its start on the same file and port.
import { setTimeout as pause } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { natsServersBySeed } from './nats-servers.ts';
import { setPublisherScene } from './publisher-scene.ts';
import { randomNumbers, restarts, sayingTheSeed, seed } from './random.ts';

it.each(natsServersBySeed())(
  'a publisher whose event store is killed again and again publishes each event once and in order: %s',
  (_, natsServer) => sayingTheSeed(() => survivesRestarts(natsServer)),
  60_000 + restarts * 30_000,
);

async function survivesRestarts(natsServer: string): Promise<void> {
  const random = randomNumbers(seed);
  await using scene = await setPublisherScene(natsServer);
  await using _publisher = scene.startPublisher();
  await scene.isPublished();
  for (let restarted = 0; restarted < restarts; restarted++) {
    await scene.burst(random.of([0, 1_500, 1_500]) ?? 0);
    await pause(random.below(random.of([30, 300]) ?? 30));
    await scene.restartEventStore();
    await scene.load.goesOn(50);
    await scene.isPublished();
  }
  expect((await scene.load.stop()).unavailable).toBeGreaterThan(0);

  await scene.expectNoDifference();
}
