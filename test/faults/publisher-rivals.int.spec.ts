// Two publishers of one log at once. One of them, which may be the one that is ahead, is killed, or frozen and woken when
// the other has long gone on: what it still had to say must change nothing then.
import { setTimeout as pause } from 'node:timers/promises';
import { it } from 'vitest';
import { natsServersBySeed } from './nats-servers.ts';
import { setPublisherScene } from './publisher-scene.ts';
import { kills, randomNumbers, sayingTheSeed, seed } from './random.ts';

const takeoverWithinMs = 10_000;
const rounds = Math.max(3, Math.round(kills / 2));

it.each(natsServersBySeed())(
  'two publishers publish each event once and in order, and one goes on when the other cannot: %s',
  (_, natsServer) => sayingTheSeed(() => publishAsOne(natsServer)),
  60_000 + rounds * 15_000,
);

async function publishAsOne(natsServer: string): Promise<void> {
  const random = randomNumbers(seed);
  await using scene = await setPublisherScene(natsServer);
  const rivals = [scene.startPublisher(), scene.startPublisher()];
  for (let round = 0; round < rounds; round++) {
    await scene.burst(1_500);
    await scene.grows(1 + random.below(1_000));
    const which = random.below(2);
    if (random.below(2) === 0) {
      rivals[which]?.child.kill('SIGSTOP');
      await scene.burst(random.below(500));
      await scene.isPublished(takeoverWithinMs);
      rivals[which]?.child.kill('SIGCONT');
      await pause(random.below(300));
    } else {
      await rivals[which]?.kill();
      await scene.isPublished(takeoverWithinMs);
      rivals[which] = scene.startPublisher();
    }
  }
  await scene.load.stop();

  await scene.expectNoDifference();
}
