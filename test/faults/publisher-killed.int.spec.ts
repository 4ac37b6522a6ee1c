// kill -9 of the publisher at random moments under load: while it starts, while it catches up, while it follows, while it
// stops. KILLS=50 makes it long.
import { setTimeout as pause } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { natsServersBySeed } from './nats-servers.ts';
import { setPublisherScene } from './publisher-scene.ts';
import { kills, randomNumbers, sayingTheSeed, seed } from './random.ts';

it.each(natsServersBySeed())(
  'a publisher that is killed again and again publishes each event once and in order: %s',
  (_, natsServer) => sayingTheSeed(() => survivesKills(natsServer)),
  60_000 + kills * 10_000,
);

async function survivesKills(natsServer: string): Promise<void> {
  const random = randomNumbers(seed);
  await using scene = await setPublisherScene(natsServer);
  let interrupted = 0;
  for (let killed = 0; killed < kills; killed++) {
    const burst = random.of([0, 1_500, 1_500]) ?? 0;
    await scene.burst(burst);
    await using publisher = scene.startPublisher();
    const during = random.of(['load', 'load', 'load', 'load', 'load', 'stop', 'start']);
    if (during === 'start') await pause(random.below(800));
    else await scene.grows(1 + random.below(random.of([50, burst + 50]) ?? 50));
    await pause(random.below(20));
    if (during === 'stop') {
      publisher.child.kill('SIGTERM');
      await pause(random.below(20));
    }
    await publisher.kill();
    if (await scene.isBehind()) interrupted += 1;
  }
  await using _last = scene.startPublisher();
  await scene.load.stop();

  await scene.expectNoDifference();
  // Otherwise nothing was shown.
  expect(interrupted).toBeGreaterThan(kills / 2);
}
