// kill -9 of the mirror at random moments under load, many of them between the two halves of a move. Then the bucket must
// show what the tables of the read model show. KILLS=50 makes it long.
import { setTimeout as pause } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { natsServers } from '../support/nats-process.ts';
import { setMirrorScene } from './mirror-scene.ts';
import { kills, randomNumbers, sayingTheSeed, seed } from './random.ts';

it.each(natsServers())(
  'a mirror that is killed again and again equals the read model: %s',
  (_, natsServer) => sayingTheSeed(() => survivesKills(natsServer)),
  60_000 + kills * 10_000,
);

async function survivesKills(natsServer: string): Promise<void> {
  const random = randomNumbers(seed);
  await using scene = await setMirrorScene(natsServer);
  let halves = 0;
  for (let killed = 0; killed < kills; killed++) {
    const moves = random.of([0, 400, 400]) ?? 0;
    for (let gateway = 0; gateway < 3; gateway++) await scene.moves(moves);
    await using mirror = scene.startMirror();
    const during = random.of(['load', 'load', 'load', 'load', 'load', 'stop', 'start']);
    if (during === 'start') await pause(random.below(800));
    else await scene.grows(1 + random.below(moves + 30));
    await pause(random.below(10));
    if (during === 'stop') {
      mirror.child.kill('SIGTERM');
      await pause(random.below(20));
    }
    await mirror.kill();
    if (await scene.isHalfAMove()) halves += 1;
    if (random.below(5) === 0) {
      await using _whole = scene.startMirror();
      await scene.follows();
    }
  }
  await using _last = scene.startMirror();
  await scene.load.stop();

  await scene.equalsTheReadModel();
  // Otherwise the long form has not shown what it is there for.
  if (kills >= 50) expect(halves).toBeGreaterThan(kills / 10);
}
