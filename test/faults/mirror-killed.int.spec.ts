// kill -9 of the mirror at random moments under load, and between the two halves of a move. Then the bucket must
// show what the tables of the read model show. KILLS=50 makes it long.
import { setTimeout as pause } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { type MirrorScene, setMirrorScene } from './mirror-scene.ts';
import { natsServersBySeed } from './nats-servers.ts';
import { kills, type Random, randomNumbers, sayingTheSeed, seed } from './random.ts';

it.each(natsServersBySeed())(
  'a mirror that is killed again and again equals the read model: %s',
  (_, natsServer) => sayingTheSeed(() => survivesKills(natsServer)),
  60_000 + kills * 10_000,
);

async function survivesKills(natsServer: string): Promise<void> {
  const random = randomNumbers(seed);
  await using scene = await setMirrorScene(natsServer);
  for (let killed = 0; killed < kills; killed++) {
    // The first time in any case, so that the short form has it as well.
    const during = killed === 0 ? 'move' : random.of(['load', 'load', 'load', 'stop', 'start', 'move', 'move']);
    const moves = random.of([0, 400, 400]) ?? 0;
    for (let gateway = 0; gateway < 3; gateway++) await scene.moves(moves);
    if (during === 'move') await diesInMove(scene);
    else await isKilled(scene, { during, moves, random });
    if (random.below(5) === 0) {
      await using _whole = scene.startMirror();
      await scene.follows();
    }
  }
  await using _last = scene.startMirror();
  await scene.load.stop();

  await scene.equalsTheReadModel();
}

/** In the last move of a gateway: what is left undone of any other one is done with the next. */
async function diesInMove(scene: MirrorScene): Promise<void> {
  await using mirror = scene.startMirror({ inMoveOf: await scene.moves(1) });
  await mirror.ended;
  expect(await scene.isHalfAMove(), mirror.lastWords()).toBe(true);
}

async function isKilled(
  scene: MirrorScene,
  { during, moves, random }: { readonly during: string | undefined; readonly moves: number; readonly random: Random },
): Promise<void> {
  await using mirror = scene.startMirror();
  if (during === 'start') await pause(random.below(800));
  else await scene.grows(1 + random.below(moves + 30));
  await pause(random.below(10));
  if (during === 'stop') {
    mirror.child.kill('SIGTERM');
    await pause(random.below(20));
  }
  await mirror.kill();
}
