// kill -9 of the event store at random moments under load, and its start on the same file and port: commands are sent
// again until they are answered, and the projector finds back by itself.
import { setTimeout as pause } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { createMigratedDatabase } from '../support/database.ts';
import { randomNumbers, restarts, sayingTheSeed, seed } from './random.ts';
import { projecting, setScene } from './scene.ts';

it(
  'a projector whose event store is killed again and again goes on where it was',
  () => sayingTheSeed(survivesRestarts),
  60_000 + restarts * 30_000,
);

async function survivesRestarts(): Promise<void> {
  const random = randomNumbers(seed);
  await using database = await createMigratedDatabase();
  await using scene = await setScene(database.url);
  await using projector = scene.startProjector();
  for (let restarted = 0; restarted < restarts; restarted++) {
    await projector.saysMoreThan(restarted, projecting);
    await pause(random.below(300));
    await scene.restartEventStore();
    await scene.load.goesOn(50);
    await scene.isProjected();
  }
  expect((await scene.load.stop()).unavailable).toBeGreaterThan(0);

  const takeovers = await scene.expectNoDifference();
  expect(takeovers.length).toBeGreaterThan(restarts);
}
