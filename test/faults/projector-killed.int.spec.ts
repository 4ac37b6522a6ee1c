// kill -9 of the projector at random moments under load: while it starts, while it projects, while it stops. KILLS=50
// makes it long.
import { setTimeout as pause } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { createMigratedDatabase } from '../support/database.ts';
import { kills, randomNumbers, sayingTheSeed, seed } from './random.ts';
import { projecting, setScene } from './scene.ts';

it(
  'a projector that is killed again and again leaves no gap, writes nothing twice, and ends with what the log says',
  () => sayingTheSeed(survivesKills),
  60_000 + kills * 10_000,
);

async function survivesKills(): Promise<void> {
  const random = randomNumbers(seed);
  await using database = await createMigratedDatabase();
  await using scene = await setScene(database.url);
  let lives = 0;
  for (let killed = 0; killed < kills; killed++) {
    await scene.load.goesOn(20);
    await using projector = scene.startProjector();
    const during = random.of(['load', 'load', 'load', 'load', 'load', 'load', 'stop', 'start']);
    // Half of them soon, when it catches up with what happened while there was none.
    const milliseconds = random.below(random.of([30, 300]) ?? 300);
    if (during !== 'start') {
      await projector.saysMoreThan(0, projecting);
      lives += 1;
    }
    await pause(during === 'start' ? milliseconds * 3 : milliseconds);
    if (during === 'stop') {
      projector.child.kill('SIGTERM');
      await pause(milliseconds / 10);
    }
    await projector.kill();
  }
  await using _last = scene.startProjector();
  await scene.load.hasTriedAll();
  await scene.load.stop();

  const takeovers = await scene.expectNoDifference();
  expect(takeovers.length).toBeGreaterThan(lives);
}
